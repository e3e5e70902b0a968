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
	Bound    BoundConfig        `json:"bound"`
	Observed Observed           `json:"observed"` // what all maps are given first
	Report   calibration.Config `json:"report"`
	Folds    int                `json:"folds"` // of the cross-fit of the weights

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
// knows some noise levels better than others, an offset, since the bound is nearer to −ln p at some
// parameters than at others, and then one temperature for their sum.
//
// On maps that they were fitted on weights look better than they are. So the temperature, and what
// is known of outliers, come from the posteriors of each fold of simulations under weights that
// were fitted on the others.
func Calibrate(bounds []Bound, prior cosmology.Prior, hash string,
	c CalibrateConfig,
) (Calibration, error) {
	out := Calibration{
		Hash: hash, Prior: prior, Bound: c.Bound, Observed: c.Observed, Maps: len(bounds),
	}
	parts := make([]calibration.Parts, len(bounds))
	fold := map[int]int{}
	for i, b := range bounds {
		if err := b.check(len(c.Bound.Quadrature.Terms)); err != nil {
			return out, err
		}
		parts[i] = calibration.Parts{On: b.Terms.On, Truth: b.Truth, Simulation: b.Simulation}
		if _, known := fold[b.Simulation]; !known {
			fold[b.Simulation] = len(fold) % c.Folds
		}
	}
	out.Simulations = len(fold)
	if err := c.enough(out.Simulations); err != nil {
		return out, fmt.Errorf("inference: %w", err)
	}
	var err error
	if out.Weights, out.Offset, err = calibration.FitWeights(parts, prior); err != nil {
		return out, err
	}
	unseen := make([]Calibration, len(bounds)) // of each map, the weights of the other folds
	for f := range c.Folds {
		var others []calibration.Parts
		for _, p := range parts {
			if fold[p.Simulation] != f {
				others = append(others, p)
			}
		}
		fitted := Calibration{Prior: prior, Temperature: 1}
		if fitted.Weights, fitted.Offset, err = calibration.FitWeights(others, prior); err != nil {
			return out, err
		}
		for i, b := range bounds {
			if fold[b.Simulation] == f {
				unseen[i] = fitted
			}
		}
	}
	cases := make([]calibration.Case, len(bounds))
	for i, b := range bounds {
		cases[i] = b.scored(unseen[i].NLL(b))
	}
	if out.Temperature, err = calibration.FitTemperature(cases, prior); err != nil {
		return out, err
	}
	return out, out.know(bounds, unseen)
}

// Uncalibrated returns the calibration that changes nothing: the whole bound as it is.
func Uncalibrated(hash string, prior cosmology.Prior, c BoundConfig) Calibration {
	return Calibration{
		Hash: hash, Prior: prior, Bound: c, Weights: ones(len(c.Quadrature.Terms)), Temperature: 1,
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

// know learns from the maps of the calibration, each under its own weights, what a map of their
// kind is like at its best fit, and how far outside the prior that may seem to be.
func (c *Calibration) know(bounds []Bound, unseen []Calibration) error {
	at, values := make([]cosmology.Params, len(bounds)), make([][]float64, len(bounds))
	c.OutsidePrior = nil
	for i, b := range bounds {
		with := *c
		with.Weights, with.Offset = unseen[i].Weights, unseen[i].Offset
		s, err := likelihood.Resolve(with.NLL(b), c.Prior)
		if err != nil {
			return err
		}
		beyond, err := calibration.OutsidePrior(s, c.Prior)
		if err != nil {
			return err
		}
		at[i] = s.Best()
		values[i], c.OutsidePrior = b.numbersAt(at[i]), append(c.OutsidePrior, beyond)
	}
	slices.Sort(c.OutsidePrior)
	var err error
	c.Outliers, err = calibration.FitOutlierModel(c.Prior, c.Bound.atBestNames(), at, values)
	return err
}

// NLL is calibrated −ln L of a map. Those of maps of different universes with the same parameters
// add up; see likelihood.Product.
func (c Calibration) NLL(b Bound) likelihood.NLL {
	weights, offset := slices.Clone(c.Weights), c.Offset
	floats.Scale(1/c.Temperature, weights)
	floats.Scale(1/c.Temperature, offset[:])
	sum := b.NLL(weights)
	return func(g likelihood.Grid) likelihood.Surface {
		s := sum(g)
		offset.Add(s, c.Prior)
		return s
	}
}

// CoverageReport scores posteriors of maps that the calibration has not seen: those of the first
// term, as the paper's, of the whole bound as it is, and calibrated. For Uncalibrated that is the
// first two.
func (c Calibration) CoverageReport(bounds []Bound, cfg CalibrateConfig) (CoverageReport, error) {
	out := CoverageReport{Prior: c.Prior}
	n := len(c.Weights)
	first := make([]float64, n)
	first[0] = 1
	ways := []struct {
		name string
		nll  func(Bound) likelihood.NLL
	}{
		{FirstTerm, func(b Bound) likelihood.NLL { return b.NLL(first) }},
		{WholeBound, func(b Bound) likelihood.NLL { return b.NLL(ones(n)) }},
		{Calibrated, c.NLL},
	}
	if c.Maps == 0 {
		ways = ways[:2]
	}
	for _, way := range ways {
		cases := make([]calibration.Case, len(bounds))
		for i, b := range bounds {
			if err := b.check(n); err != nil {
				return out, err
			}
			cases[i] = b.scored(way.nll(b))
		}
		if err := out.score(way.name, cases, cfg); err != nil {
			return out, err
		}
	}
	return out, nil
}

// groupSizes are the numbers of maps whose constraints are combined in a test.
var groupSizes = []int{2, 10, 50}

// AddGroups scores combined constraints of several maps of different universes with the same
// parameters. Sizes for which fewer than two parameters have enough universes are left out.
// Groups with the same parameters stay together in the bootstrap.
func (h *CoverageReport) AddGroups(c Calibration, bounds []Bound, cfg CalibrateConfig) error {
	at := map[cosmology.Params]int{}
	var universes [][]Bound // of each parameters
	for _, b := range bounds {
		if b.Map != 0 { // the others are of the same universes, and say less together
			continue
		}
		k, known := at[b.Truth]
		if !known {
			k = len(universes)
			at[b.Truth], universes = k, append(universes, nil)
		}
		universes[k] = append(universes[k], b)
	}
	for _, size := range groupSizes {
		var cases []calibration.Case
		points := 0
		for k, all := range universes {
			for group := range slices.Chunk(all, size) {
				if len(group) < size {
					continue
				}
				maps := make([]likelihood.NLL, size)
				for i, b := range group {
					maps[i] = c.NLL(b)
				}
				cases = append(cases, calibration.Case{
					NLL: likelihood.Product(maps), Truth: group[0].Truth, Simulation: k,
				})
			}
			if len(all) >= size {
				points++
			}
		}
		if points < 2 {
			continue
		}
		if err := h.score(fmt.Sprintf("%d maps together", size), cases, cfg); err != nil {
			return err
		}
	}
	return nil
}

func ones(n int) []float64 {
	out := make([]float64, n)
	floats.AddConst(1, out)
	return out
}

// Constraint is what a map says of the parameters, by a calibration.
type Constraint struct {
	Surface        likelihood.Surface // calibrated −ln L, on the grid of likelihood.Resolve
	OmegaM, Sigma8 likelihood.Marginal
	Evaluations    int // of the network
	// between the map and what is expected where it fits best; not of Uncalibrated
	FromExpected Tail
	OutsidePrior Tail // of the best fit outside the prior; likewise
	Warnings     []string
}

// Constrain returns the calibrated constraint of a map from its bound.
func (c Calibration) Constrain(b Bound) (Constraint, error) {
	out := Constraint{Evaluations: b.Terms.Evaluations * len(c.Bound.Quadrature.Terms) *
		len(c.Bound.Quadrature.Draws(c.Bound.Seeds))}
	var err error
	if out.Surface, err = likelihood.Resolve(c.NLL(b), c.Prior); err != nil {
		return out, err
	}
	out.OmegaM, out.Sigma8 = out.Surface.Marginals()
	if c.Maps > 0 {
		err = c.judge(&out, b)
	}
	return out, err
}
