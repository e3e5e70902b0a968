package calibration

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
)

// quadraticSize is the number of coefficients of a quadratic in two parameters.
const quadraticSize = 6

// OutlierModel is the distribution of several numbers of a map, such as the terms of its bound, at
// the parameters that fit the map best: a quadratic in the parameters for the mean of each, and
// their covariance. It is fitted to the maps of a calibration. A map with a large Mahalanobis
// distance is out of distribution, and its error bars are not reliable. It is plain data.
type OutlierModel struct {
	Prior cosmology.Prior `json:"prior"`
	Names []string        `json:"names"` // of the numbers
	// Fits are the coefficients of 1, x, y, x², xy, y² for each number, where x and y are the
	// parameters in log units: 0 and 1 are the edges of the prior.
	Fits   [][quadraticSize]float64 `json:"trends"`
	Widths []float64                `json:"widths"` // standard deviation of each number about its fit
	// Whitening, lower triangular, turns residuals over Widths into uncorrelated ones of variance 1.
	Whitening [][]float64 `json:"whitening"`
	// Distances are the rising Mahalanobis distances of the maps, each under a fit without it.
	Distances []float64 `json:"distances"`
}

// outlierFolds is the number of folds, in the order of the maps, for distances under fits to other
// maps: those of maps that were fitted to are too small.
const outlierFolds = 5

// OutlierModelMaps returns the least number of maps to fit the model of a number of numbers to.
func OutlierModelMaps(numbers int) int { return 2 * (quadraticSize + numbers) }

// FitOutlierModel fits the numbers of maps, [map][number], at the parameters that fit the maps
// best. Maps that turn out to be outliers are left out of the fit. It returns an error for fewer
// maps than OutlierModelMaps, for a value that is not finite and for a number that is the same for
// all maps.
func FitOutlierModel(prior cosmology.Prior, names []string, at []cosmology.Params,
	values [][]float64,
) (OutlierModel, error) {
	if least := OutlierModelMaps(len(names)); len(at) != len(values) || len(at) < least ||
		len(names) == 0 {
		return OutlierModel{}, fmt.Errorf("calibration: an outlier model of %d numbers of %d maps at %d "+
			"parameters, want as many of both, and at least %d", len(names), len(values), len(at), least)
	}
	for i, row := range values {
		if len(row) != len(names) {
			return OutlierModel{}, fmt.Errorf("calibration: map %d has %d numbers, want %d", i,
				len(row), len(names))
		}
		for k, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return OutlierModel{}, fmt.Errorf("calibration: %s of map %d is %g, want a finite number",
					names[k], i, v)
			}
		}
	}
	t, err := fitOutlierModel(prior, names, at, values)
	if err != nil {
		return t, err
	}
	for f := range outlierFolds {
		low, high := f*len(at)/outlierFolds, (f+1)*len(at)/outlierFolds
		others, err := fitOutlierModel(prior, names, slices.Concat(at[:low], at[high:]),
			slices.Concat(values[:low], values[high:]))
		if err != nil {
			return t, err
		}
		for i := low; i < high; i++ {
			t.Distances = append(t.Distances, others.Score(at[i], values[i]).Distance)
		}
	}
	slices.Sort(t.Distances)
	return t, t.Validate()
}

// fitOutlierModel fits means and covariance.
func fitOutlierModel(prior cosmology.Prior, names []string, at []cosmology.Params,
	values [][]float64,
) (OutlierModel, error) {
	t := OutlierModel{Prior: prior, Names: names}
	units, err := newLogUnits(prior)
	if err != nil {
		return t, err
	}
	used := slices.Repeat([]bool{true}, len(at))
	for range 3 { // an outlier shifts the fit, so the fit is repeated without it
		if err := t.fit(units, at, values, used); err != nil {
			return t, err
		}
		distances := make([]float64, len(at))
		for i, row := range values {
			distances[i] = t.Score(at[i], row).Distance
		}
		sorted := slices.Sorted(slices.Values(distances))
		for i, d := range distances { // for ten Gaussian numbers one map in a million lies further out
			used[i] = d <= 2.5*stat.Quantile(0.5, stat.Empirical, sorted, nil)
		}
	}
	return t, nil
}

// quadraticTerms returns 1, x, y, x², xy, y².
func quadraticTerms(x [2]float64) [quadraticSize]float64 {
	return [quadraticSize]float64{1, x[0], x[1], x[0] * x[0], x[0] * x[1], x[1] * x[1]}
}

// fit sets Fits, Widths and Whitening to those of the maps that are used.
func (t *OutlierModel) fit(units logUnits, at []cosmology.Params, values [][]float64,
	used []bool,
) error {
	fail := func(what string) error {
		return fmt.Errorf("calibration: an outlier model of %d maps: %s", len(at), what)
	}
	numbers := len(t.Names)
	var rows, right []float64
	for i, p := range at {
		if used[i] {
			row := quadraticTerms(units.point(p))
			rows, right = append(rows, row[:]...), append(right, values[i]...)
		}
	}
	maps := len(right) / numbers
	// A weak prior of 0 keeps coefficients finite that the points do not determine.
	for k := 1; k < quadraticSize; k++ {
		var row [quadraticSize]float64
		row[k] = 1e-3 * math.Sqrt(float64(maps))
		rows, right = append(rows, row[:]...), append(right, make([]float64, numbers)...)
	}
	design, observed := mat.NewDense(len(rows)/quadraticSize, quadraticSize, rows),
		mat.NewDense(len(rows)/quadraticSize, numbers, right)
	var x, rest mat.Dense
	if err := x.Solve(design, observed); err != nil {
		return fail(err.Error())
	}
	rest.Mul(design, &x)
	rest.Sub(observed, &rest)
	about := rest.Slice(0, maps, 0, numbers)
	t.Fits, t.Widths = make([][quadraticSize]float64, numbers), make([]float64, numbers)
	for k := range numbers {
		mat.Col(t.Fits[k][:], k, &x)
		t.Widths[k] = stat.StdDev(mat.Col(nil, k, about), nil)
		if !(t.Widths[k] > 0) {
			return fail(t.Names[k] + " is the same for all")
		}
	}
	var correlations mat.SymDense
	stat.CorrelationMatrix(&correlations, about, nil)
	const tiny = 1e-6 // allows numbers that are fully correlated
	for k := range numbers {
		correlations.SetSym(k, k, 1+tiny)
	}
	var chol mat.Cholesky
	if !chol.Factorize(&correlations) {
		return fail("their correlations have no Cholesky factor")
	}
	var lower, inverse mat.TriDense
	chol.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil {
		return fail(err.Error())
	}
	t.Whitening = make([][]float64, numbers)
	for k := range t.Whitening {
		t.Whitening[k] = mat.Row(nil, k, &inverse)[:k+1]
	}
	return nil
}

// Validate returns an error unless all fields are finite and as many as there are names.
func (t OutlierModel) Validate() error {
	if _, err := newLogUnits(t.Prior); err != nil {
		return err
	}
	n := len(t.Names)
	if n == 0 || len(t.Fits) != n || len(t.Widths) != n || len(t.Whitening) != n {
		return fmt.Errorf("calibration.OutlierModel has %d names, %d fits, %d widths and %d rows of a "+
			"whitening, want as many of each", n, len(t.Fits), len(t.Widths), len(t.Whitening))
	}
	var errs []error
	finite := func(field string, values []float64, positive bool) {
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) || positive && v <= 0 {
				errs = append(errs, fmt.Errorf("calibration.OutlierModel.%s[%d] = %g, want a finite number",
					field, i, v))
			}
		}
	}
	finite("Widths", t.Widths, true)
	finite("Distances", t.Distances, false)
	for k := range n {
		finite(fmt.Sprintf("Fits[%d]", k), t.Fits[k][:], false)
		finite(fmt.Sprintf("Whitening[%d]", k), t.Whitening[k], false)
		if len(t.Whitening[k]) != k+1 {
			errs = append(errs, fmt.Errorf("calibration.OutlierModel.Whitening[%d] has %d numbers, want "+
				"%d", k, len(t.Whitening[k]), k+1))
		}
	}
	if len(t.Distances) == 0 || !slices.IsSorted(t.Distances) {
		errs = append(errs, fmt.Errorf("calibration.OutlierModel.Distances are %d, want at least one, "+
			"rising", len(t.Distances)))
	}
	return errors.Join(errs...)
}

// OutlierScore compares the numbers of a map with an OutlierModel.
type OutlierScore struct {
	// Distance is the Mahalanobis distance from the expected numbers. For Gaussian numbers its square
	// has a chi² distribution with as many degrees of freedom as there are numbers.
	Distance float64   `json:"distance"`
	Expected []float64 `json:"expected"` // the expected numbers
	Z        []float64 `json:"z"`        // residual of each number in standard deviations
}

// Score compares the numbers of a map with those expected at the parameters that fit it best. NaN
// gives NaN. It panics for another count of numbers than names and for a prior without width.
func (t OutlierModel) Score(at cosmology.Params, values []float64) OutlierScore {
	units, err := newLogUnits(t.Prior)
	if err != nil {
		panic(err)
	}
	if len(values) != len(t.Names) {
		panic(fmt.Sprintf("calibration: %d numbers, want %d", len(values), len(t.Names)))
	}
	terms := quadraticTerms(units.point(at))
	var out OutlierScore
	for k, v := range values {
		expected := floats.Dot(terms[:], t.Fits[k][:])
		out.Expected, out.Z = append(out.Expected, expected), append(out.Z, (v-expected)/t.Widths[k])
	}
	sum := 0.0
	for k, row := range t.Whitening {
		d := floats.Dot(row, out.Z[:k+1])
		sum += d * d
	}
	out.Distance = math.Sqrt(sum)
	return out
}
