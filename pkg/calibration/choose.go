package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
)

// Trial is how well a kind of recalibration does on simulations that it was not fitted on.
type Trial struct {
	Kind       Kind `json:"kind"`
	Parameters int  `json:"parameters"` // number of fitted numbers
	// LogScore is the mean over held-out simulations of ln of the posterior density at the truth
	// over that of the prior, in nats per map.
	LogScore float64 `json:"log_score"`
	Behind   float64 `json:"behind"` // LogScore of the best kind less that of this one, in nats
	Error    float64 `json:"error"`  // standard error of Behind over simulations
}

// Choice is the simplest sufficient recalibration.
type Choice struct {
	Trials        []Trial       `json:"trials"` // in the order of the kinds
	Recalibration Recalibration `json:"recalibration"`
}

// Choose compares the kinds by cross-validation over simulations and fits, on all cases, the
// simplest one whose log score is less than one standard error behind the best. The seed deals
// simulations to folds. It returns an error for fewer than 2 folds, for folds without two
// simulations to fit on, and for cases that cannot be used, which it names.
func Choose(cases []Case, prior cosmology.Prior, folds int, seed uint64) (Choice, error) {
	simulations := simulationsOf(cases)
	if n := len(simulations); folds < 2 || n < folds || n-(n+folds-1)/folds < 2 {
		return Choice{}, fmt.Errorf("calibration: %d folds of %d simulations, want at least 2 folds "+
			"with a simulation in each and two outside it", folds, n)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(simulations), func(i, j int) {
		simulations[i], simulations[j] = simulations[j], simulations[i]
	})
	fold := map[int]int{}
	for i, s := range simulations {
		fold[s] = i % folds
	}
	var scores [][]float64 // [kind][simulation]
	for _, kind := range Kinds() {
		score, err := heldOut(cases, prior, kind, fold, folds)
		if err != nil {
			return Choice{}, err
		}
		scores = append(scores, score)
	}
	out := Choice{Trials: trials(scores)}
	chosen := slices.IndexFunc(out.Trials, func(t Trial) bool { return !(t.Behind > t.Error) })
	var err error
	out.Recalibration, err = fit(cases, prior, Kinds()[chosen])
	return out, err
}

// simulationsOf returns the numbers of the simulations, rising.
func simulationsOf(cases []Case) []int {
	var out []int
	for _, c := range cases {
		out = append(out, c.Simulation)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// heldOut returns the mean log score of each simulation, in the order of their numbers, under a
// fit without its fold.
func heldOut(cases []Case, prior cosmology.Prior, kind Kind, fold map[int]int,
	folds int,
) ([]float64, error) {
	var numbers [][]float64
	var simulations []int
	for f := range folds {
		var fitted, held []Case
		for _, c := range cases {
			if fold[c.Simulation] == f {
				held = append(held, c)
			} else {
				fitted = append(fitted, c)
			}
		}
		r, err := fit(fitted, prior, kind)
		if err != nil {
			return nil, err
		}
		if held, err = r.ApplyAll(held); err != nil {
			return nil, err
		}
		for _, c := range held {
			l, err := newCaseLandscape(c, prior)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, []float64{newDensity(l).logScore(l.at(l.units.point(c.Truth)))})
			simulations = append(simulations, c.Simulation)
		}
	}
	var out []float64
	for _, s := range bySimulation(numbers, simulations) {
		out = append(out, s.numbers[0]/s.maps)
	}
	return out, nil
}

// temperatureSlack is the |ln Temperature| at which the prior of the fit, worth one simulation,
// costs half a nat.
const temperatureSlack = 4

// fit returns the recalibration of a kind that maximises the mean log density of the truths, a
// proper score: no other density than the true posterior does better on average. The temperature
// is regularised by a prior worth one simulation.
func fit(cases []Case, prior cosmology.Prior, kind Kind) (Recalibration, error) {
	r := NewIdentity(prior)
	r.Kind, r.Maps, r.Simulations = kind, len(cases), len(simulationsOf(cases))
	if kind == Identity {
		return r, nil
	}
	x := [2][]float64{make([]float64, weightsGrid), make([]float64, weightsGrid)}
	floats.Span(x[0], prior.Min.OmegaM, prior.Max.OmegaM)
	floats.Span(x[1], prior.Min.Sigma8, prior.Max.Sigma8)
	single := make([]weightCase, len(cases))
	for i, c := range cases {
		l, err := newCaseLandscape(c, prior)
		if err != nil {
			return r, fmt.Errorf("calibration: case %d, of simulation %d: %w", i, c.Simulation, err)
		}
		single[i] = weightCase{
			surfaces: [][]float64{l.values(x)},
			atTruth:  []float64{l.at(l.units.point(c.Truth))},
		}
	}
	weights, err := minimise(single, 1/float64(r.Simulations*temperatureSlack*temperatureSlack))
	if err != nil {
		return r, err
	}
	r.Temperature = 1 / weights[0]
	return r, r.Validate()
}

// trials sums up the scores, [kind][simulation].
func trials(scores [][]float64) []Trial {
	out := make([]Trial, len(scores))
	best := 0
	for k, kind := range Kinds() {
		out[k] = Trial{Kind: kind, Parameters: kind.parameters(), LogScore: stat.Mean(scores[k], nil)}
		if out[k].LogScore > out[best].LogScore {
			best = k
		}
	}
	for k := range out {
		lag := floats.SubTo(make([]float64, len(scores[k])), scores[best], scores[k])
		mean, std := stat.MeanStdDev(lag, nil)
		out[k].Behind, out[k].Error = mean, std/math.Sqrt(float64(len(lag)))
	}
	return out
}
