package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"darkfield/pkg/emulator"
)

// sampling is what flags say of a sampler. What none says is the checkpoint's to say.
type sampling struct {
	emulator.SampleConfig
	flags *pflag.FlagSet
}

// samplingFlags adds the flags that choose a sampler, and how many maps it makes at a time.
func samplingFlags(f *pflag.FlagSet) *sampling {
	c := samplerFlags(f)
	chunkFlag(f, &c.Batch)
	return c
}

// samplerFlags adds those that maps depend on.
func samplerFlags(f *pflag.FlagSet) *sampling {
	c := &sampling{emulator.DefaultSampling(), f}
	f.StringVar(&c.Sampler, "sampler", c.Sampler, "`METHOD`: dpm++ (DPM-Solver++ 2M), ddim, or ddpm "+
		"(ancestral, every time step); a checkpoint may hold settings of its own for this and for "+
		"sampler-steps, spacing, eta, eta-above and trapezoid, which are then the defaults")
	f.IntVar(&c.Steps, "sampler-steps", c.Steps, "`N` network evaluations a map, of dpm++ and ddim")
	f.StringVar((*string)(&c.Spacing), "spacing", string(c.Spacing), "`SPACING` of these "+
		"evaluations, even in time or log-snr; default: log-snr for dpm++, time for ddim")
	f.Float64Var(&c.Eta, "eta", c.Eta, "amplitude `η` of the fresh noise of dpm++ and ddim: 0 for "+
		"none, 1 for that of ddpm")
	f.IntVar((*int)(&c.ChurnMin), "eta-above", int(c.ChurnMin), "add the fresh noise only at time "+
		"steps above `T` (S_tmin of Karras et al. 2022), 0 to 1000")
	f.BoolVar(&c.Trapezoid, "trapezoid", c.Trapezoid, "take the last step of dpm++ by the "+
		"trapezoidal rule, so that small scales keep their power")
	precisionFlag(f, &c.Precision)
	f.BoolVar(&c.OnDevice, "on-device", c.OnDevice, "keep maps on the device and draw their noise "+
		"there, for GPUs: other maps than with the noise of the host")
	return c
}

// of completes the flags with what the checkpoint says, or else with the defaults. A power-spectrum
// correction was measured with what the checkpoint says: another sampler is worth a warning.
func (c *sampling) of(e *emulator.Emulator, warnings io.Writer) (emulator.SampleConfig, error) {
	said, err := c.said()
	if err != nil {
		return c.SampleConfig, err
	}
	own := e.Sampling()
	own.Batch = c.Batch
	out, err := own.With(said)
	if err == nil && e.PowerCorrection() != nil && !out.Same(own) {
		fmt.Fprintf(warnings, "warning: the checkpoint's power-spectrum correction was measured with "+
			"%s, these maps are made with %s and get it all the same: their power may be some percent "+
			"off\n", own, out)
	}
	return out, err
}

// said returns what flags say of the maps, as a manifest holds it; nothing where none was given.
func (c *sampling) said() (json.RawMessage, error) {
	given := map[string]any{}
	for flag, value := range map[string]any{
		"sampler": c.Sampler, "sampler-steps": c.Steps, "spacing": c.Spacing, "eta": c.Eta,
		"eta-above": c.ChurnMin, "trapezoid": c.Trapezoid, "precision": c.Precision,
		"on-device": c.OnDevice,
	} {
		if c.flags.Changed(flag) {
			given[strings.ReplaceAll(strings.TrimPrefix(flag, "sampler-"), "-", "_")] = value
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
