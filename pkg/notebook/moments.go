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
	return Infer(s, "moments", func(l inference.Likelihood, ctx context.Context,
		cfg inference.Config,
	) (inference.Inference, error) {
		network, err := s.momentNetwork(ctx, l.Data)
		if err != nil {
			return inference.Inference{}, err
		}
		defer network.Close()
		return inference.MomentInference(ctx, l.Data, cfg, network.Predict, network.Manifest().Maps)
	})
}

func (s *Session) momentNetwork(ctx context.Context,
	held heldout.Data,
) (*baseline.MomentNetwork, error) {
	b, err := backend.Open()
	if err != nil {
		return nil, err
	}
	if shipped, _ := s.shipped(); shipped != "" {
		path := strings.TrimSuffix(shipped, filepath.Ext(shipped)) + ".moments.safetensors"
		if _, err := os.Stat(path); err == nil {
			return baseline.Open(b, path)
		}
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
