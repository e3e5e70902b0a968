package validation

import (
	"context"
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
	"darkfield/pkg/report"
)

// MatterPower compares the power of large boxes with linear theory and with CAMB's HMcode.
type MatterPower struct {
	Universes []MatterCurve // the fiducial one first
	Caption   string
}

// MatterCurve is the power of the boxes of one universe, in bins of k.
type MatterCurve struct {
	Params      cosmology.Params
	Seeds       int
	K           []float64
	OverLinear  []float64 // power over that of the linear modes of the same phases
	LinearError []float64 // of OverLinear, from the scatter over seeds; NaN for one seed
	HMcode      []float64 // over CAMB's linear power
	OverHMcode  []float64 // OverLinear × our linear theory ÷ HMcode
	HMError     []float64
}

// Where the power of large boxes is judged.
const (
	linearHigh = 0.1 // h/Mpc; below, power is linear to a few per cent

	NonlinearLow  = 0.2 // h/Mpc; between these it is compared with HMcode
	NonlinearHigh = 0.7 // h/Mpc
)

// largeBox holds the measurements of one box.
type largeBox struct {
	Power, Linear shells
	Waves         []wave
}

func measureLarge(ctx context.Context, c nbody.Config, params cosmology.Params, seed uint64,
) (largeBox, error) {
	p, err := nbody.Simulate(ctx, c, params, seed)
	if err != nil {
		return largeBox{}, err
	}
	modes := nbody.LinearModes(c, p.Universe, seed)
	out := largeBox{Linear: powerOfModes(modes, c.Particles, c.BoxSide), Waves: longWaves(p, c, modes)}
	cells := 2 * c.Particles // so that half the Nyquist wavenumber is that of the particles
	out.Power = powerOfCounts(nbody.Counts(p, cells), cells, c.BoxSide)
	return out, nil
}

// matterStudy are the simulations of MatterPower.
type matterStudy struct {
	universes []CAMBUniverse // the fiducial one first
	boxes     [][]largeBox   // [universe][seed]
}

func (m *matterStudy) tasks(s store, c Config, camb CAMB) []task {
	fiducial, _ := camb.universe(cosmology.Fiducial) // parseCAMB found it
	m.universes = []CAMBUniverse{fiducial}
	for _, u := range camb.Universes {
		if c.CornerSeeds > 0 && u.Params != fiducial.Params {
			m.universes = append(m.universes, u)
		}
	}
	var out []task
	for i, u := range m.universes {
		seeds := c.LargeSeeds
		if i > 0 {
			seeds = c.CornerSeeds
		}
		m.boxes = append(m.boxes, make([]largeBox, seeds))
		for seed := range seeds {
			out = append(out, measure(s, "large", work(c.Large, false), []any{c.Large, u.Params, seed},
				&m.boxes[i][seed], func(ctx context.Context) (largeBox, error) {
					return measureLarge(ctx, c.Large, u.Params, uint64(seed))
				}))
		}
	}
	return out
}

// waves are the longest waves of the fiducial universe.
func (m *matterStudy) waves() []wave {
	var out []wave
	for _, b := range m.boxes[0] {
		out = append(out, b.Waves...)
	}
	return out
}

func (m *matterStudy) result(c Config) MatterPower {
	var out MatterPower
	for i, u := range m.universes {
		out.Universes = append(out.Universes, newMatterCurve(u, m.boxes[i]))
	}
	out.Caption = fmt.Sprintf("Boxes of %g Mpc/h, %d³ particles, %d steps from a = %g: %d seeds of "+
		"the fiducial universe (band: ± standard error), %d of each other. Over the linear power of the "+
		"same phases; clouds in cells deconvolved, shot noise not subtracted (1/n = %.1f (Mpc/h)³).",
		c.Large.BoxSide, c.Large.Particles, c.Large.Steps, float64(c.Large.Start), c.LargeSeeds,
		c.CornerSeeds, math.Pow(c.Large.BoxSide/float64(c.Large.Particles), 3))
	return out
}

// newMatterCurve rebins shells to at least 12 % in k and compares the power.
func newMatterCurve(u CAMBUniverse, boxes []largeBox) MatterCurve {
	out := MatterCurve{Params: u.Params, Seeds: len(boxes)}
	ours := cosmology.NewLinearPower(cosmology.New(u.Params))
	k, modes := boxes[0].Linear.K, boxes[0].Linear.Modes
	n := min(len(k), len(boxes[0].Power.K))
	linear, nonlinear := u.on(u.Linear, k), u.on(u.HMcode, k)
	for first := 0; first < n; {
		last := first + 1
		for last < n && k[last] < 1.12*k[first] {
			last++
		}
		sum := func(f func(i int) float64) float64 {
			total := 0.0
			for i := first; i < last; i++ {
				total += modes[i] * f(i)
			}
			return total
		}
		ratio := func(boxes []largeBox) float64 {
			power, beginning := 0.0, 0.0
			for _, b := range boxes {
				power += sum(func(i int) float64 { return b.Power.P[i] })
				beginning += sum(func(i int) float64 { return b.Linear.P[i] })
			}
			return power / beginning
		}
		r, e := jackknifed(len(boxes), func(skip int) float64 { return ratio(without(boxes, skip)) })
		theory := sum(func(i int) float64 { return ours.At(k[i]) })
		halo := sum(func(i int) float64 { return nonlinear[i] })
		out.K = append(out.K,
			sum(func(i int) float64 { return k[i] })/sum(func(int) float64 { return 1 }))
		out.OverLinear, out.LinearError = append(out.OverLinear, r), append(out.LinearError, e)
		out.HMcode = append(out.HMcode, halo/sum(func(i int) float64 { return linear[i] }))
		out.OverHMcode, out.HMError = append(out.OverHMcode, r*theory/halo),
			append(out.HMError, e*theory/halo)
		first = last
	}
	return out
}

func (m MatterPower) rows(c Config) []Row {
	var out []Row
	for _, u := range m.Universes {
		tolerance := 0.1
		if u.Params == cosmology.Fiducial {
			tolerance = 0.05
		}
		out = append(out, u.rows(c, u.Params.String(), tolerance)...)
	}
	return section(SectionPower, out)
}

// rows judges the largest deviations from HMcode by a tolerance.
func (u MatterCurve) rows(c Config, name string, tolerance float64) []Row {
	low, lowError, _ := meanWithin(u.K, u.OverLinear, u.LinearError, 0, linearHigh)
	theirs, _, _ := meanWithin(u.K, u.HMcode, nil, 0, linearHigh)
	out := []Row{row(fmt.Sprintf("%s: P/P_linear, mean over k < %g h/Mpc", name, linearHigh),
		fmt.Sprintf("linear theory, same phases (HMcode: %.3f)", theirs), low).
		plusMinus(lowError).want(1, c.tolerance(0.05))}
	least, most := -1, -1
	for i, k := range u.K {
		if k < NonlinearLow || k > NonlinearHigh {
			continue
		}
		if least < 0 || u.OverHMcode[i] < u.OverHMcode[least] {
			least = i
		}
		if most < 0 || u.OverHMcode[i] > u.OverHMcode[most] {
			most = i
		}
	}
	if least < 0 {
		return out // the boxes are too coarse
	}
	source := fmt.Sprintf("CAMB's HMcode, %g < k < %g h/Mpc", NonlinearLow, NonlinearHigh)
	return append(out,
		row(name+": P/P_HMcode, smallest",
			source, u.OverHMcode[least]).plusMinus(u.HMError[least]).want(1, c.tolerance(tolerance)),
		row(name+": P/P_HMcode, largest",
			source, u.OverHMcode[most]).plusMinus(u.HMError[most]).want(1, c.tolerance(tolerance)))
}

// meanWithin returns the mean of values at k from low to high, its error where errors are given
// and independent, and how many there are.
func meanWithin(k, values, errs []float64, low, high float64) (mean, err float64, n int) {
	sum, squares := 0.0, 0.0
	for i := range k {
		if k[i] < low || k[i] > high {
			continue
		}
		sum, n = sum+values[i], n+1
		if errs != nil {
			squares += errs[i] * errs[i]
		}
	}
	return sum / float64(n), math.Sqrt(squares) / float64(n), n
}

// WriteCSV writes one row a number.
func (m MatterPower) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "quantity", "k_h_per_mpc", "value")
	for _, u := range m.Universes {
		add := func(name string, values []float64) {
			t.Curve(u.K, values, u.Params.OmegaM, u.Params.Sigma8, name)
		}
		add("power_over_linear", u.OverLinear)
		add("power_over_linear_error", u.LinearError)
		add("hmcode_over_linear", u.HMcode)
		add("power_over_hmcode", u.OverHMcode)
		add("power_over_hmcode_error", u.HMError)
	}
	return t.Write(path)
}
