package calibration

import (
	"errors"
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// Kind is a family of recalibrations; each holds the ones before it, the temperature only for
// Gaussians.
type Kind string

// Kinds, the simplest first.
const (
	Identity    Kind = "identity"    // nothing is changed
	Temperature Kind = "temperature" // −ln L is divided by one number
	Axes        Kind = "axes"        // each parameter is shifted and stretched by its own
	Sheared     Kind = "sheared"     // so that the correlation changes, too
	Varying     Kind = "varying"     // and shifts and stretches go linearly with the estimate
)

// Kinds returns all kinds, the simplest first.
func Kinds() []Kind { return []Kind{Identity, Temperature, Axes, Sheared, Varying} }

// parameters returns how many numbers are fitted.
func (k Kind) parameters() int {
	return map[Kind]int{Identity: 0, Temperature: 1, Axes: 4, Sheared: 5, Varying: 13}[k]
}

// Recalibration maps a surface of −ln L to another, whose posterior is honest where it was fitted:
//
//	L'(x) = L(c + A·(x − c − b))^(1/Temperature)
//
// x are parameters in log units (0 and 1 are the edges of the prior, in the logarithm), c is the
// vertex of the quadratic nearest to −ln L, which may lie outside the prior, and A is lower
// triangular. It acts on the likelihood, and the posterior is normalised over the prior
// afterwards: so it is right at the prior's edges as far as it is in the middle. With u the
// estimate c, moved into the prior:
//
//	b_k = Shift_k + Σ_m ShiftSlope_km·(u_m − ½)        ln A_kk = LogScale_k + Σ_m LogScaleSlope_km·(u_m − ½)        A_21 = Shear
//
// It is plain data.
type Recalibration struct {
	Kind        Kind            `json:"kind"`
	Prior       cosmology.Prior `json:"prior"`
	Temperature float64         `json:"temperature"` // above 1 where posteriors were too narrow
	// Ω_m, σ_8; where estimates are too high it is negative
	Shift         [2]float64    `json:"shift"`
	LogScale      [2]float64    `json:"log_scale"`       // below 0 where posteriors were too narrow
	Shear         float64       `json:"shear"`           // changes the correlation
	ShiftSlope    [2][2]float64 `json:"shift_slope"`     // [shifted parameter][estimate]
	LogScaleSlope [2][2]float64 `json:"log_scale_slope"` // [stretched parameter][estimate]
	Maps          int           `json:"maps"`            // that it was fitted on
	Simulations   int           `json:"simulations"`     // that these are from
}

// NewIdentity returns the recalibration that changes nothing.
func NewIdentity(prior cosmology.Prior) Recalibration {
	return Recalibration{Kind: Identity, Prior: prior, Temperature: 1}
}

// Validate returns all faults at once.
func (r Recalibration) Validate() error {
	var errs []error
	if r.Kind.parameters() == 0 && r.Kind != Identity {
		errs = append(errs, fmt.Errorf("calibration.Recalibration.Kind = %q, want one of %v",
			r.Kind, Kinds()))
	}
	if _, err := newLogUnits(r.Prior); err != nil {
		errs = append(errs, err)
	}
	if !(r.Temperature > 0) || math.IsInf(r.Temperature, 0) {
		errs = append(errs, fmt.Errorf("calibration.Recalibration.Temperature = %g, want finite and > 0",
			r.Temperature))
	}
	const most = 20 // e^20 narrower or wider is not a correction
	check := func(field string, values ...float64) {
		for _, v := range values {
			if !(math.Abs(v) <= most) {
				errs = append(errs, fmt.Errorf("calibration.Recalibration.%s = %g, want within ±%d",
					field, v, most))
			}
		}
	}
	check("Shift", r.Shift[:]...)
	check("LogScale", r.LogScale[:]...)
	check("Shear", r.Shear)
	for k := range 2 {
		check("ShiftSlope", r.ShiftSlope[k][:]...)
		check("LogScaleSlope", r.LogScaleSlope[k][:]...)
	}
	return errors.Join(errs...)
}

// Apply returns the recalibrated surface on its own grid. It returns an error for a recalibration
// or a surface that cannot be used.
func (r Recalibration) Apply(s likelihood.Surface) (likelihood.Surface, error) {
	return r.On(s, s.Grid)
}

// On returns the recalibrated surface on another grid. Where the posterior becomes wider a grid
// around the old one may not hold it: a grid over all of the prior does, and Score interpolates.
func (r Recalibration) On(s likelihood.Surface, grid likelihood.Grid) (likelihood.Surface, error) {
	if err := r.Validate(); err != nil {
		return likelihood.Surface{}, err
	}
	units, err := newLogUnits(r.Prior)
	if err != nil {
		return likelihood.Surface{}, err
	}
	l, err := newLandscape(s, units)
	if err != nil {
		return likelihood.Surface{}, err
	}
	out := likelihood.Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	if err := checkSurface(out); err != nil {
		return likelihood.Surface{}, err
	}
	m := r.of(l)
	for k, p := range grid.Points() {
		out.NLL[k] = l.at(m.source(units.point(p))) / m.temperature
	}
	return out, nil
}

// ApplyAll recalibrates the surfaces of many cases. Errors name the case.
func (r Recalibration) ApplyAll(cases []Case) ([]Case, error) {
	out := make([]Case, len(cases))
	for i, c := range cases {
		s, err := r.Apply(c.Surface)
		if err != nil {
			return nil, fmt.Errorf("calibration: case %d, of simulation %d: %w", i, c.Simulation, err)
		}
		out[i] = Case{Surface: s, Truth: c.Truth, Simulation: c.Simulation}
	}
	return out, nil
}

// affine is a recalibration of one surface: the value at x is that at centre + a·(x − centre −
// shift), over the temperature.
type affine struct {
	centre, shift [2]float64
	a             [2][2]float64 // lower triangular
	temperature   float64
}

func (r Recalibration) of(l landscape) affine {
	m := affine{centre: l.centre, shift: r.Shift, temperature: r.Temperature}
	logScale := r.LogScale
	for k := range 2 {
		for n, c := range l.centre {
			u := clamp(c, 0, 1) - 0.5
			m.shift[k] += r.ShiftSlope[k][n] * u
			logScale[k] += r.LogScaleSlope[k][n] * u
		}
		m.a[k][k] = math.Exp(logScale[k])
	}
	m.a[1][0] = r.Shear
	return m
}

func (m affine) source(x [2]float64) [2]float64 {
	d := [2]float64{x[0] - m.centre[0] - m.shift[0], x[1] - m.centre[1] - m.shift[1]}
	return [2]float64{m.centre[0] + m.a[0][0]*d[0], m.centre[1] + m.a[1][0]*d[0] + m.a[1][1]*d[1]}
}

// quadratic returns that of the recalibrated landscape.
func (m affine) quadratic(q quadratic) quadratic {
	a, h, t := m.a, q.h, m.temperature
	out := quadratic{value: q.value / t}
	// H·A's first column
	first := [2]float64{h[0][0]*a[0][0] + h[0][1]*a[1][0], h[0][1]*a[0][0] + h[1][1]*a[1][0]}
	out.h[0][0] = (a[0][0]*first[0] + a[1][0]*first[1]) / t
	out.h[0][1] = a[1][1] * first[1] / t
	out.h[1][0] = out.h[0][1]
	out.h[1][1] = a[1][1] * a[1][1] * h[1][1] / t
	d0 := (q.vertex[0] - m.centre[0]) / a[0][0]
	d1 := (q.vertex[1] - m.centre[1] - a[1][0]*d0) / a[1][1]
	out.vertex = [2]float64{m.centre[0] + m.shift[0] + d0, m.centre[1] + m.shift[1] + d1}
	return out
}
