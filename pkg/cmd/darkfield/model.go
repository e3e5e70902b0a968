package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"darkfield/pkg/backend"
	"darkfield/pkg/emulator"
	"darkfield/pkg/training"
)

// checkpointFile returns the file of a checkpoint, or of a run directory the one that was selected or else the newest.
func checkpointFile(path string) (string, error) {
	path, err := checkpointOf(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("checkpoint: %w: name a .safetensors file or a run directory", err)
	}
	return path, nil
}

// openEmulator opens a checkpoint, or of a run directory the one that was selected or else the newest.
func openEmulator(path string) (*emulator.Emulator, error) {
	path, err := checkpointFile(path)
	if err != nil {
		return nil, err
	}
	b, err := backend.Open()
	if err != nil {
		return nil, err
	}
	return emulator.Open(b, path)
}

// checkpointOf returns a file as it is, and of a run directory the selected checkpoint or else the newest.
func checkpointOf(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return training.BestCheckpoint(path)
	}
	return path, nil
}

// samplingFlags adds the flags that choose a sampler.
func samplingFlags(f *pflag.FlagSet, c *emulator.SampleConfig) {
	*c = emulator.DefaultSampling()
	f.StringVar(&c.Sampler, "sampler", c.Sampler, "dpm++ (DPM-Solver++ 2M), ddim, or ddpm (ancestral, all 1000 steps)")
	f.IntVar(&c.Steps, "steps", c.Steps, "network evaluations a map, for dpm++ and ddim")
	f.StringVar((*string)(&c.Spacing), "spacing", string(c.Spacing), "of these steps: time or log-snr (default: log-snr for dpm++, time for ddim)")
	f.Float64Var(&c.Eta, "eta", c.Eta, "noise of dpm++ and ddim: 0 is deterministic, 1 as noisy as ddpm")
	f.IntVar((*int)(&c.Above), "eta-above", int(c.Above), "fresh noise of dpm++ and ddim only at times above this, of 1000; 0: at all")
	f.IntVar(&c.Batch, "batch", c.Batch, "maps at a time; the maps do not depend on it")
}
