package hmc

import (
	"context"
	"fmt"
	"math"
)

// Density evaluates a log density (in nats, up to a constant) and its gradient at points of the
// box, edges included, one point per chain: logp is [point], grad is [point][parameter]. A move to
// a value that is not finite is rejected and counted as a divergence. An error ends the sampling.
// The points must not be kept or changed.
type Density func(ctx context.Context, points [][]float64) (logp []float64,
	grad [][]float64, err error)

// Box is a flat prior: the parameters are uniform between Low and High.
type Box struct {
	Low  []float64 `json:"low"`
	High []float64 `json:"high"`
}

// Validate returns an error unless Low and High have the same number of finite values and Low is
// below High.
func (b Box) Validate() error {
	if len(b.Low) == 0 || len(b.Low) != len(b.High) {
		return fmt.Errorf("hmc.Box has %d lower and %d upper ends, want one of each for every parameter",
			len(b.Low), len(b.High))
	}
	for k := range b.Low {
		if width := b.High[k] - b.Low[k]; !(width > 0) || math.IsInf(width, 0) {
			return fmt.Errorf("hmc.Box of parameter %d is [%g, %g], want finite ends that rise", k,
				b.Low[k], b.High[k])
		}
	}
	return nil
}

// params returns the parameters at logits u: Low + (High − Low)/(1 + exp(−u)).
func (b Box) params(u []float64) []float64 {
	out := make([]float64, len(u))
	for k, v := range u {
		// The minimum keeps rounding inside the box.
		out[k] = min(b.Low[k]+(b.High[k]-b.Low[k])*sigmoid(v), b.High[k])
	}
	return out
}

// logits is the inverse of params, for parameters inside the box.
func (b Box) logits(x []float64) []float64 {
	out := make([]float64, len(x))
	for k, v := range x {
		out[k] = math.Log((v - b.Low[k]) / (b.High[k] - v))
	}
	return out
}

// inside returns an error unless x lies inside the box; its edges have no logit.
func (b Box) inside(x []float64) error {
	if len(x) != len(b.Low) {
		return fmt.Errorf("%d parameters, the box has %d", len(x), len(b.Low))
	}
	for k, v := range x {
		if !(v > b.Low[k] && v < b.High[k]) {
			return fmt.Errorf("parameter %d = %g, want it inside [%g, %g], not on an edge", k, v,
				b.Low[k], b.High[k])
		}
	}
	return nil
}

// Point is the position of a chain.
type Point struct {
	Logits []float64 `json:"logits"`
	// LogP is the log density of the logits in nats up to a constant: that of the parameters plus the
	// log Jacobian.
	LogP float64   `json:"log_p"`
	Grad []float64 `json:"grad"` // gradient of LogP with respect to the logits
}

// target is the density of the logits.
type target struct {
	density Density
	box     Box
}

// at evaluates points. The LogP of one that is not finite is −∞.
func (t target) at(ctx context.Context, logits [][]float64) ([]Point, error) {
	points := make([][]float64, len(logits))
	for c, u := range logits {
		points[c] = t.box.params(u)
	}
	logp, grad, err := t.density(ctx, points)
	if err != nil {
		return nil, err
	}
	if len(logp) != len(points) || len(grad) != len(points) {
		return nil, fmt.Errorf("hmc: %d log densities and %d gradients for %d points", len(logp),
			len(grad), len(points))
	}
	out := make([]Point, len(points))
	for c, u := range logits {
		if len(grad[c]) != len(u) {
			return nil, fmt.Errorf("hmc: a gradient of %d entries for %d parameters", len(grad[c]), len(u))
		}
		out[c] = t.point(u, logp[c], grad[c])
	}
	return out, nil
}

// point adds the log of the Jacobian |dx/du| ∝ s(1 − s), where s is the sigmoid, and applies the
// chain rule to the gradient.
func (t target) point(u []float64, logp float64, grad []float64) Point {
	p := Point{Logits: u, LogP: logp, Grad: make([]float64, len(u))}
	for k, v := range u {
		s := sigmoid(v)
		p.LogP -= math.Abs(v) + 2*math.Log1p(math.Exp(-math.Abs(v))) // ln s(1 − s), without 1 − s
		p.Grad[k] = grad[k]*(t.box.High[k]-t.box.Low[k])*s*sigmoid(-v) + 1 - 2*s
	}
	if !finite(p.LogP) || !finite(p.Grad...) {
		p.LogP = math.Inf(-1)
	}
	return p
}

func sigmoid(u float64) float64 { return 1 / (1 + math.Exp(-u)) }

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
