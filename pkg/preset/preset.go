// Package preset holds the named sizes of a study, composed from the packages' defaults.
package preset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"darkfield/pkg/baseline"
	"darkfield/pkg/camels"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/hmc"
	"darkfield/pkg/inference"
	"darkfield/pkg/nbody"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
	"darkfield/pkg/validation"
)

// Preset is everything that a run from data to figures needs to know.
type Preset struct {
	Name      string
	About     string // for help texts
	Universe  Universe
	Network   unet.Config
	Stages    []Stage // of the training, each from the averaged weights of the one before
	Evaluate  evaluate.Config
	Inference inference.Config
	Probe     Probe

	// Pretrained names a file of data/pretrained that figures are made with where it is there and
	// the user brings no maps; empty: they show what Stages trains. It has to be trained on LH
	// universes of the same seed, so that its held-out ones are held out here, too.
	Pretrained string

	Validation  validation.Config // of the simulator
	Calibration Calibration       // of the likelihood
	Moments     baseline.Config   // of the moment network that it is compared with
}

// Calibration says how posteriors are calibrated and what is shown of them.
type Calibration struct {
	Config inference.CalibrateConfig
	// held-out ones that are inferred where the calibration came with weights or cannot be made
	Simulations int
	Chains      hmc.Config // for one map
}

// Stage is a training on maps of one side.
type Stage struct {
	Side     int // pixels
	Training training.Config
}

// Side returns the pixels of the maps that the last stage is trained on.
func (p Preset) Side() int { return p.Stages[len(p.Stages)-1].Side }

// Probe is a small training that checks, in a minute or two, that the loss falls as it should.
type Probe struct {
	Stage
	Network unet.Config
}

// probe trains a network of width 8 on 32² maps.
func probe(steps int) Probe {
	t := training.Default()
	t.Steps, t.Batch, t.LearningRate, t.Warmup = steps, 10, 1e-3, training.Count(10)
	t.CheckpointEvery, t.ValidateEvery, t.ValidationMaps, t.LogEvery = steps, max(steps/5, 1), 100, 5
	return Probe{Stage{32, t}, unet.Default().WithDim(8)}
}

// Universe says which boxes to simulate where the user brings no maps.
type Universe struct {
	Seed  uint64
	Sims  map[camels.Set]int
	NBody nbody.Config
}

// Names lists the presets, smallest first.
func Names() []string { return []string{"smoke", "quick", "standard", "paper"} }

// Get returns a preset by name.
func Get(name string) (Preset, error) {
	switch name {
	case "smoke":
		return smoke(), nil
	case "quick":
		return quick(), nil
	case "standard":
		return standard(), nil
	case "paper":
		return paper(), nil
	}
	return Preset{}, fmt.Errorf("preset: unknown preset %q, known are %s", name,
		strings.Join(Names(), ", "))
}

// Validate returns an error that names every field that is out of range.
func (p Preset) Validate() error {
	errs := []error{
		p.Network.Validate(), p.Probe.Network.Validate(), p.Probe.Training.Validate(),
		p.Evaluate.Validate(), p.Inference.Validate(), p.Universe.NBody.Validate(),
		p.Validation.Validate(),
		p.Calibration.Config.Bound.Validate(), p.Calibration.Config.Report.Validate(),
		p.Calibration.Chains.Validate(),
	}
	if n := p.Calibration.Simulations; n < 2 {
		errs = append(errs, fmt.Errorf("preset.Preset.Calibration.Simulations = %d, want at least 2", n))
	}
	if !slices.Contains(Names(), p.Name) {
		errs = append(errs, fmt.Errorf("preset.Preset.Name = %q, want one of %s", p.Name,
			strings.Join(Names(), ", ")))
	}
	if len(p.Stages) == 0 {
		errs = append(errs, errors.New("preset.Preset.Stages is empty, want at least one"))
	}
	for i, s := range p.Stages {
		errs = append(errs, s.Training.Validate())
		if err := p.Network.CheckSide(s.Side); err != nil {
			errs = append(errs, fmt.Errorf("preset.Preset.Stages[%d].Side = %d: %w", i, s.Side, err))
		}
		if prediction := p.Stages[0].Training.Prediction; s.Training.Prediction != prediction {
			errs = append(errs, fmt.Errorf("preset.Preset.Stages[%d].Training.Prediction = %q, want the "+
				"first stage's %q: the weights are of one model", i, s.Training.Prediction, prediction))
		}
	}
	return errors.Join(errs...)
}

// calibration takes few draws, since a gradient through the network costs three evaluations of it.
func calibration(simulations, chains, draws int) Calibration {
	c := Calibration{
		Config: inference.DefaultCalibrate(), Simulations: simulations,
		Chains: hmc.Default(),
	}
	c.Chains.Chains, c.Chains.Warmup, c.Chains.Draws, c.Chains.MaxSteps = chains,
		max(50, draws/2), draws, 4
	return c
}

// moments trains the moment network for so many passes over the training maps.
func moments(epochs int) baseline.Config {
	c := baseline.Default()
	c.Epochs = epochs
	return c
}

// smoke runs every step of every notebook on pictures too small to mean much.
func smoke() Preset {
	n := nbody.Default()
	n.Particles, n.Steps, n.Pixels, n.Neighbours = 32, 20, 128, 16
	t := training.Default()
	t.Steps, t.Batch, t.LearningRate, t.Warmup = 60, 10, 1e-3, training.Percent(16.7)
	t.CheckpointEvery, t.ValidateEvery, t.ValidationMaps, t.LogEvery = 60, 20, 40, 5
	e, i := evaluate.Default(), inference.Default()
	e.ValidationParams, e.MapsPerParam, e.OnePSeeds = 3, 15, 3
	i.Maps, i.GridPoints, i.Contours = 2, 16, []int{0, 5, 20}
	e.Sampling.Steps, e.Sampling.Batch = 5, 15
	c := calibration(2, 2, 10)
	c.Config.Bound.Quadrature = diffusion.Paper().Quadrature(0, 3)
	network := unet.Default().WithDim(8)
	network.Multipliers = []int{1, 2} // compiled in half the time of four levels
	return Preset{
		Name: "smoke", About: "32², 24 simulations, minutes: every step, no meaning",
		Universe: Universe{Seed: 1, Sims: map[camels.Set]int{camels.LH: 24, camels.OneP: 22}, NBody: n},
		Network:  network, Stages: []Stage{{32, t}}, Evaluate: e, Inference: i,
		Probe:      probe(10),
		Validation: validation.Smoke(), Calibration: c, Moments: moments(1),
	}
}

// quick shows every figure within a quarter of an hour on a laptop.
func quick() Preset {
	t := training.Default()
	t.Steps, t.LearningRate, t.Warmup, t.CosineTo = 50, 1e-3, training.Percent(10),
		training.Percent(100)
	t.CheckpointEvery, t.ValidateEvery, t.ValidationMaps, t.LogEvery = 25, 25, 60, 5
	e := evaluate.Default()
	e.MapsPerParam, e.OnePSeeds = 15, 5
	e.Sampling.Batch = 5 // one program for all figures, and none of its maps is thrown away
	c := calibration(3, 2, 20)
	c.Chains.MaxSteps = 1 // each takes a gradient through the network for every term
	return Preset{
		Name: "quick", About: "100 simulations, 50 training steps at 64², figures from shipped " +
			"weights: a first look",
		Universe: Universe{
			Seed: 1, Sims: map[camels.Set]int{camels.LH: 100, camels.OneP: 10},
			NBody: nbody.Default(),
		},
		Network: unet.Default().WithDim(16), Stages: []Stage{{64, t}}, Evaluate: e,
		Inference: inference.Default(), Probe: probe(100),
		Pretrained: "fastpm-64.safetensors",
		Validation: validation.Quick(), Calibration: c, Moments: moments(10),
	}
}

// standard is a study that means something without a GPU, with the recipe of the shipped weights.
// A step at 32² costs a third of one at 64².
func standard() Preset {
	t := training.Default()
	t.Prediction, t.Weighting, t.Loss = diffusion.PredictV, diffusion.UniformV, training.MeanSquare
	t.Steps, t.LearningRate, t.Warmup, t.CosineTo = 30_000, 7e-4, training.Percent(1),
		training.Percent(100)
	t.EMAWidth, t.ClipNorm, t.Stratified, t.LogUniformShare, t.Shifts = 0.1, 1, true, 0.5, true
	t.CheckpointEvery, t.ValidateEvery = 1000, 500
	coarse := t
	coarse.Steps, coarse.Warmup = 20_000, training.Percent(1.5)
	e := evaluate.Default()
	e.Sampling.Steps = 50
	return Preset{
		Name: "standard", About: "1000 simulations, 20 000 training steps at 32², then 30 000 at 64²: " +
			"a night",
		Universe: Universe{Seed: 1, Sims: map[camels.Set]int{
			camels.LH: 1000, camels.OneP: 22,
			camels.CV: 27,
		}, NBody: nbody.Default()},
		Network: unet.Default().WithDim(16), Stages: []Stage{{32, coarse}, {64, t}}, Evaluate: e,
		Inference:  inference.Default(),
		Probe:      probe(300),
		Validation: validation.Full(), Calibration: calibration(30, 4, 150), Moments: moments(20),
	}
}

// paper is the training of Mudur et al. (2023), for CAMELS' maps and a GPU.
func paper() Preset {
	p := standard()
	p.Name, p.About = "paper", "the paper's network and training, 60 000 steps at 64², then 500 000 "+
		"at 256², for CAMELS' maps and a GPU"
	fine := training.Default()
	fine.Steps = 500_000
	// an epoch of CMD's 10 500 training maps is 525 steps
	for _, epochs := range []float64{120, 140, 160, 180} {
		fine.HalveAt = append(fine.HalveAt, training.Percent(100*epochs*525/500_000))
	}
	p.Network, p.Stages = unet.Default(), []Stage{{64, training.Default()}, {256, fine}}
	for i := range p.Stages {
		// A GPU is faster so, and has the memory.
		p.Stages[i].Training.MicroBatch, p.Stages[i].Training.Fused = training.WholeBatch, true
	}
	p.Evaluate.Sampling.Sampler, p.Evaluate.Sampling.OnDevice = "ddpm", true
	return p
}
