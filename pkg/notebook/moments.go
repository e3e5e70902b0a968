package notebook

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/backend"
	"darkfield/pkg/baseline"
	"darkfield/pkg/study"
)

// Moments infers the parameters of held-out maps by a moment network: the one that comes with
// shipped weights, or one that is trained on the same maps as the run's network.
func (s *Session) Moments(ctx context.Context, cfg study.Config) (study.Inference, error) {
	source := s.Source()
	network, err := s.momentNetwork(ctx, source)
	if err != nil {
		return study.Inference{}, err
	}
	defer network.Close()
	return source.MomentInference(ctx, cfg, network.Predict, network.Manifest().Maps)
}

func (s *Session) momentNetwork(ctx context.Context,
	source study.Source,
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
	data, err := source.TrainingMaps()
	if err != nil {
		return nil, err
	}
	bar := s.page.bar("moment network")
	defer bar.done()
	dir := filepath.Join(s.Run, fmt.Sprintf("moments-%d", source.Box.Cells))
	return baseline.Train(ctx, b, s.Preset.Moments, source.Prior, data, dir,
		func(p baseline.Progress) { bar.count(p.Step, p.Steps) })
}
