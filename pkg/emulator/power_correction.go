package emulator

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/fft"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/responsefit"
)

// PowerCorrection multiplies the power of generated log10 maps by a factor in each ring of
// wavenumbers, which depends smoothly on the parameters. It corrects the few per cent by which the
// power of a network's maps responds too weakly to the parameters at large scales. Sampling applies
// it; the VLB does not know it.
//
// Ring b = 1 … Side/2 holds the modes with b − 1 < |n| <= b, where n is the integer wavevector, as
// the bins of spectra do. Modes beyond share the last ring's factor; the mean is left alone.
type PowerCorrection struct {
	Side  int                  `json:"side"`  // pixels
	Rings responsefit.Response `json:"rings"` // factor of power in each
}

const correctionDegree = 3 // of the polynomials of the factors in the parameters

// NewPowerCorrection returns a correction by factors of 1.
func NewPowerCorrection(side int, prior cosmology.Prior) PowerCorrection {
	t := PowerCorrection{
		Side:  side,
		Rings: responsefit.Response{Basis: responsefit.Basis{Prior: prior, Degree: correctionDegree}},
	}
	for range side / 2 {
		t.Rings.Coefficients = append(t.Rings.Coefficients, make([]float64, t.Rings.Basis.Len()))
	}
	return t
}

// Validate returns an error unless there are finite coefficients for each ring.
func (t PowerCorrection) Validate() error {
	if t.Side < 8 || t.Side&(t.Side-1) != 0 {
		return fmt.Errorf("emulator.PowerCorrection.Side = %d, want a power of two >= 8", t.Side)
	}
	if len(t.Rings.Coefficients) != t.Side/2 {
		return fmt.Errorf("emulator.PowerCorrection.Rings: %d for maps of %d pixels per side, want %d",
			len(t.Rings.Coefficients), t.Side, t.Side/2)
	}
	for b, c := range t.Rings.Coefficients {
		if len(c) != t.Rings.Basis.Len() {
			return fmt.Errorf("emulator.PowerCorrection.Rings.Coefficients[%d] are %d, want %d for "+
				"polynomials of degree %d", b, len(c), t.Rings.Basis.Len(), t.Rings.Basis.Degree)
		}
		for _, v := range c {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("emulator.PowerCorrection.Rings.Coefficients[%d] hold %g, want finite "+
					"numbers", b, v)
			}
		}
	}
	return nil
}

// Times multiplies the factors of t by those of a correction that the maps already have.
func (t PowerCorrection) Times(old PowerCorrection) {
	for b, c := range t.Rings.Coefficients {
		floats.Add(c, old.Rings.Coefficients[b])
	}
}

// Power returns the factor of power in each ring b = 1, 2, … at p.
func (t PowerCorrection) Power(p cosmology.Params) []float64 { return t.Rings.At(p) }

// Apply corrects maps in place; maps[i] was generated at params[i].
func (t PowerCorrection) Apply(maps []field.LogMap, params []cosmology.Params) {
	plan := fft.NewPlan(t.Side)
	for i, m := range maps {
		t.apply(plan, m, params[i])
	}
}

// apply corrects m, which was generated at p, in place.
func (t PowerCorrection) apply(plan *fft.Plan, m field.LogMap, p cosmology.Params) {
	power, n, columns := t.Power(p), t.Side, plan.Modes()
	mean := float32(m.Mean())
	for i := range m.Values {
		m.Values[i] -= mean
	}
	modes := make([]complex64, n*columns)
	plan.ForwardPlane(modes, m.Values)
	for i := range n {
		ky := min(i, n-i)
		for kx := range columns {
			b := min(int(math.Ceil(math.Sqrt(float64(ky*ky+kx*kx)))), n/2)
			f := 1.0
			if b > 0 {
				f = math.Sqrt(power[b-1])
			}
			modes[i*columns+kx] *= complex(float32(f/float64(n*n)), 0) // a round trip multiplies by n²
		}
	}
	plan.InversePlane(m.Values, modes)
	for i := range m.Values {
		m.Values[i] += mean
	}
}

const correctionTensor = checkpoint.PowerCorrection + "legendre" // coefficients [ring, polynomial]

// Put adds the correction to the tensors of a checkpoint, in place of the one that they may hold.
func (t PowerCorrection) Put(tensors checkpoint.Tensors) {
	a := network.Array{Shape: []int{t.Side / 2, t.Rings.Basis.Len()}}
	for _, c := range t.Rings.Coefficients {
		for _, v := range c {
			a.Data = append(a.Data, float32(v))
		}
	}
	tensors[correctionTensor] = a
}

// PowerCorrectionOf returns the correction that a checkpoint holds, or nil.
func PowerCorrectionOf(c checkpoint.Checkpoint) (*PowerCorrection, error) {
	a, ok := c.Tensors[correctionTensor]
	for name := range checkpoint.PowerCorrections(c.Tensors) {
		if name != correctionTensor {
			return nil, fmt.Errorf("emulator: a power correction of another version, %s: measure it "+
				"again with darkfield dev correct-power", name)
		}
	}
	if !ok {
		return nil, nil
	}
	if err := c.Manifest.Prior.OnlyTwo("a power-spectrum correction"); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	t := NewPowerCorrection(c.Manifest.Data.Side, c.Manifest.Prior)
	if want := []int{t.Side / 2, t.Rings.Basis.Len()}; !slices.Equal(a.Shape, want) {
		return nil, fmt.Errorf("emulator: %s has shape %v, want %v for maps of %d pixels a side",
			correctionTensor, a.Shape, want, t.Side)
	}
	for i, v := range a.Data {
		n := t.Rings.Basis.Len()
		t.Rings.Coefficients[i/n][i%n] = float64(v)
	}
	return &t, t.Validate()
}

// PowerCorrection returns the correction of the checkpoint, or nil.
func (e *Emulator) PowerCorrection() *PowerCorrection { return e.correction }

// String names the least and the largest factor over scales and the prior.
func (t PowerCorrection) String() string {
	low, high := t.Range()
	return fmt.Sprintf("power of generated maps times %.2f to %.2f, by scale and parameters",
		slices.Min(low), slices.Max(high))
}

// Range returns the least and the largest factor of power in each ring, on a grid over the prior.
func (t PowerCorrection) Range() (low, high []float64) {
	const nodes = 21
	for i := range nodes {
		for j := range nodes {
			unit := cosmology.UnitParams{float64(i) / (nodes - 1), float64(j) / (nodes - 1)}
			power := t.Power(t.Rings.Basis.Prior.Params(unit))
			if low == nil {
				low, high = slices.Clone(power), slices.Clone(power)
			}
			for b, v := range power {
				low[b], high[b] = min(low[b], v), max(high[b], v)
			}
		}
	}
	return low, high
}
