package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/pflag"

	"darkfield/pkg/emulator"
)

// sampling is what flags say of a sampler. What none says is the checkpoint's to say.
type sampling struct {
	emulator.SampleConfig
	flags *pflag.FlagSet
}

// samplingFlags adds the flags that choose a sampler.
func samplingFlags(f *pflag.FlagSet) *sampling {
	c := samplerFlags(f)
	f.IntVar(&c.Batch, "batch", c.Batch, "maps at a time; the maps do not depend on it")
	return c
}

// samplerFlags adds those that maps depend on.
func samplerFlags(f *pflag.FlagSet) *sampling {
	c := &sampling{emulator.DefaultSampling(), f}
	f.StringVar(&c.Sampler, "sampler", c.Sampler, "dpm++ (DPM-Solver++ 2M), ddim, or ddpm (ancestral, all 1000 steps); a checkpoint may say other defaults")
	f.IntVar(&c.Steps, "steps", c.Steps, "network evaluations a map, for dpm++ and ddim")
	f.StringVar((*string)(&c.Spacing), "spacing", string(c.Spacing), "of these steps: time or log-snr (default: log-snr for dpm++, time for ddim)")
	f.Float64Var(&c.Eta, "eta", c.Eta, "fresh noise of dpm++ and ddim: 0 is none, 1 as much as ddpm's")
	f.IntVar((*int)(&c.Above), "eta-above", int(c.Above), "only at times above this, of 1000: less to smooth small scales, more errors of the network stay")
	return c
}

// of completes the flags with what the checkpoint says, or else with the defaults.
func (c *sampling) of(e *emulator.Emulator) (emulator.SampleConfig, error) {
	out := e.Sampling()
	for name, take := range map[string]func(){
		"sampler":   func() { out.Sampler = c.Sampler },
		"steps":     func() { out.Steps = c.Steps },
		"spacing":   func() { out.Spacing = c.Spacing },
		"eta":       func() { out.Eta = c.Eta },
		"eta-above": func() { out.Above = c.Above },
		"batch":     func() { out.Batch = c.Batch },
	} {
		if c.flags.Changed(name) {
			take()
		}
	}
	return out, out.Validate()
}

// said returns what flags say, for a manifest; nothing where none was given.
func (c *sampling) said() (json.RawMessage, error) {
	given := map[string]any{}
	for name, v := range map[string]any{"sampler": c.Sampler, "steps": c.Steps, "spacing": c.Spacing, "eta": c.Eta, "eta-above": c.Above} {
		if c.flags.Changed(name) {
			given[strings.ReplaceAll(name, "-", "_")] = v
		}
	}
	if len(given) == 0 {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(given)
}
