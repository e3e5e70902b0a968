package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
)

// Samplers by the names that users give them.
const (
	DDPM = "ddpm"  // ancestral, all steps of the schedule
	DDIM = "ddim"  // first order, deterministic unless Eta > 0
	DPM  = "dpm++" // DPM-Solver++ (2M): second order, deterministic unless Eta > 0
)

// SampleConfig says how to sample.
type SampleConfig struct {
	// DDPM, DDIM or DPM
	Sampler string `json:"sampler" yaml:"sampler"`
	// network evaluations a map; DDPM takes all of the schedule's
	Steps int `json:"steps" yaml:"steps"`
	// noise of DDIM and DPM: 0 is deterministic
	Eta float64 `json:"eta" yaml:"eta"`
	// that noise only at times above this; 0: at all
	ChurnMin diffusion.Step `json:"eta_above,omitempty" yaml:"eta_above,omitempty"`
	// of the times of DDIM and DPM; "": the sampler's own
	Spacing diffusion.Spacing `json:"spacing,omitempty" yaml:"spacing,omitempty"`
	Batch   int               `json:"batch" yaml:"batch"` // maps at a time
}

// DefaultSampling returns DPM-Solver++ with 25 steps and fresh noise: without the noise, maps of
// a network that is not perfect are far worse than those of ancestral sampling, whatever the
// number of steps. A network that is nearly perfect may do better with noise only at early times;
// its checkpoint can say so (Emulator.Sampling).
func DefaultSampling() SampleConfig {
	return SampleConfig{Sampler: DPM, Steps: 25, Eta: 1, Batch: 20}
}

// With returns c with the fields that a JSON object names, as a manifest holds it; empty: c
// itself. Errors: no object, unknown fields, a setting out of range.
func (c SampleConfig) With(fields json.RawMessage) (SampleConfig, error) {
	if len(fields) == 0 {
		return c, nil
	}
	d := json.NewDecoder(bytes.NewReader(fields))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// String names the sampler with all that its maps depend on, and nothing else, as captions do.
func (c SampleConfig) String() string {
	name := map[string]string{DDPM: "DDPM, all steps", DDIM: "DDIM", DPM: "DPM-Solver++"}[c.Sampler]
	if c.Sampler == DDPM {
		return name
	}
	name = fmt.Sprintf("%s, %d steps", name, c.Steps)
	if c.Eta != 0 {
		name += fmt.Sprintf(" of eta %g", c.Eta)
		if c.ChurnMin != 0 {
			name += fmt.Sprintf(" above t = %d", c.ChurnMin)
		}
	}
	if own := map[string]diffusion.Spacing{
		DDIM: diffusion.DDIMSpacing,
		DPM:  diffusion.DPMSpacing,
	}[c.Sampler]; c.Spacing != "" && c.Spacing != own {
		name += fmt.Sprintf(" even in %s", c.Spacing)
	}
	return name
}

// Same reports whether c and o make the same maps.
func (c SampleConfig) Same(o SampleConfig) bool { return c.String() == o.String() }

// sampler returns the method that c names. All settings must be in range, those too that a method
// does not use.
func (c SampleConfig) sampler(s diffusion.Schedule) (diffusion.Sampler, error) {
	const owner = "emulator.SampleConfig"
	if c.Batch < 1 {
		return nil, fmt.Errorf("%s.Batch = %d, want >= 1", owner, c.Batch)
	}
	if err := diffusion.CheckSettings(owner, s, c.Steps, c.Eta, c.ChurnMin, c.Spacing); err != nil {
		return nil, err
	}
	switch c.Sampler {
	case DDPM:
		if c.Eta != 0 && c.Eta != 1 {
			return nil, fmt.Errorf("%s.Eta = %g, but the noise of %s cannot be chosen: leave it at 1",
				owner, c.Eta, DDPM)
		}
		return diffusion.DDIM{Steps: s.Steps(), Eta: 1}, nil
	case DDIM:
		return diffusion.DDIM{Steps: c.Steps, Eta: c.Eta, ChurnMin: c.ChurnMin, Spacing: c.Spacing}, nil
	case DPM:
		return diffusion.DPMSolver{Steps: c.Steps, Eta: c.Eta, ChurnMin: c.ChurnMin, Spacing: c.Spacing}, nil
	}
	return nil, fmt.Errorf("%s.Sampler = %q, want %s, %s or %s", owner, c.Sampler, DDPM, DDIM, DPM)
}

// Validate returns an error that names a setting out of range for the paper's schedule.
func (c SampleConfig) Validate() error {
	_, err := c.sampler(diffusion.Paper())
	return err
}

// Evaluations returns how often the network is called for one map, by the paper's schedule.
func (c SampleConfig) Evaluations() (int, error) {
	m, err := c.sampler(diffusion.Paper())
	if err != nil {
		return 0, err
	}
	return m.Evaluations(diffusion.Paper()), nil
}

// BatchSize returns how many maps Sample makes at a time of n in all: 50 are made in batches of
// 17, not of 20 with 10 places empty. The rounding of a map depends on it: whoever makes the
// batches of a call one by one, by Raw with this as Batch, gets the same bits.
func (c SampleConfig) BatchSize(n int) int {
	batches := (n + c.Batch - 1) / c.Batch
	if batches <= 1 {
		return c.Batch
	}
	return (n + batches - 1) / batches
}

// ErrNotTrained says that sampled maps hold values that no density can have.
var ErrNotTrained = errors.New("the network makes no maps yet")

// Sample makes one map for each entry of params, in batches of equal size, at most Batch. Map i
// depends on the seed, i and its parameters alone, whatever the size. progress, if not nil, is
// told the network evaluations done and due.
func (e *Emulator) Sample(ctx context.Context, params []cosmology.Params, seed uint64,
	c SampleConfig, progress func(done, all int),
) ([]field.LogMap, error) {
	maps, err := e.Raw(ctx, 0, params, seed, c, progress)
	if err == nil && e.correction != nil {
		e.correction.Apply(maps, params)
	}
	return maps, err
}

// Raw is Sample for the maps from number start on, and before the transfer function: what is kept
// of these serves any number of maps, and any transfer function.
func (e *Emulator) Raw(ctx context.Context, start int, params []cosmology.Params, seed uint64,
	c SampleConfig, progress func(done, all int),
) ([]field.LogMap, error) {
	method, err := c.sampler(e.schedule)
	if err != nil {
		return nil, err
	}
	theta, err := e.thetas(params)
	if err != nil {
		return nil, err
	}
	size := c.BatchSize(len(params))
	batches := (len(params) + size - 1) / size
	out := make([]field.LogMap, 0, len(params))
	for k := range batches {
		first, last := k*size, min((k+1)*size, len(params))
		r := diffusion.Request{
			Pixels: e.Box().Pixels(), ConditionDim: 2, Theta: theta[2*first : 2*last],
			Seed: seed, First: start + first,
		}
		if progress != nil {
			r.Progress = func(done, all int) { progress(k*all+done, batches*all) }
		}
		x, err := method.Sample(ctx, e.denoiser(size), e.schedule, r)
		if errors.Is(err, diffusion.ErrDiverged) {
			err = fmt.Errorf("%w: %w; train longer", ErrNotTrained, err)
		}
		if err != nil {
			return nil, fmt.Errorf("emulator: sample: %w", err)
		}
		for i := range last - first {
			scaled := field.ScaledMap{Box: e.Box(), Values: x[i*r.Pixels : (i+1)*r.Pixels]}
			out = append(out, e.manifest.Scaling.Unscale(scaled))
		}
	}
	return out, nil
}
