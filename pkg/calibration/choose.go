package calibration

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
)

// Trial is how well a kind of recalibration does on simulations that it was not fitted on.
type Trial struct {
	Kind       Kind `json:"kind"`
	Parameters int  `json:"parameters"` // numbers fitted
	// mean over held-out simulations of ln of the density at the truth over the prior's, in nats a map
	LogScore float64 `json:"log_score"`
	Behind   float64 `json:"behind"` // by how much the best kind is better; 0 for the best
	Error    float64 `json:"error"`  // standard error of Behind, over simulations
}

// Choice is the simplest sufficient recalibration.
type Choice struct {
	Trials        []Trial       `json:"trials"` // in the order of the kinds
	Recalibration Recalibration `json:"recalibration"`
	// kinds whose fits did not settle, which are not among the trials
	Unsettled []Kind `json:"unsettled,omitempty"`
}

// Choose compares kinds (nil: all that there are simulations enough for) by cross-validation over
// simulations and fits, on all cases, the simplest one that is behind the best by no more than
// one standard error. Kinds must go from the simplest to the richest. Simulations are dealt to
// the folds by seed. Kinds whose fits do not settle are left out. It returns an error for fewer
// than 2 folds, fewer simulations than folds, and those of Fit.
func Choose(cases []Case, prior cosmology.Prior, kinds []Kind, folds int,
	seed uint64,
) (Choice, error) {
	p, err := newProblem(cases, prior)
	if err != nil {
		return Choice{}, err
	}
	if kinds == nil {
		kinds = p.affordable(folds)
	}
	if folds < 2 || p.simulations < folds {
		return Choice{}, fmt.Errorf("calibration: %d folds of %d simulations, want at least 2 folds "+
			"and a simulation in each", folds, p.simulations)
	}
	fold := p.deal(folds, seed)
	var out Choice
	var tried []Kind
	var scores [][]float64 // [kind][simulation]
	for _, kind := range kinds {
		score, err := p.heldOut(kind, fold, folds)
		switch {
		case errors.Is(err, ErrUnsettled):
			out.Unsettled = append(out.Unsettled, kind)
		case err != nil:
			return Choice{}, err
		default:
			tried, scores = append(tried, kind), append(scores, score)
		}
	}
	if len(tried) == 0 {
		return Choice{}, fmt.Errorf("calibration: the fits of %v %w", kinds, ErrUnsettled)
	}
	out.Trials = trials(tried, scores)
	for _, t := range out.Trials {
		if t.Behind > t.Error {
			continue
		}
		if out.Recalibration, err = p.fit(t.Kind); !errors.Is(err, ErrUnsettled) {
			return out, err
		}
	}
	return Choice{}, err // the best is behind itself by 0, so that one was fitted
}

// affordable are the kinds that can be fitted without any one of the folds.
func (p problem) affordable(folds int) []Kind {
	fitted := p.simulations - (p.simulations+folds-1)/max(folds, 1)
	return slices.DeleteFunc(Kinds(), func(k Kind) bool { return fitted < 2*k.parameters() })
}

// deal returns the fold of each simulation.
func (p problem) deal(folds int, seed uint64) map[int]int {
	simulations := simulationsOf(p.subjects)
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(simulations), func(i, j int) {
		simulations[i], simulations[j] = simulations[j],
			simulations[i]
	})
	fold := map[int]int{}
	for i, s := range simulations {
		fold[s] = i % folds
	}
	return fold
}

// heldOut returns the mean log score of each simulation, in the order of their numbers, under a
// fit without its fold.
func (p problem) heldOut(kind Kind, fold map[int]int, folds int) ([]float64, error) {
	var numbers [][]float64
	var simulations []int
	for f := range folds {
		var fitted, held []subject
		for _, s := range p.subjects {
			if fold[s.simulation] == f {
				held = append(held, s)
			} else {
				fitted = append(fitted, s)
			}
		}
		r, err := problemOf(fitted, p.prior).fit(kind)
		if err != nil {
			return nil, err
		}
		for _, s := range held {
			numbers, simulations = append(numbers, []float64{s.logScore(r)}),
				append(simulations, s.simulation)
		}
	}
	var out []float64
	for _, s := range bySimulation(numbers, simulations) {
		out = append(out, s.numbers[0]/s.maps)
	}
	return out, nil
}

func trials(kinds []Kind, scores [][]float64) []Trial {
	out := make([]Trial, len(kinds))
	best := 0
	for k, kind := range kinds {
		out[k] = Trial{Kind: kind, Parameters: kind.parameters(), LogScore: stat.Mean(scores[k], nil)}
		if out[k].LogScore > out[best].LogScore {
			best = k
		}
	}
	for k := range out {
		lag := slices.Clone(scores[best])
		for i, v := range scores[k] {
			lag[i] -= v
		}
		mean, std := stat.MeanStdDev(lag, nil)
		out[k].Behind, out[k].Error = mean, std/math.Sqrt(float64(len(lag)))
	}
	return out
}
