package emulator

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/fft"
	"darkfield/pkg/field"
	"darkfield/pkg/unet"
)

// Transfer is a transfer function: generated log maps are given its factor of power in each ring of wavenumbers. A network of small squared
// error may answer to the parameters some percent too little at large scales, which few modes tell of; what is left of that
// is known well and smooth, and is taken out after sampling. The bound does not know it.
//
// Ring b = 1 … Side/2 holds the modes with b − 1 < |n| <= b, n the integer wavevector, as bins of spectra do; modes beyond share the last
// ring's factor, and the mean has none.
type Transfer struct {
	Side         int             `json:"side"` // pixels
	Prior        cosmology.Prior `json:"prior"`
	Coefficients []float32       `json:"coefficients"` // [ring][polynomial of TransferBasis], of the logarithm of the factor of power
}

// transferPolynomials is how many there are: all products of powers of both parameters up to the third.
const transferPolynomials = 10

// TransferBasis returns the polynomials at p; the first is 1.
func TransferBasis(prior cosmology.Prior, p cosmology.Params) []float64 {
	u := prior.LogUnit(p)
	x, y := 2*u[0]-1, 2*u[1]-1
	return []float64{1, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y}
}

// NewTransfer returns one without effect.
func NewTransfer(side int, prior cosmology.Prior) Transfer {
	return Transfer{Side: side, Prior: prior, Coefficients: make([]float32, side/2*transferPolynomials)}
}

// Validate returns an error unless there are finite coefficients for each ring.
func (t Transfer) Validate() error {
	if t.Side < 8 || t.Side&(t.Side-1) != 0 {
		return fmt.Errorf("emulator.Transfer.Side = %d, want a power of two >= 8", t.Side)
	}
	if len(t.Coefficients) != t.Side/2*transferPolynomials {
		return fmt.Errorf("emulator.Transfer: %d coefficients for maps of %d pixels a side, want %d", len(t.Coefficients), t.Side, t.Side/2*transferPolynomials)
	}
	for _, v := range t.Coefficients {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return errors.New("emulator.Transfer.Coefficients hold a value that is not finite")
		}
	}
	return nil
}

// Ring returns the coefficients of ring b = 1, 2, …, to be read or changed.
func (t Transfer) Ring(b int) []float32 {
	return t.Coefficients[(b-1)*transferPolynomials : b*transferPolynomials]
}

// Power returns the factor of power in each ring at p.
func (t Transfer) Power(p cosmology.Params) []float64 {
	basis, out := TransferBasis(t.Prior, p), make([]float64, t.Side/2)
	for b := range out {
		sum := 0.0
		for i, c := range t.Ring(b + 1) {
			sum += float64(c) * basis[i]
		}
		out[b] = math.Exp(sum)
	}
	return out
}

// apply multiplies the modes of m, made at p.
func (t Transfer) apply(plan *fft.Plan, m field.LogMap, p cosmology.Params) {
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

const transferTensor = checkpoint.Transfer + "coefficients" // [rings, transferPolynomials]

// Put adds the transfer function to the tensors of a checkpoint, instead of one that they may hold.
func (t Transfer) Put(tensors checkpoint.Tensors) {
	tensors[transferTensor] = unet.Array{Shape: []int{t.Side / 2, transferPolynomials}, Data: t.Coefficients}
}

// TransferOf returns the transfer function that a checkpoint holds, or nil.
func TransferOf(c checkpoint.Checkpoint) (*Transfer, error) {
	a, ok := c.Tensors[transferTensor]
	if !ok {
		return nil, nil
	}
	t := Transfer{Side: c.Manifest.Data.Side, Prior: c.Manifest.Prior, Coefficients: a.Data}
	return &t, t.Validate()
}

// Transfer returns the transfer function of the checkpoint, or nil.
func (e *Emulator) Transfer() *Transfer { return e.transfer }

// String says how much power it gives at most.
func (t Transfer) String() string {
	low, high := t.Range()
	return fmt.Sprintf("power of generated maps times %.2f to %.2f, by scale and parameters", slices.Min(low), slices.Max(high))
}

// Range returns the least and the largest factor of power in each ring, on a grid over the prior.
func (t Transfer) Range() (low, high []float64) {
	const nodes = 21
	for i := range nodes {
		for j := range nodes {
			power := t.Power(t.Prior.Params(cosmology.UnitParams{float64(i) / (nodes - 1), float64(j) / (nodes - 1)}))
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
