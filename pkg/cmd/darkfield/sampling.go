package main

import (
	"encoding/json"
	"fmt"
	"io"

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
	f.StringVar(&c.Sampler, "sampler", c.Sampler, "dpm++ (DPM-Solver++ 2M), ddim, or ddpm "+
		"(ancestral, all 1000 steps); a checkpoint may say other defaults")
	f.IntVar(&c.Steps, "steps", c.Steps, "network evaluations a map, for dpm++ and ddim")
	f.StringVar((*string)(&c.Spacing), "spacing", string(c.Spacing), "of these steps: time or "+
		"log-snr (default: log-snr for dpm++, time for ddim)")
	f.Float64Var(&c.Eta, "eta", c.Eta, "fresh noise of dpm++ and ddim: 0 is none, 1 as much as ddpm's")
	f.IntVar((*int)(&c.ChurnMin), "eta-above", int(c.ChurnMin), "only at times above this, of 1000: less "+
		"to smooth small scales, more errors of the network stay")
	return c
}

// of completes the flags with what the checkpoint says, or else with the defaults. A transfer
// function was measured with what the checkpoint says: another sampler is worth a warning.
func (c *sampling) of(e *emulator.Emulator, warnings io.Writer) (emulator.SampleConfig, error) {
	said, err := c.said()
	if err != nil {
		return c.SampleConfig, err
	}
	own := e.Sampling()
	own.Batch = c.Batch
	out, err := own.With(said)
	if err == nil && e.PowerCorrection() != nil && !out.Same(own) {
		fmt.Fprintf(warnings, "warning: the checkpoint's transfer function was measured with %s, these "+
			"maps are made with %s and get it all the same: their power may be some percent off\n", own, out)
	}
	return out, err
}

// said returns what flags say of the maps, as a manifest holds it; nothing where none was given.
func (c *sampling) said() (json.RawMessage, error) {
	given := map[string]any{}
	c.flags.Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "sampler":
			given["sampler"] = c.Sampler
		case "steps":
			given["steps"] = c.Steps
		case "spacing":
			given["spacing"] = c.Spacing
		case "eta":
			given["eta"] = c.Eta
		case "eta-above":
			given["eta_above"] = c.ChurnMin
		}
	})
	if len(given) == 0 {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(given)
}
