package validation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Transfer compares the transfer function and the linear spectrum of the initial conditions, and
// those of Eisenstein and Hu's fit, with CAMB's.
type Transfer struct {
	Curves  []TransferCurve // a universe each, of different Ω_m
	Caption string
}

// TransferCurve is the comparison in one universe.
type TransferCurve struct {
	Params           cosmology.Params
	K                []float64
	T, CAMBT         []float64 // T(k), 1 at small k
	FittedT          []float64 // of Eisenstein and Hu
	P, CAMBP         []float64 // P(k), normalised to σ_8
	FittedP          []float64 // of Eisenstein and Hu
	Sigma8, CAMBSize float64   // σ_8 of P and of CAMBP, by integration
}

// Where transfer functions are compared.
const (
	transferLow  = 1e-3
	transferHigh = 10
)

// newTransfer compares at CAMB's wavenumbers, in universes that differ in Ω_m.
func newTransfer(camb CAMB) (Transfer, error) {
	var out Transfer
	seen := map[float64]bool{}
	for _, u := range camb.Universes {
		if seen[u.Params.OmegaM] {
			continue
		}
		seen[u.Params.OmegaM] = true
		universe := cosmology.New(u.Params)
		t, err := cosmology.NewTransfer(universe)
		if err != nil {
			return Transfer{}, fmt.Errorf("validation: CAMB's tables: %w", err)
		}
		p := cosmology.NewLinearPower(universe)
		fittedT, fittedP := cosmology.NewEisensteinHu(universe), cosmology.NewEisensteinHuPower(universe)
		c := TransferCurve{
			Params: u.Params, Sigma8: sigma8(p.At),
			CAMBSize: sigma8(func(k float64) float64 {
				return u.on(u.Linear, []float64{math.Min(math.Max(k, u.K[0]), u.K[len(u.K)-1])})[0]
			}),
		}
		for i, k := range u.K {
			if k < transferLow || k > transferHigh {
				continue
			}
			c.K = append(c.K, k)
			c.T, c.FittedT, c.CAMBT = append(c.T, t.At(k)), append(c.FittedT, fittedT.At(k)),
				append(c.CAMBT, u.Transfer[i])
			c.P, c.FittedP, c.CAMBP = append(c.P, p.At(k)), append(c.FittedP, fittedP.At(k)),
				append(c.CAMBP, u.Linear[i])
		}
		out.Curves = append(out.Curves, c)
	}
	out.Caption = camb.Provenance
	return out, nil
}

// sigma8 integrates k³P/(2π²) W² over ln k by Simpson's rule from 1e-4 to 20 h/Mpc: the window W
// falls as 1/(8k)², and what lies outside is below 1e-5 of the whole.
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
		compare := func(what string, ours, theirs []float64, tolerance float64) Row {
			return row(what+", "+name+": largest relative difference",
				fmt.Sprintf("CAMB, %g < k < %g h/Mpc", transferLow, float64(transferHigh)),
				largest(c.K, ours, theirs, transferLow, transferHigh)).want(0, tolerance)
		}
		fit := 0.0
		// The fit was made for a seventh of the matter in baryons, not for a half as at Ω_m = 0.1.
		if c.Params == cosmology.Fiducial {
			fit = 0.05
		}
		out = append(out,
			compare("transfer function", c.T, c.CAMBT, 0.005),
			compare("linear power, same σ_8", c.P, c.CAMBP, 0.01),
			compare("Eisenstein and Hu's transfer function (not the default)", c.FittedT, c.CAMBT, fit),
			compare("Eisenstein and Hu's linear power (not the default), same σ_8", c.FittedP, c.CAMBP, fit),
			row("σ_8 of the spectrum, "+name,
				"what was asked for; Simpson's rule", c.Sigma8).want(c.Params.Sigma8, 1e-4),
			row("σ_8 of CAMB's spectrum, "+name,
				"what was asked for: are these the right tables?", c.CAMBSize).want(c.Params.Sigma8, 1e-3))
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
	out := report.NewTable("omega_m", "sigma_8", "quantity", "k_h_per_mpc", "value")
	for _, c := range t.Curves {
		add := func(name string, values []float64) {
			out.Curve(c.K, values, c.Params.OmegaM, c.Params.Sigma8, name)
		}
		add("transfer", c.T)
		add("transfer_eisenstein_hu", c.FittedT)
		add("transfer_camb", c.CAMBT)
		add("power", c.P)
		add("power_eisenstein_hu", c.FittedP)
		add("power_camb", c.CAMBP)
	}
	return out.Write(path)
}
