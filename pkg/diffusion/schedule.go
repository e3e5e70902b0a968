package diffusion

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Step is a time t = 1…T as in Ho et al.; 0 is the clean map.
type Step int

// Timestep returns t − 1, which the network is fed for a step.
func (t Step) Timestep() float32 { return float32(t - 1) }

// Term numbers the terms L_0…L_{T−1} of the VLB; L_0 is −log p(x_0|x_1).
type Term int

// Step returns the time of the noisy map that the term uses.
func (i Term) Step() Step { return Step(i) + 1 }

// Schedule is a variance schedule. Make one with NewSchedule or Paper.
type Schedule struct {
	beta, alphaBar []float64 // T+1 entries: beta[0] = 0, alphaBar[0] = 1
}

// NewSchedule returns the schedule with variances betas[t−1] at step t, each in (0, 1).
func NewSchedule(betas []float64) (Schedule, error) {
	if len(betas) == 0 {
		return Schedule{}, errors.New("diffusion: a schedule needs at least one step")
	}
	s := Schedule{beta: make([]float64, len(betas)+1), alphaBar: make([]float64, len(betas)+1)}
	s.alphaBar[0] = 1
	for i, b := range betas {
		if !(b > 0 && b < 1) {
			return Schedule{}, fmt.Errorf("diffusion: beta of step %d = %g, want it in (0, 1)", i+1, b)
		}
		s.beta[i+1] = b
		s.alphaBar[i+1] = s.alphaBar[i] * (1 - b)
	}
	return s, nil
}

// PaperName is the name of the schedule of Paper in checkpoints.
const PaperName = "paper"

// Paper returns the schedule of Mudur et al. (2023): T = 1000; with u = linspace(10⁻⁴, 10⁻²,
// 1000), β = u for the first 500 steps and u·linspace(1, 3, 500) for the last 500.
func Paper() Schedule {
	const steps = 1000
	betas := make([]float64, steps)
	for i := range betas {
		betas[i] = linspace(1e-4, 1e-2, steps, i)
		if j := i - steps/2; j >= 0 {
			betas[i] *= linspace(1, 3, steps/2, j)
		}
	}
	s, err := NewSchedule(betas)
	if err != nil {
		panic(err)
	}
	return s
}

// Single returns the schedule in single precision, for comparisons with code that computes so: β, 1
// − β and ᾱ are rounded to float32 and the product is taken in float64, as PyTorch does. Near t =
// 1, where ᾱ is close to 1, that costs 1 − ᾱ four digits.
func (s Schedule) Single() Schedule {
	out := Schedule{beta: make([]float64, len(s.beta)), alphaBar: make([]float64, len(s.beta))}
	out.alphaBar[0] = 1
	product := 1.0
	for t := 1; t < len(s.beta); t++ {
		beta := float32(s.beta[t])
		product *= float64(1 - beta)
		out.beta[t], out.alphaBar[t] = float64(beta), float64(float32(product))
	}
	return out
}

// OwnName is the name in checkpoints of a schedule without one that is given by its variances.
const OwnName = "own"

// Linear returns the schedule of Ho et al. (2020): variances that rise linearly from first to last;
// theirs from 10⁻⁴ to 0.02 in 1000 steps.
func Linear(steps int, first, last float64) (Schedule, error) {
	betas := make([]float64, max(steps, 0))
	for i := range betas {
		betas[i] = linspace(first, last, steps, i)
	}
	return NewSchedule(betas)
}

// Cosine returns the schedule of Nichol and Dhariwal (2021), √ᾱ_t ∝ cos(π/2·(t/T + s)/(1 + s)) with
// s = 0.008 and variances of at most 0.999.
func Cosine(steps int) (Schedule, error) {
	const s, most = 0.008, 0.999
	signal := func(t int) float64 {
		c := math.Cos(math.Pi / 2 * (float64(t)/float64(steps) + s) / (1 + s))
		return c * c
	}
	betas := make([]float64, max(steps, 0))
	for i := range betas {
		betas[i] = min(most, 1-signal(i+1)/signal(i))
	}
	return NewSchedule(betas)
}

// Named returns the schedule that a checkpoint names: PaperName, which takes no variances, or any
// other name with the variances betas[t−1] of all steps.
func Named(name string, betas []float64) (Schedule, error) {
	switch {
	case name == PaperName && len(betas) > 0:
		return Schedule{}, fmt.Errorf("diffusion: the schedule %q comes with %d variances of its own: "+
			"name it %q", name, len(betas), OwnName)
	case name == PaperName:
		return Paper(), nil
	case len(betas) == 0 && name != OwnName:
		return Schedule{}, fmt.Errorf("diffusion: unknown schedule %q: only %q comes without variances",
			name, PaperName)
	case len(betas) < FewestSteps:
		return Schedule{}, fmt.Errorf("diffusion: a schedule of %d variances, want at least %d",
			len(betas), FewestSteps)
	}
	return NewSchedule(betas)
}

// FewestSteps is the least number of steps of a schedule in a checkpoint. It tells a schedule from
// the two numbers called betas of an optimiser.
const FewestSteps = 4

// Near reports whether both schedules have the same steps, and variances that agree to a relative
// tolerance.
func (s Schedule) Near(o Schedule, tolerance float64) bool {
	return slices.EqualFunc(s.beta, o.beta, func(a, b float64) bool {
		return math.Abs(a-b) <= tolerance*b
	})
}

// linspace returns entry i of n evenly spaced values from low to high.
func linspace(low, high float64, n, i int) float64 {
	return low + (high-low)*float64(i)/float64(n-1)
}

// Betas returns β_1…β_T.
func (s Schedule) Betas() []float64 { return slices.Clone(s.beta[1:]) }

// Steps returns T.
func (s Schedule) Steps() int { return len(s.beta) - 1 }

// Beta returns β_t, the variance of the noise added at step t; Beta(0) = 0.
func (s Schedule) Beta(t Step) float64 { return s.beta[t] }

// Alpha returns 1 − β_t.
func (s Schedule) Alpha(t Step) float64 { return 1 - s.beta[t] }

// AlphaBar returns ᾱ_t = ∏_{s ≤ t} α_s, the share of the clean map's variance left at step t;
// AlphaBar(0) = 1.
func (s Schedule) AlphaBar(t Step) float64 { return s.alphaBar[t] }

// SNR returns the signal-to-noise ratio ᾱ_t/(1 − ᾱ_t); SNR(0) = +Inf.
func (s Schedule) SNR(t Step) float64 { return s.alphaBar[t] / (1 - s.alphaBar[t]) }

// PosteriorVariance returns the variance of q(x_{t−1} | x_t, x_0), t >= 1; it is 0 at t = 1.
func (s Schedule) PosteriorVariance(t Step) float64 {
	return s.beta[t] * (1 - s.alphaBar[t-1]) / (1 - s.alphaBar[t])
}

// PosteriorMean returns the mean of q(x_{t−1} | x_t, x_0), t >= 1.
func (s Schedule) PosteriorMean(t Step, xt, x0 float64) float64 {
	ofX0 := math.Sqrt(s.alphaBar[t-1]) * s.beta[t] / (1 - s.alphaBar[t])
	ofXt := math.Sqrt(1-s.beta[t]) * (1 - s.alphaBar[t-1]) / (1 - s.alphaBar[t])
	return ofX0*x0 + ofXt*xt
}

// ReverseMean returns the mean of p(x_{t−1} | x_t) when the noise in x_t is predicted to be ε;
// equation 11 of Ho et al. A step of ancestral sampling adds √PosteriorVariance(t) times fresh
// noise to it.
func (s Schedule) ReverseMean(t Step, xt, epsilon float64) float64 {
	return (xt - s.beta[t]/math.Sqrt(1-s.alphaBar[t])*epsilon) / math.Sqrt(1-s.beta[t])
}

// Noised returns x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε.
func (s Schedule) Noised(t Step, x0, epsilon float64) float64 {
	return math.Sqrt(s.alphaBar[t])*x0 + math.Sqrt(1-s.alphaBar[t])*epsilon
}

// Clean returns the x_0 that noise ε in x_t implies: the inverse of Noised.
func (s Schedule) Clean(t Step, xt, epsilon float64) float64 {
	return (xt - math.Sqrt(1-s.alphaBar[t])*epsilon) / math.Sqrt(s.alphaBar[t])
}
