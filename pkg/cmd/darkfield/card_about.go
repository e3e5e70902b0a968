package main

import (
	"fmt"
	"path/filepath"
	"time"

	"darkfield/pkg/camels"
	"darkfield/pkg/emulator"
	"darkfield/pkg/modelcard"
	"darkfield/pkg/suite"
	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// aboutOf says what is measured, how and where.
func aboutOf(e *emulator.Emulator, s *camels.Suite, c modelcard.Config, in cardFlags,
) (modelcard.About, error) {
	m := e.Manifest()
	a := modelcard.About{
		Checkpoint: filepath.Base(in.checkpoint), Hash: e.Hash(), Step: m.Step, Network: m.Network,
		Parameters: m.Network.NumParameters(),
		Suite:      m.Data.Suite, Field: s.Field, Box: e.Box(), Prior: m.Prior, Recipe: m.Training,
		Simulations: map[string]int{
			"train":      len(m.Data.Split.Train),
			"validation": len(m.Data.Split.Validation), "test": len(m.Data.Split.Test),
		},
		Sampler: c.Evaluate.Sampling.String(), Measured: c, Universes: map[string]string{},
		Date: time.Now().Format(time.DateOnly), Machine: machine(), Limits: modelcard.OtherLimits,
	}
	if a.Suite == camels.FastPM {
		a.Limits = modelcard.FastPMLimits
	}
	if t := e.PowerCorrection(); t != nil {
		a.Correction = t.String()
	}
	set, _ := s.TrainingSet() // of a suite without one, Card says what is missing
	for _, o := range []struct {
		name, dir string
		set       camels.Set
	}{
		{"data", in.data, set},
		{"control", in.control, camels.LH},
		{"responses", in.responses, camels.OneP},
	} {
		u, known, err := suite.Settings(o.dir, o.set)
		if err != nil {
			return a, err
		}
		if known {
			a.Universes[o.name] = fmt.Sprintf("seed %d, %d³ particles, %d time steps, maps of %d² pixels",
				u.Seed, u.NBody.Particles, u.NBody.Steps, u.Cells)
		}
	}
	// A checkpoint that was moved out of its run has lost its metrics: no time is known then.
	run := filepath.Dir(filepath.Dir(in.checkpoint))
	if took, err := tracking.TrainingTime(training.MetricsPath(run), m.Step); err == nil {
		a.TrainingHours = took.Hours()
	}
	return a, nil
}
