package figure

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/validation"
)

// syntheticReport is shaped like a report on a simulator with some faults.
func syntheticReport() *validation.Report {
	rng := rand.New(rand.NewPCG(12, 13))
	near := func(n int, mean, scatter float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = mean + scatter*rng.NormFloat64()
		}
		return out
	}
	k := waves()
	n := len(k)
	r := &validation.Report{}
	for _, om := range []float64{0.1, 0.3, 0.5} {
		c := validation.GrowthCurve{OmegaM: om}
		for i := range 40 {
			a := 0.02 * math.Pow(50, float64(i)/39)
			d := a * (1 + (1-a)*(0.5-om))
			c.A, c.Factor, c.Rate = append(c.A, a), append(c.Factor, d), append(c.Rate, 1-a*(1-om))
		}
		c.ClosedFactor, c.ClosedRate, c.Integrated = c.Factor, c.Rate, c.Factor
		r.Growth.Curves = append(r.Growth.Curves, c)
	}
	for _, name := range []string{
		"σ_8 = 0.01, 64³ on a mesh of 128³",
		"σ_8 = 0.01, 64³ on a mesh of 64³", "σ_8 = 0.8, 128³ on a mesh of 256³",
	} {
		r.Growth.Waves = append(r.Growth.Waves,
			validation.LongWaves{
				Name: name, K: []float64{0.025, 0.036, 0.044}, Ratio: near(3, 1, 0.03),
				Single: []float64{0.05, 0.02, 0.1},
			})
	}
	for i, p := range someParams {
		c := validation.TransferCurve{Params: p, K: k}
		for _, v := range k {
			c.T = append(c.T, 1/(1+float64(i)*v+v*v))
			c.P = append(c.P, model(p, v))
		}
		c.CAMBT, c.FittedT = c.T, c.T
		for _, v := range c.P {
			c.CAMBP, c.FittedP = append(c.CAMBP, v*(1+0.02*rng.NormFloat64())), append(c.FittedP, 1.05*v)
		}
		r.Transfer.Curves = append(r.Transfer.Curves, c)
		r.MatterPower.Universes = append(r.MatterPower.Universes, validation.MatterCurve{
			Params: p, K: k, OverLinear: near(n, 2, 0.1), LinearError: near(n, 0.1, 0.01),
			HMcode: near(n, 2, 0), OverHMcode: near(n, 1, 0.1), HMError: near(n, 0.05, 0),
		})
		r.Responses.Varied = append(r.Responses.Varied,
			validation.Response{
				Params: p, Ratio: near(n, 0.5+float64(i)/2, 0.02), Error: near(n, 0.05, 0),
				Reference: 0.5 + float64(i)/2, Tolerance: 0.1,
			})
	}
	r.Responses.K = k
	r.Choices.K = k
	for _, om := range []float64{0.1, 0.3, 0.5} {
		for _, name := range []string{"lattice moved by 1/4", "twice the steps"} {
			r.Choices.Changes = append(r.Choices.Changes, validation.Change{
				Name: name, OmegaM: om, Ratio: near(n, 1, 0.01), Error: near(n, 0.005, 0),
			})
		}
	}
	r.Resolution = validation.Resolution{Sides: []int{64, 256}, K: [][]float64{k[:20], k}}
	for _, name := range []string{"64³ over 128³ particles", "128³ over 256³ particles"} {
		ratio := [][]float64{near(20, 1, 0.03), near(n, 0.9, 0.03)}
		errors := [][]float64{near(20, 0.02, 0), near(n, math.NaN(), 0)}
		r.Resolution.Compared = append(r.Resolution.Compared, validation.Compared{
			Name: name, Ratio: ratio, Error: errors, Log: ratio, LogError: errors,
			Within: []float64{4, 9},
		})
	}
	r.Numerics.Convergence = validation.Convergence{
		Steps:  []int{5, 10, 20},
		Errors: []float64{0.1, 0.024, 0.0055}, Order: 2.09,
	}
	r.Numerics.Symmetry.K = k
	for axis := range 3 {
		r.Numerics.Symmetry.Ratio[axis], r.Numerics.Symmetry.Error[axis] = near(n, 1, 0.02),
			near(n, 0.02, 0)
	}
	o := validation.OnePoint{
		Mean: 11.01, Std: 0.51, CAMELSMean: 10.971, CAMELSStd: 0.509,
		Caption: mockCaption,
	}
	for i := range 60 {
		x := 9.5 + 0.06*float64(i)
		d := 0.8 * math.Exp(-2*(x-11)*(x-11))
		o.Centres, o.Density, o.Low, o.High = append(o.Centres, x), append(o.Density, d),
			append(o.Low, 0.7*d), append(o.High, 1.3*d)
	}
	r.OnePoint = o
	return r
}

// TestValidationFigures: each is drawn, differs from the others, has numbers to write, and an
// empty report says so in words.
func TestValidationFigures(t *testing.T) {
	dir := outDir(t)
	var names []string
	for _, f := range Validation(syntheticReport()) {
		names = append(names, f.Name)
		if err := f.Figure.Save(filepath.Join(dir, f.Name)); err != nil {
			t.Error(err)
		}
		if err := f.Numbers.WriteCSV(filepath.Join(dir, f.Name+".csv")); err != nil {
			t.Error(err)
		}
		if f.Section == "" {
			t.Errorf("%s belongs to no section", f.Name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != 8 {
		t.Errorf("figures %v, want 8", names)
	}
	for _, f := range Validation(&validation.Report{}) {
		if _, err := f.Figure.PNG(); err != nil {
			t.Errorf("%s of nothing: %v", f.Name, err)
		}
	}
}

// TestOutsideOfTheRatioIsSaid: what leaves the panel of P/P_HMcode is counted in the note.
func TestOutsideOfTheRatioIsSaid(t *testing.T) {
	k := waves()
	u := validation.MatterCurve{
		Params: cosmology.Fiducial, K: k, OverLinear: k, LinearError: k,
		HMcode: k, OverHMcode: make([]float64, len(k)), HMError: make([]float64, len(k)),
	}
	if note := MatterPower(
		validation.MatterPower{Universes: []validation.MatterCurve{u}}).Note(); !strings.Contains(note,
		"45 of 45 values lie outside") {
		t.Errorf("note %q", note)
	}
}
