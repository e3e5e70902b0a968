package hmc

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
)

// integrator solves Hamilton's equations for all chains. The inverse mass is L·Lᵀ. Momenta p are
// stored as z = Lᵀ·p, which is standard normal for any mass, with kinetic energy |z|²/2; then u' =
// L·z and z' = Lᵀ·∇ln p.
type integrator struct {
	target
	factor [][]float64 // L, lower triangular
}

// leapfrog takes steps of size step from points with momenta z, which it changes. A chain whose
// density becomes infinite or NaN stops there with a LogP of −∞. A step is one call of the density.
func (m integrator) leapfrog(ctx context.Context, points []Point, z [][]float64, step float64,
	steps int,
) ([]Point, error) {
	for range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		logits := make([][]float64, len(points))
		for c, p := range points {
			logits[c] = p.Logits
			if !math.IsInf(p.LogP, -1) {
				m.kick(z[c], p.Grad, step/2)
				logits[c] = m.drift(p.Logits, z[c], step)
			}
		}
		next, err := m.at(ctx, logits)
		if err != nil {
			return nil, err
		}
		for c := range next {
			switch {
			case math.IsInf(points[c].LogP, -1):
				next[c] = points[c]
			case !math.IsInf(next[c].LogP, -1):
				m.kick(z[c], next[c].Grad, step/2)
			}
		}
		points = next
	}
	return points, nil
}

// kick adds time·Lᵀ·grad to z.
func (m integrator) kick(z, grad []float64, time float64) {
	for j := range z {
		for i := j; i < len(grad); i++ {
			z[j] += time * m.factor[i][j] * grad[i]
		}
	}
}

// drift returns u + time·L·z.
func (m integrator) drift(u, z []float64, time float64) []float64 {
	out := make([]float64, len(u))
	for i := range u {
		out[i] = u[i] + time*floats.Dot(m.factor[i], z[:i+1])
	}
	return out
}

// energy returns the Hamiltonian; it is +∞ where the density is not finite.
func energy(p Point, z []float64) float64 { return floats.Dot(z, z)/2 - p.LogP }

// acceptance returns the probability that a move between two energies is accepted.
func acceptance(before, after float64) float64 {
	if !finite(after) {
		return 0
	}
	return math.Min(1, math.Exp(before-after))
}
