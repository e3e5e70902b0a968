package baseline

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// batch is the input of one step.
type batch struct {
	size, side int
	x          []float32 // standardised maps
	theta      []float32 // standardised parameters; nil where there are none
}

func (b batch) maps() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(b.x, b.size, b.side, b.side, 1)
}

// standard holds the units of the network's inputs and outputs.
type standard struct {
	prior     cosmology.Prior
	mean, std float64 // of the log10 pixels
}

// standardOf returns the standard of training maps; its deviation is 0 if all pixels are equal.
func standardOf(prior cosmology.Prior, maps []Labelled) standard {
	s, n := standard{prior: prior}, 0.0
	for _, m := range maps {
		s.mean += m.Map.Mean()
		n++
	}
	s.mean /= n
	square := 0.0
	for _, m := range maps {
		for _, v := range m.Map.Values {
			square += (float64(v) - s.mean) * (float64(v) - s.mean) / float64(len(m.Map.Values))
		}
	}
	s.std = math.Sqrt(square / n)
	return s
}

// theta returns parameters relative to the centre of the prior in units of its standard deviation,
// that of a uniform density.
func (s standard) theta(p cosmology.Params) [thetas]float64 {
	u := s.prior.Unit(p)
	return [thetas]float64{(u[0] - 0.5) * math.Sqrt(12), (u[1] - 0.5) * math.Sqrt(12)}
}

// moments is the inverse of theta, for means and variances.
func (s standard) moments(mean, variance [thetas]float64) Moments {
	centre, width := make(cosmology.UnitParams, thetas), make(cosmology.UnitParams, thetas)
	for i := range thetas {
		centre[i] = 0.5 + mean[i]/math.Sqrt(12)
		width[i] = math.Sqrt(variance[i] / 12)
	}
	p, zero := s.prior.Params(width), s.prior.Params(make(cosmology.UnitParams, thetas))
	return Moments{Mean: s.prior.Params(centre), Std: cosmology.Params{
		OmegaM: p.OmegaM - zero.OmegaM,
		Sigma8: p.Sigma8 - zero.Sigma8,
	}}
}

// fill writes the standardised pixels of an augmented map to dst; scratch has the same length.
func (s standard) fill(dst, scratch []float32, m field.LogMap, p field.Augmentation) {
	p.ApplyTo(scratch, m.Values, m.Box.Cells)
	for i, v := range scratch {
		dst[i] = float32((float64(v) - s.mean) / s.std)
	}
}

// epochs is the stream of random numbers of the epochs' batches.
const epochs uint64 = 2

func stream(seed, which, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, which<<56|n))
}

// epoch returns the function that draws the batches of epoch n = 1, 2, …, in order: all maps
// shuffled, each with a random augmentation; those that fill no batch are left out.
func (s standard) epoch(c Config, n int, maps []Labelled) func() batch {
	rng := stream(c.Seed, epochs, uint64(n))
	order := rng.Perm(len(maps))
	box := maps[0].Map.Box
	scratch := make([]float32, box.Pixels())
	return func() batch {
		b := batch{size: c.Batch, side: box.Cells, x: make([]float32, c.Batch*box.Pixels())}
		for j, i := range order[:c.Batch] {
			s.fill(b.x[j*box.Pixels():(j+1)*box.Pixels()], scratch, maps[i].Map,
				field.RandomAugmentation(rng, box.Cells))
			for _, v := range s.theta(maps[i].Theta) {
				b.theta = append(b.theta, float32(v))
			}
		}
		order = order[c.Batch:]
		return b
	}
}
