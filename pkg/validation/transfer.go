package validation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate"

	"darkfield/pkg/cosmology"
)

// Transfer compares the fitted transfer function and the linear spectrum with CAMB's.
type Transfer struct {
	Curves  []TransferCurve // a universe each, of different Ω_m
	Caption string
}

// TransferCurve is the comparison in one universe.
type TransferCurve struct {
	Params           cosmology.Params
	K                []float64
	Fitted, CAMB     []float64 // T(k), 1 at small k
	Linear, CAMBs    []float64 // P(k), both normalised to σ_8
	Sigma8, CAMBSize float64   // σ_8 of both spectra, by integration
}

// Where transfer functions are compared.
const (
	transferLow  = 1e-3
	transferHigh = 10
)

// newTransfer compares at CAMB's wavenumbers, in universes that differ in Ω_m.
func newTransfer(camb CAMB) Transfer {
	var out Transfer
	seen := map[float64]bool{}
	for _, u := range camb.Universes {
		if seen[u.Params.OmegaM] {
			continue
		}
		seen[u.Params.OmegaM] = true
		universe := cosmology.New(u.Params)
		t, p := cosmology.NewTransfer(universe), cosmology.NewLinearPower(universe)
		c := TransferCurve{Params: u.Params, Sigma8: sigma8(p.At), CAMBSize: sigma8(func(k float64) float64 {
			return u.on(u.Linear, []float64{math.Min(math.Max(k, u.K[0]), u.K[len(u.K)-1])})[0]
		})}
		for i, k := range u.K {
			if k < transferLow || k > transferHigh {
				continue
			}
			c.K = append(c.K, k)
			c.Fitted, c.CAMB = append(c.Fitted, t.At(k)), append(c.CAMB, u.Transfer[i])
			c.Linear, c.CAMBs = append(c.Linear, p.At(k)), append(c.CAMBs, u.Linear[i])
		}
		out.Curves = append(out.Curves, c)
	}
	out.Caption = camb.Provenance
	return out
}

// sigma8 integrates k³P/(2π²) W² over ln k by Simpson's rule from 1e-4 to 20 h/Mpc: the window W falls as 1/(8k)², and what lies
// outside is below 1e-5 of the whole.
func sigma8(power func(k float64) float64) float64 {
	const points = 4001
	x, y := make([]float64, points), make([]float64, points)
	for i := range x {
		x[i] = math.Log(1e-4) + math.Log(2e5)*float64(i)/(points-1)
		k := math.Exp(x[i])
		r := 8 * k
		w := 1 - r*r/10
		if r > 0.01 {
			w = 3 * (math.Sin(r) - r*math.Cos(r)) / (r * r * r)
		}
		y[i] = k * k * k * power(k) * w * w / (2 * math.Pi * math.Pi)
	}
	return math.Sqrt(integrate.Simpsons(x, y))
}

func (t Transfer) rows() []Row {
	var out []Row
	for _, c := range t.Curves {
		name := fmt.Sprintf("Ω_m = %g", c.Params.OmegaM)
		row := Row{Quantity: "transfer function, " + name + ": largest relative difference", Value: largest(c.K, c.Fitted, c.CAMB, transferLow, transferHigh), Source: "CAMB, 0.001 < k < 10 h/Mpc"}
		linear := Row{Quantity: "linear power, " + name + ": largest relative difference", Value: largest(c.K, c.Linear, c.CAMBs, 0.02, 1), Source: "CAMB, same σ_8, 0.02 < k < 1 h/Mpc"}
		if c.Params == cosmology.Fiducial { // the fit was made for a seventh of the matter in baryons, not for a half
			row.Tolerance, linear.Tolerance = 0.05, 0.05
		}
		out = append(out, row, linear, Row{
			Quantity: "σ_8 of the spectrum, " + name, Value: c.Sigma8, Reference: c.Params.Sigma8, Tolerance: 1e-4, Source: "what was asked for; Simpson's rule",
		}, Row{
			Quantity: "σ_8 of CAMB's spectrum, " + name, Value: c.CAMBSize, Reference: c.Params.Sigma8, Tolerance: 1e-3, Source: "what was asked for: are these the right tables?",
		})
	}
	return section(SectionTransfer, out)
}

// largest returns the largest |a/b − 1| at k from low to high.
func largest(k, a, b []float64, low, high float64) float64 {
	out := 0.0
	for i := range k {
		if k[i] >= low && k[i] <= high {
			out = math.Max(out, math.Abs(a[i]/b[i]-1))
		}
	}
	return out
}

// WriteCSV writes one row a number.
func (t Transfer) WriteCSV(path string) error {
	out := newTable("omega_m", "sigma_8", "quantity", "k_h_per_mpc", "value")
	for _, c := range t.Curves {
		id := func(q string) []string { return []string{number(c.Params.OmegaM), number(c.Params.Sigma8), q} }
		out.curve(id("transfer_fitted"), c.K, c.Fitted)
		out.curve(id("transfer_camb"), c.K, c.CAMB)
		out.curve(id("power_fitted"), c.K, c.Linear)
		out.curve(id("power_camb"), c.K, c.CAMBs)
	}
	return out.write(path)
}
