package inference

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"sort"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/filetype"
	"darkfield/pkg/report"
)

// Names of methods of CoverageReport. Calibrated is the one that a user should quote.
const (
	FirstTerm  = "first term"
	WholeBound = "whole bound"
	Calibrated = "calibrated"
)

// Calibration is what turns the bound of a map by one checkpoint into a calibrated posterior. It is
// plain data, kept in a file.
type Calibration struct {
	Hash     string          `json:"hash"` // of the checkpoint's tensors
	Prior    cosmology.Prior `json:"prior"`
	Bound    BoundConfig     `json:"bound"`
	Observed Observed        `json:"observed"` // of its maps, and of those that it is for
	// of the terms, besides how many each one stands for
	Weights []float64 `json:"weights"`
	// Offset is added to the weighted sum.
	Offset      calibration.Offset `json:"offset"`
	Temperature float64            `json:"temperature"` // that the weighted sum is divided by
	// the terms at the best fit and the moments of a map
	Outliers calibration.OutlierModel `json:"typical"`
	// how far outside the prior each map fits best, in standard deviations, rising
	OutsidePrior []float64 `json:"beyond"`
	Maps         int       `json:"maps"` // that it was fitted on
	Simulations  int       `json:"simulations"`
}

// Validate returns all faults at once.
func (c Calibration) Validate() error {
	errs := []error{c.Bound.Validate(), c.Observed.Validate()}
	n := len(c.Bound.Quadrature.Terms)
	if len(c.Weights) != n {
		errs = append(errs, fmt.Errorf("%d weights for %d terms, want one each", len(c.Weights), n))
	}
	if got, want := len(c.Outliers.Names), len(c.Bound.atBestNames()); got != want {
		errs = append(errs, fmt.Errorf("the outlier model is of %d numbers, want %d", got, want))
	}
	if len(c.OutsidePrior) == 0 || !slices.IsSorted(c.OutsidePrior) {
		errs = append(errs,
			fmt.Errorf("distances outside the prior of %d maps, want at least one, rising",
				len(c.OutsidePrior)))
	}
	for k, w := range c.Weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			errs = append(errs, fmt.Errorf("weight %d is %g, want a finite number >= 0", k, w))
		}
	}
	if !(c.Temperature > 0) || math.IsInf(c.Temperature, 0) {
		errs = append(errs, fmt.Errorf("temperature %g, want finite and > 0", c.Temperature))
	}
	errs = append(errs, c.Offset.Validate(), c.Outliers.Validate())
	if !reflect.DeepEqual(c.Prior, c.Outliers.Prior) {
		errs = append(errs, fmt.Errorf("prior %v, but the outlier model is for %v", c.Prior,
			c.Outliers.Prior))
	}
	return errors.Join(errs...)
}

// Save writes the calibration to a file, whole or not at all.
func (c Calibration) Save(path string) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return report.WriteFile(path, append(raw, '\n'))
}

// LoadCalibration reads what Save wrote. hash is that of the checkpoint it is to be used with:
// another one needs a calibration of its own.
func LoadCalibration(path, hash string) (Calibration, error) {
	fail := func(err error) (Calibration, error) {
		return Calibration{}, fmt.Errorf("inference: calibration %s: %w", path, err)
	}
	var c Calibration
	if err := filetype.Expect(path, filetype.Calibration); err != nil {
		return c, fmt.Errorf("inference: %w", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return fail(fmt.Errorf("%w: make it with `darkfield calibrate`", errors.Unwrap(err)))
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fail(fmt.Errorf("%w: make it anew with `darkfield calibrate`", err))
	}
	if err := c.Validate(); err != nil {
		return fail(fmt.Errorf("%w: make it anew with `darkfield calibrate`", err))
	}
	if c.Hash != hash {
		return fail(fmt.Errorf("it is of a checkpoint with SHA-256 %.8s…, this one has %.8s…: make one "+
			"for it with `darkfield calibrate`", c.Hash, hash))
	}
	return c, nil
}

// Tail says how far out a map lies, in standard deviations, and what share of the
// calibration's maps lie as far.
type Tail struct {
	Distance float64 `json:"distance"`
	Fraction float64 `json:"as_far"`
}

// rare is the share of the calibration's maps that may lie as far out as a map that is warned of.
// Of two tests, so at most one true map in fifty is.
const rare = 0.01

// judge says in what a map with this constraint is unlike those of the calibration.
func (c Calibration) judge(out *Constraint, b Bound) error {
	beyond, err := calibration.OutsidePrior(out.Surface, c.Prior)
	if err != nil {
		return err
	}
	at := out.Surface.Best()
	values := b.numbersAt(at)
	t := c.Outliers.Score(at, values)
	expected := Tail{t.Distance, asFar(c.Outliers.Distances, t.Distance)}
	outside := Tail{beyond, asFar(c.OutsidePrior, beyond)}
	out.FromExpected, out.OutsidePrior = expected, outside
	if expected.Fraction <= rare {
		k := 0
		for i, z := range t.Z {
			if math.Abs(z) > math.Abs(t.Z[k]) {
				k = i
			}
		}
		warning := fmt.Sprintf("%.1f standard deviations lie between this map and what is expected "+
			"where it fits best, as for %s; %s is %.4g, expected %.4g (%+.1f of them): it may not be of "+
			"their kind, do not trust its error bars", expected.Distance, c.share(expected),
			c.Outliers.Names[k], values[k], t.Expected[k], t.Z[k])
		if c.Outliers.Names[k] == structureName && t.Z[k] > 0 {
			warning += "; if it has noise, declare that with --noise"
		}
		out.Warnings = append(out.Warnings, warning)
	}
	if outside.Fraction <= rare {
		out.Warnings = append(out.Warnings, fmt.Sprintf("this map fits best outside the prior, by %.1f "+
			"standard deviations, as do %s: its parameters may lie outside, or it may not be of their "+
			"kind, do not trust its error bars", beyond, c.share(outside)))
	}
	return nil
}

func (c Calibration) share(s Tail) string {
	return fmt.Sprintf("%.1f %% of the calibration's %d maps", 100*s.Fraction, c.Maps)
}

// asFar returns the share of rising values that are as large as x; 0 for NaN.
func asFar(values []float64, x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return float64(len(values)-sort.SearchFloat64s(values, x)) / float64(len(values))
}

// Method is one way to get posteriors, scored on the test maps.
type Method struct {
	Name   string
	Report calibration.Report
	Scores []calibration.MapScore
}

// CoverageReport compares ways to get posteriors of the same maps.
type CoverageReport struct {
	Methods []Method
	Prior   cosmology.Prior
	Caption string
}

// score adds a method by the posteriors of maps.
func (h *CoverageReport) score(name string, cases []calibration.Case, c CalibrateConfig) error {
	scores, err := calibration.ScoreAll(cases, h.Prior, c.Seed)
	if err != nil {
		return fmt.Errorf("inference: %s: %w", name, err)
	}
	return h.add(name, scores, c.Report)
}

func (h *CoverageReport) add(name string, scores []calibration.MapScore,
	c calibration.Config,
) error {
	report, err := calibration.Summarise(scores, c)
	if err != nil {
		return fmt.Errorf("inference: %s: %w", name, err)
	}
	h.Methods = append(h.Methods, Method{Name: name, Report: report, Scores: scores})
	return nil
}

// Method returns one by its name.
func (h CoverageReport) Method(name string) (Method, bool) {
	for _, m := range h.Methods {
		if m.Name == name {
			return m, true
		}
	}
	return Method{}, false
}

// CoverageHeader names the columns of Rows.
func CoverageHeader() []string {
	return []string{
		"method", "parameter", "mean |error|", "bias/σ", "σ", "mean |z|", "expected",
		"68 % covers", "95 % covers", "ranks, p", "ln score",
	}
}

// Rows are the table of all methods: a row a parameter, and one for both together, whose intervals
// are regions of highest density and whose ranks are those of TARP.
func (h CoverageReport) Rows() [][]string {
	var out [][]string
	percent := func(i calibration.Interval) string {
		return fmt.Sprintf("%.1f (%.1f to %.1f)", 100*i.Value, 100*i.Low, 100*i.High)
	}
	for _, m := range h.Methods {
		for _, p := range []struct {
			name string
			r    calibration.ParameterReport
		}{{"Ω_m", m.Report.OmegaM}, {"σ_8", m.Report.Sigma8}} {
			out = append(out, []string{
				m.Name, p.name, fmt.Sprintf("%.4f (%.4f to %.4f)", p.r.AbsError.Value, p.r.AbsError.Low,
					p.r.AbsError.High), fmt.Sprintf("%+.2f", p.r.Bias.Value), fmt.Sprintf("%.4f", p.r.Std),
				fmt.Sprintf("%.2f", p.r.AbsZ.Value), fmt.Sprintf("%.2f", p.r.ExpectedAbsZ),
				percent(p.r.Coverage68), percent(p.r.Coverage95), fmt.Sprintf("%.2g", p.r.Ranks.P), "",
			})
		}
		r := m.Report
		out = append(out, []string{
			m.Name, "both", "", "", "", "", "", percent(r.HPD68), percent(r.HPD95),
			fmt.Sprintf("%.2g", r.TARP.Ranks.P), fmt.Sprintf("%.2f", r.LogScore.Value),
		})
	}
	return out
}

// WriteCSV writes one row a map, method and parameter.
func (h CoverageReport) WriteCSV(path string) error {
	t := report.NewTable("method", "simulation", "parameter", "truth", "mean", "std",
		"low_68", "high_68",
		"low_95", "high_95", "pit", "hpd", "tarp", "log_score")
	for _, m := range h.Methods {
		for _, s := range m.Scores {
			for _, p := range []struct {
				name string
				s    calibration.ParameterScore
			}{{"omega_m", s.OmegaM}, {"sigma_8", s.Sigma8}} {
				t.Add(m.Name, s.Simulation, p.name, p.s.Truth, p.s.Mean, p.s.Std, p.s.Central68[0],
					p.s.Central68[1], p.s.Central95[0], p.s.Central95[1], p.s.PIT, s.HPD, s.TARP, s.LogScore)
			}
		}
	}
	return t.Write(path)
}

// WriteCoverageCSV writes one row a method and credibility of TARP's curve.
func (h CoverageReport) WriteCoverageCSV(path string) error {
	t := report.NewTable("method", "credibility", "coverage", "low_95", "high_95")
	for _, m := range h.Methods {
		for i, c := range m.Report.TARP.Coverage {
			t.Add(m.Name, m.Report.TARP.Levels[i], c.Value, c.Low, c.High)
		}
	}
	return t.Write(path)
}

// WriteRanksCSV writes one row a method, parameter and bin of its ranks.
func (h CoverageReport) WriteRanksCSV(path string) error {
	t := report.NewTable("method", "parameter", "rank_from", "rank_to", "maps", "expected",
		"low_95", "high_95")
	for _, m := range h.Methods {
		for _, p := range []struct {
			name string
			r    calibration.Ranks
		}{{"omega_m", m.Report.OmegaM.Ranks}, {"sigma_8", m.Report.Sigma8.Ranks}} {
			n := float64(len(p.r.Counts))
			for i, count := range p.r.Counts {
				t.Add(m.Name, p.name, float64(i)/n, float64(i+1)/n, count, p.r.Expected, p.r.Low, p.r.High)
			}
		}
	}
	return t.Write(path)
}
