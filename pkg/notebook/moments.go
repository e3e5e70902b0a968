package notebook

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/backend"
	"darkfield/pkg/baseline"
	"darkfield/pkg/heldout"
	"darkfield/pkg/inference"
)

// Moments infers the parameters of held-out maps by a moment network: the one that comes with
// shipped weights, or one that is trained on the same maps as the run's network.
func (s *Session) Moments() inference.Inference {
	l, cfg := s.Likelihood(), s.Preset.Inference
	return Must(recall(s, "moments", Must(s.momentKey(l.Data)), func() (inference.Inference, error) {
		network, err := s.momentNetwork(s.ctx, l.Data)
		if err != nil {
			return inference.Inference{}, err
		}
		defer network.Close()
		return inference.MomentInference(s.ctx, l.Data, cfg, network.Predict, network.Manifest().Maps)
	}))
}

// momentKey is what the answers of the moment network depend on besides data and code: not the
// figures' network, but that network's own file, or else how it is trained.
func (s *Session) momentKey(held heldout.Data) ([]any, error) {
	file := ""
	if path := s.shippedMoments(); path != "" {
		var err error
		if file, err = hashFile(path); err != nil {
			return nil, err
		}
	}
	return []any{s.Preset.Inference, s.Preset.Moments, held.Train, held.Validation, file}, nil
}

// shippedMoments is the file of the moment network that comes with shipped weights; "": there is
// none.
func (s *Session) shippedMoments() string {
	shipped, _ := s.shipped()
	path := strings.TrimSuffix(shipped, filepath.Ext(shipped)) + ".moments.safetensors"
	if _, err := os.Stat(path); shipped == "" || err != nil {
		return ""
	}
	return path
}

func (s *Session) momentNetwork(ctx context.Context,
	held heldout.Data,
) (*baseline.MomentNetwork, error) {
	b, err := backend.Open()
	if err != nil {
		return nil, err
	}
	if path := s.shippedMoments(); path != "" {
		return baseline.Open(b, path)
	}
	data, err := inference.TrainingMaps(held, inference.Observed{})
	if err != nil {
		return nil, err
	}
	bar := s.page.bar("moment network")
	defer bar.done()
	dir := filepath.Join(s.Run, fmt.Sprintf("moments-%d", held.Box.Cells))
	return baseline.Train(ctx, b, s.Preset.Moments, held.Prior, data, dir,
		func(p baseline.Progress) { bar.count(p.Step, p.Steps) })
}
