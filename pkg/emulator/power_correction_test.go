package emulator

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/dsp/fourier"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/fft"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
)

// ringPowers returns the power of a map in each ring by another Fourier transform, the mean first.
func ringPowers(m field.LogMap) []float64 {
	n := m.Box.Cells
	modes := make([]complex128, n*n)
	for i, v := range m.Values {
		modes[i] = complex(float64(v), 0)
	}
	plan := fourier.NewCmplxFFT(n)
	for i := range n {
		plan.Coefficients(modes[i*n:(i+1)*n], modes[i*n:(i+1)*n])
	}
	out, column := make([]float64, n/2+1), make([]complex128, n)
	for j := range n {
		for i := range column {
			column[i] = modes[i*n+j]
		}
		plan.Coefficients(column, column)
		for i, c := range column {
			b := int(math.Ceil(math.Hypot(float64(min(i, n-i)), float64(min(j, n-j)))))
			out[min(b, n/2)] += real(c)*real(c) + imag(c)*imag(c)
		}
	}
	return out
}

// TestTransfer: the power of each ring is multiplied by its factor at the map's parameters, the
// mean stays, and a checkpoint's maps are those of its network with the factor.
func TestTransfer(t *testing.T) {
	const n = 16
	rng := rand.New(rand.NewPCG(1, 0))
	tr := NewPowerCorrection(n, cosmology.CAMELSPrior())
	for _, c := range tr.Rings.Coefficients {
		for i := range c {
			c[i] = 0.1 * rng.NormFloat64()
		}
	}
	m := field.LogMap{Box: field.Box{Side: 25, Cells: n}, Values: make([]float32, n*n)}
	for i := range m.Values {
		m.Values[i] = 11 + float32(rng.NormFloat64())
	}
	before, mean, p := ringPowers(m), m.Mean(), cosmology.Params{OmegaM: 0.2, Sigma8: 0.95}
	tr.apply(fft.NewPlan(n), m, p)
	factor := tr.Power(p)
	for b, got := range ringPowers(m) {
		want := before[b]
		if b > 0 {
			want *= factor[b-1]
		}
		if math.Abs(got/want-1) > 1e-4 {
			t.Errorf("ring %d: power %g, want %g", b, got, want)
		}
	}
	if math.Abs(m.Mean()-mean) > 1e-6 {
		t.Errorf("mean %g, was %g", m.Mean(), mean)
	}

	plain := open(t, 1, 0)
	c := SampleConfig{Sampler: DDIM, Steps: 2, Batch: 2}
	want := sample(t, plain, few, 1, c)
	tr = NewPowerCorrection(side, plain.manifest.Prior)
	tr.Rings.Coefficients[0][0], tr.Rings.Coefficients[2][2] = 0.25, -0.125 // float32 holds both
	for i, p := range few {
		tr.apply(fft.NewPlan(side), want[i], p)
	}
	got := sample(t, openAs(t, 1, 0, nil, tr), few, 1, c)
	for i := range got {
		if d := worst(got[i], want[i]); d > 1e-5 {
			t.Errorf("map %d of a checkpoint with a power correction is off by %g", i, d)
		}
	}
	low, high := tr.Range()
	if math.Abs(low[0]-math.Exp(0.25)) > 1e-6 || low[0] != high[0] || !(low[2] < 1 && high[2] > 1) ||
		low[1] != 1 {
		t.Errorf("factors from %v to %v", low, high)
	}
	if diff := cmp.Diff(&tr, openAs(t, 1, 0, nil, tr).PowerCorrection()); diff != "" {
		t.Errorf("a power correction came back changed:\n%s", diff)
	}
}

func TestTransferRefuses(t *testing.T) {
	few, short, odd := NewPowerCorrection(8, cosmology.CAMELSPrior()),
		NewPowerCorrection(8, cosmology.CAMELSPrior()), NewPowerCorrection(8, cosmology.CAMELSPrior())
	few.Rings.Coefficients = few.Rings.Coefficients[:3]
	short.Rings.Coefficients[1] = short.Rings.Coefficients[1][:6]
	odd.Rings.Coefficients[2][9] = math.NaN()
	for want, tr := range map[string]PowerCorrection{
		"power of two":             NewPowerCorrection(24, cosmology.CAMELSPrior()),
		"3 for maps of 8 pixels":   few,
		"Coefficients[1] are 6":    short,
		"Coefficients[2] hold NaN": odd,
	} {
		if err := tr.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %q", err, want)
		}
	}
	e := open(t, 1, 0)
	tensors := checkpoint.Tensors{}
	for name, a := range e.manifest.Network.Init(1) {
		tensors[name] = a
	}
	NewPowerCorrection(16, e.manifest.Prior).Put(tensors) // of larger maps
	path := filepath.Join(t.TempDir(), "a.safetensors")
	refused := func(what, want string) {
		t.Helper()
		if err := checkpoint.Save(path, e.manifest, tensors); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(newBackend(t), path); err == nil || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names the file and %q", what, err, want)
		}
	}
	refused("a power correction of larger maps", "shape")
	delete(tensors, correctionTensor)
	tensors[checkpoint.PowerCorrection+"coefficients"] = network.Array{
		Shape: []int{1},
		Data:  []float32{0},
	}
	refused("a power correction in other polynomials", "another version")
}
