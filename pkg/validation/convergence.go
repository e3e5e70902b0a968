package validation

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
)

// Convergence is how positions approach those of very many steps.
type Convergence struct {
	Steps   []int
	Errors  []float64 // rms distance from the positions of Finest steps, Mpc/h
	Order   float64   // −slope of log error against log steps
	Caption string
}

// quiet has no haloes, whose chaotic orbits do not converge.
var quiet = cosmology.Params{OmegaM: 0.3, Sigma8: 0.2}

type convergenceStudy struct{ errors []float64 }

func (v *convergenceStudy) tasks(s store, c Config) []task {
	cost := work(c.Converging, false) * float64(c.Finest+3*c.StepCounts[0]) /
		float64(c.Converging.Steps)
	return []task{measure(s, "convergence", cost, []any{c.Converging, quiet, c.StepCounts, c.Finest},
		&v.errors, func(ctx context.Context) ([]float64, error) {
			run := func(steps int) ([3][]float32, error) {
				n := c.Converging
				n.Steps = steps
				p, err := nbody.Simulate(ctx, n, quiet, 3)
				if err != nil {
					return [3][]float32{}, err
				}
				return p.Positions, nil
			}
			best, err := run(c.Finest)
			if err != nil {
				return nil, err
			}
			var out []float64
			for _, steps := range c.StepCounts {
				x, err := run(steps)
				if err != nil {
					return nil, err
				}
				out = append(out, distance(x, best, c.Converging.BoxSide))
			}
			return out, nil
		})}
}

// distance is the rms distance of particles in a periodic box.
func distance(a, b [3][]float32, side float64) float64 {
	sum := 0.0
	for axis := range a {
		for i, x := range a[axis] {
			d := math.Remainder(float64(x)-float64(b[axis][i]), side)
			sum += d * d
		}
	}
	return math.Sqrt(sum / float64(len(a[0])))
}

func (v *convergenceStudy) result(c Config) Convergence {
	out := Convergence{Steps: slices.Clone(c.StepCounts), Errors: v.errors}
	var x, y []float64
	for i, n := range out.Steps {
		x, y = append(x, math.Log(float64(n))), append(y, math.Log(out.Errors[i]))
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	out.Order = -slope
	out.Caption = fmt.Sprintf("%d³ particles in %g Mpc/h, σ_8 = %g, from a = %g, against %d steps.",
		c.Converging.Particles, c.Converging.BoxSide, quiet.Sigma8, float64(c.Converging.Start), c.Finest)
	return out
}

func (v Convergence) rows(c Config) []Row {
	name := fmt.Sprintf("order of convergence, %d to %d steps", v.Steps[0], v.Steps[len(v.Steps)-1])
	return section(SectionSteps,
		[]Row{row(name, "kick-drift-kick is of second order", v.Order).want(2, c.tolerance(0.3))})
}
