package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
)

// Samplers by the names that users give them.
const (
	DDPM = "ddpm"  // ancestral, all steps of the schedule
	DDIM = "ddim"  // first order, deterministic unless Eta > 0
	DPM  = "dpm++" // DPM-Solver++ (2M): second order, deterministic unless Eta > 0
)

// SampleConfig says how to sample.
type SampleConfig struct {
	// Sampler is DDPM, DDIM or DPM.
	Sampler string `json:"sampler" yaml:"sampler"`
	// Steps is the number of network evaluations per map; DDPM takes all of the schedule's.
	Steps int `json:"steps" yaml:"steps"`
	// Eta is the share of fresh noise of DDIM and DPM: 0 is deterministic, 1 is ancestral.
	Eta float64 `json:"eta" yaml:"eta"`
	// ChurnMin is the time above which there is fresh noise; 0: at all times.
	ChurnMin diffusion.Step `json:"eta_above,omitempty" yaml:"eta_above,omitempty"`
	// Spacing of the times of DDIM and DPM; "": the sampler's default.
	Spacing diffusion.Spacing `json:"spacing,omitempty" yaml:"spacing,omitempty"`
	// Trapezoid is that of diffusion.DPMSolver; other samplers have none.
	Trapezoid bool `json:"trapezoid,omitempty" yaml:"trapezoid,omitempty"`
	// Precision of the network that makes the maps: Float32 or BFloat16. Likelihoods are float32
	// always.
	Precision network.Precision `json:"precision,omitempty" yaml:"precision,omitempty"`
	// OnDevice keeps maps on the device between network evaluations and draws their noise there: for
	// GPUs. The noise is other than the host's, and so are the maps.
	OnDevice bool `json:"on_device,omitempty" yaml:"on_device,omitempty"`
	Batch    int  `json:"batch" yaml:"batch"` // maps at a time
}

// DefaultSampling returns DPM-Solver++ with 25 steps and fresh noise, which corrects the errors of
// an imperfect network. A network with small errors may do better with ChurnMin > 0; its manifest
// can say so (Emulator.Sampling).
func DefaultSampling() SampleConfig {
	return SampleConfig{Sampler: DPM, Steps: 25, Eta: 1, Batch: 20}
}

// With returns c with the fields of a JSON object as manifests hold it; empty text returns c. It
// returns an error for text that is no object, unknown fields and a setting out of range.
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

// String returns the sampler with all settings that its maps depend on, for captions.
func (c SampleConfig) String() string {
	name := map[string]string{DDPM: "DDPM, all steps", DDIM: "DDIM", DPM: "DPM-Solver++"}[c.Sampler]
	precision := ""
	if c.Precision != network.Float32 {
		precision = ", in " + c.Precision.String()
	}
	if c.OnDevice {
		precision += ", noise of the device"
	}
	if c.Sampler == DDPM {
		return name + precision
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
		name += fmt.Sprintf(" uniform in %s", c.Spacing)
	}
	if c.Trapezoid && c.Sampler == DPM {
		name += ", the last one trapezoidal"
	}
	return name + precision
}

// Same reports whether c and o make the same maps.
func (c SampleConfig) Same(o SampleConfig) bool { return c.String() == o.String() }

// sampler returns the sampler that c names. All settings must be in range, including those that it
// does not use.
func (c SampleConfig) sampler(s diffusion.Schedule) (diffusion.Sampler, error) {
	const owner = "emulator.SampleConfig"
	if c.Batch < 1 {
		return nil, fmt.Errorf("%s.Batch = %d, want >= 1", owner, c.Batch)
	}
	if c.Precision != network.Float32 && c.Precision != network.BFloat16 {
		return nil, fmt.Errorf(`%s.Precision = %q, want "" (float32) or "bfloat16"`, owner,
			string(c.Precision))
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
		return diffusion.DPMSolver{
			Steps: c.Steps, Eta: c.Eta, ChurnMin: c.ChurnMin, Spacing: c.Spacing, Trapezoid: c.Trapezoid,
		}, nil
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
	return len(m.Moves(diffusion.Paper())), nil
}

// fewMaps is the number of maps for which a batch of their own is worth its compilation.
const fewMaps = 4

// BatchSize returns the number of maps per batch when Sample makes n maps: 1 or a few for as many
// or less, else the smallest that needs no more batches than Batch does, so that the last one is
// nearly full. The last bits of a map depend on it: Raw with this as Batch gives the maps of one
// of Sample's batches bit for bit.
func (c SampleConfig) BatchSize(n int) int {
	batches := (n + c.Batch - 1) / c.Batch
	switch {
	case n <= 1:
		return 1
	case n <= fewMaps:
		return min(fewMaps, c.Batch)
	case batches <= 1:
		return c.Batch
	}
	return (n + batches - 1) / batches
}

// ErrNotTrained is the error for sampled maps that are not finite.
var ErrNotTrained = errors.New("the network makes no maps yet")

// Sample makes one map for each entry of params, in batches of equal size, at most Batch. Map i
// depends on the seed, i and its parameters only. progress, unless nil, is told the network
// evaluations done and due.
func (e *Emulator) Sample(ctx context.Context, params []cosmology.Params, seed uint64,
	c SampleConfig, progress func(done, all int),
) ([]field.LogMap, error) {
	maps, err := e.Raw(ctx, 0, params, seed, c, progress)
	if err == nil && e.correction != nil {
		e.correction.Apply(maps, params)
	}
	return maps, err
}

// Watch makes one map and calls observe with it after each step, at the time that the step leads
// to; the last is the map itself, at time 0, before a power correction.
func (e *Emulator) Watch(ctx context.Context, p cosmology.Params, seed uint64, c SampleConfig,
	observe func(t diffusion.Step, m field.LogMap),
) (field.LogMap, error) {
	maps, err := e.raw(ctx, 0, []cosmology.Params{p}, seed, c, nil,
		func(t diffusion.Step, x []float32) { observe(t, e.unscaled(x[:e.Box().Pixels()])) })
	if err != nil {
		return field.LogMap{}, err
	}
	return maps[0], nil
}

// unscaled returns the map of scaled pixels, which it copies.
func (e *Emulator) unscaled(x []float32) field.LogMap {
	return e.manifest.Scaling.Unscale(field.ScaledMap{Box: e.Box(), Values: slices.Clone(x)})
}

// Raw is Sample for the maps from number start on, without the power correction, so that stored
// maps can be extended and corrected later.
func (e *Emulator) Raw(ctx context.Context, start int, params []cosmology.Params, seed uint64,
	c SampleConfig, progress func(done, all int),
) ([]field.LogMap, error) {
	return e.raw(ctx, start, params, seed, c, progress, nil)
}

func (e *Emulator) raw(ctx context.Context, start int, params []cosmology.Params, seed uint64,
	c SampleConfig, progress func(done, all int), observe func(diffusion.Step, []float32),
) ([]field.LogMap, error) {
	method, err := c.sampler(e.schedule)
	if err != nil {
		return nil, err
	}
	theta, err := e.thetas(params)
	if err != nil {
		return nil, err
	}
	size, n := c.BatchSize(len(params)), e.manifest.Prior.Len()
	denoiser, err := e.denoiserIn(c.Precision, size)
	if err != nil {
		return nil, err
	}
	batches, moves := (len(params)+size-1)/size, method.Moves(e.schedule)
	out := make([]field.LogMap, 0, len(params))
	for k := range batches {
		first, last := k*size, min((k+1)*size, len(params))
		r := diffusion.Request{
			Pixels: e.Box().Pixels(), ConditionDim: n, Theta: theta[n*first : n*last],
			Seed: seed, First: start + first, Observe: observe,
		}
		if progress != nil {
			r.Progress = func(done, all int) { progress(k*all+done, batches*all) }
		}
		var x []float32
		if c.OnDevice {
			x, err = e.device.sample(ctx, moves, c.Precision, size, r)
		} else {
			x, err = method.Sample(ctx, denoiser, e.schedule, r)
		}
		if errors.Is(err, diffusion.ErrDiverged) {
			err = fmt.Errorf("%w: %w; train longer", ErrNotTrained, err)
		}
		if err != nil {
			return nil, fmt.Errorf("emulator: sample: %w", err)
		}
		for i := range last - first {
			out = append(out, e.unscaled(x[i*r.Pixels:(i+1)*r.Pixels]))
		}
	}
	return out, nil
}
