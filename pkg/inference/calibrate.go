package inference

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// CalibrateConfig says how posteriors are calibrated and how that is tested.
type CalibrateConfig struct {
	Bound  BoundConfig        `json:"bound"`
	Report calibration.Config `json:"report"`
	Folds  int                `json:"folds"` // of the cross-validation that chooses the recalibration

	CalibrationSimulations int    `json:"calibration_simulations"` // at most; 0: all that there are
	TestSimulations        int    `json:"test_simulations"`        // at most; 0: all
	Seed                   uint64 `json:"seed"`
}

// DefaultCalibrate returns DefaultBound and five folds.
func DefaultCalibrate() CalibrateConfig {
	return CalibrateConfig{
		Bound: DefaultBound(), Report: calibration.DefaultConfig(),
		Folds: 5, Seed: 1,
	}
}

// Calibrate finds, on held-out simulations that training and choices of checkpoints have not
// seen, what turns the bound into a calibrated posterior: a weight for each term, since a network
// knows some noise levels better than others, and then the simplest sufficient recalibration of
// their sum.
func Calibrate(bounds []Bound, prior cosmology.Prior, hash string,
	c CalibrateConfig,
) (Calibration, error) {
	out := Calibration{Hash: hash, Prior: prior, Bound: c.Bound, Maps: len(bounds)}
	parts := make([]calibration.Parts, len(bounds))
	simulations := map[int]bool{}
	for i, b := range bounds {
		if err := b.check(len(c.Bound.Quadrature.Terms)); err != nil {
			return out, err
		}
		parts[i] = calibration.Parts{On: b.Terms.On, Truth: b.Truth, Simulation: b.Simulation}
		simulations[b.Simulation] = true
	}
	out.Simulations = len(simulations)
	if err := c.enough(out.Simulations); err != nil {
		return out, fmt.Errorf("inference: %w", err)
	}
	var err error
	if out.Weights, err = calibration.FitWeights(parts, prior); err != nil {
		return out, err
	}
	unseen, err := out.crossFitted(bounds, parts, c.Folds)
	if err != nil {
		return out, err
	}
	choice, err := calibration.Choose(unseen, prior, c.Folds, c.Seed)
	if err != nil {
		return out, err
	}
	out.Recalibration, out.Trials = choice.Recalibration, choice.Trials
	return out, out.know(bounds)
}

// crossFitted are the posteriors of each fold of simulations with weights that were fitted on the
// others. On maps that they were fitted on weights look better than they are, and a recalibration
// of those would leave posteriors too narrow.
func (c Calibration) crossFitted(bounds []Bound, parts []calibration.Parts,
	folds int,
) ([]calibration.Case, error) {
	fold, next := map[int]int{}, 0
	for _, b := range bounds {
		if _, known := fold[b.Simulation]; !known {
			fold[b.Simulation] = next % folds
			next++
		}
	}
	out := make([]calibration.Case, len(bounds))
	for f := range folds {
		var others []calibration.Parts
		for i, b := range bounds {
			if fold[b.Simulation] != f {
				others = append(others, parts[i])
			}
		}
		weights, err := calibration.FitWeights(others, c.Prior)
		if err != nil {
			return nil, err
		}
		with := c
		with.Weights = weights
		for i, b := range bounds {
			if fold[b.Simulation] == f {
				out[i] = with.cases(bounds[i : i+1])[0]
			}
		}
	}
	return out, nil
}

// Uncalibrated returns the calibration that changes nothing: the whole bound as it is.
func Uncalibrated(hash string, prior cosmology.Prior, c BoundConfig) Calibration {
	return Calibration{
		Hash: hash, Prior: prior, Bound: c, Weights: ones(len(c.Quadrature.Terms)),
		Recalibration: calibration.NewIdentity(prior),
	}
}

// ErrTooFew is wrapped by the error for data with too few held-out simulations for a calibration.
var ErrTooFew = errors.New("too few simulations")

// enough returns an error unless weights of all terms can be fitted without any one of the folds,
// and an outlier model of the maps.
func (c CalibrateConfig) enough(simulations int) error {
	terms := len(c.Bound.Quadrature.Terms)
	typical := calibration.OutlierModelMaps(len(c.Bound.atBestNames()))
	want := max((2*terms*c.Folds+c.Folds-2)/(c.Folds-1), c.Folds,
		(typical+mapsPerSimulation-1)/mapsPerSimulation)
	if simulations < want {
		return fmt.Errorf("%w: %d for a calibration of %d terms in %d folds, want at least %d; use "+
			"more simulations or fewer terms", ErrTooFew, simulations, terms, c.Folds, want)
	}
	return nil
}

// cases are the posteriors before the recalibration.
func (c Calibration) cases(bounds []Bound) []calibration.Case {
	out := make([]calibration.Case, len(bounds))
	for i, b := range bounds {
		out[i] = calibration.Case{
			Surface: b.Surface(c.Prior, c.Weights), Truth: b.Truth,
			Simulation: b.Simulation,
		}
	}
	return out
}

// know learns from the maps of the calibration what a map of their kind is like at its best fit,
// and how far outside the prior that may seem to be.
func (c *Calibration) know(bounds []Bound) error {
	at, values := make([]cosmology.Params, len(bounds)), make([][]float64, len(bounds))
	c.OutsidePrior = nil
	for i, b := range bounds {
		at[i], values[i] = b.atBest(c.Prior, c.Weights)
		_, beyond, err := c.recalibrated(b)
		if err != nil {
			return err
		}
		c.OutsidePrior = append(c.OutsidePrior, beyond)
	}
	slices.Sort(c.OutsidePrior)
	var err error
	c.Outliers, err = calibration.FitOutlierModel(c.Prior, c.Bound.atBestNames(), at, values)
	return err
}

// recalibrated returns the posterior of a map and how far outside the prior it fits best.
func (c Calibration) recalibrated(b Bound) (likelihood.Surface, float64, error) {
	s, err := c.Recalibration.Apply(b.Surface(c.Prior, c.Weights))
	if err != nil {
		return s, 0, err
	}
	beyond, err := calibration.OutsidePrior(s, c.Prior)
	return s, beyond, err
}

// CoverageReport scores posteriors of maps that the calibration has not seen: those of the paper's
// first term, of the whole bound as it is, with weights, and recalibrated. For Uncalibrated that is
// the first two.
func (c Calibration) CoverageReport(bounds []Bound, cfg CalibrateConfig) (CoverageReport, error) {
	out := CoverageReport{Prior: c.Prior}
	for _, b := range bounds {
		if err := b.check(len(c.Weights)); err != nil {
			return out, err
		}
	}
	first := make([]float64, len(c.Weights))
	first[0] = 1
	with := func(weights []float64) []calibration.Case {
		other := c
		other.Weights = weights
		return other.cases(bounds)
	}
	type way struct {
		name  string
		cases []calibration.Case
	}
	ways := []way{{FirstTerm, with(first)}, {WholeBound, with(ones(len(c.Weights)))}}
	if c.Maps > 0 {
		weighted := c.cases(bounds)
		recalibrated, err := c.Recalibration.ApplyAll(weighted)
		if err != nil {
			return out, err
		}
		ways = append(ways, way{"weighted", weighted}, way{Calibrated, recalibrated})
	}
	for _, m := range ways {
		scores, err := calibration.ScoreAll(m.cases, c.Prior, cfg.Seed)
		if err != nil {
			return out, fmt.Errorf("inference: %s: %w", m.name, err)
		}
		if err := out.add(m.name, scores, cfg.Report); err != nil {
			return out, err
		}
	}
	return out, nil
}

func ones(n int) []float64 {
	out := make([]float64, n)
	floats.AddConst(1, out)
	return out
}

// Constraint is what a map says of the parameters, by a calibration.
type Constraint struct {
	Surface        likelihood.Surface // recalibrated −ln L over the prior
	OmegaM, Sigma8 likelihood.Marginal
	Evaluations    int // of the network
	// between the map and what is expected where it fits best; not of Uncalibrated
	FromExpected Tail
	OutsidePrior Tail // of the best fit outside the prior; likewise
	Warnings     []string
}

// Constrain returns the calibrated constraint of a map from its bound.
func (c Calibration) Constrain(b Bound) (Constraint, error) {
	s, beyond, err := c.recalibrated(b)
	if err != nil {
		return Constraint{}, err
	}
	out := Constraint{Surface: s, Evaluations: b.Terms.Evaluations * len(c.Bound.Quadrature.Terms) *
		len(c.Bound.Quadrature.Draws(c.Bound.Seeds))}
	out.OmegaM, out.Sigma8 = s.Marginals()
	if c.Maps > 0 {
		out.FromExpected, out.OutsidePrior, out.Warnings = c.judge(b, beyond)
	}
	return out, nil
}
