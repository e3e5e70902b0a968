package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
)

// Names of methods of Honesty. Calibrated is the one that a user should quote.
const (
	FirstTerm  = "term 0"
	WholeBound = "whole bound"
	Calibrated = "calibrated"
)

// Calibration is what turns the bound of a map by one checkpoint into an honest posterior. It is plain data, kept in a file.
type Calibration struct {
	Hash          string                    `json:"hash"` // of the checkpoint's tensors
	Prior         cosmology.Prior           `json:"prior"`
	Bound         BoundConfig               `json:"bound"`
	Weights       []float64                 `json:"weights"` // of the terms, besides how many each one stands for
	Recalibration calibration.Recalibration `json:"recalibration"`
	Trials        []calibration.Trial       `json:"trials"`  // that it was chosen by
	Typical       []calibration.Typical     `json:"typical"` // each term at the best fit, in nats a pixel
	Maps          int                       `json:"maps"`    // that it was fitted on
	Simulations   int                       `json:"simulations"`
}

// Validate returns all faults at once.
func (c Calibration) Validate() error {
	errs := []error{c.Bound.Validate(), c.Recalibration.Validate()}
	n := len(c.Bound.Quadrature.Terms)
	if len(c.Weights) != n || len(c.Typical) != n {
		errs = append(errs, fmt.Errorf("%d weights and %d typical values for %d terms, want one each", len(c.Weights), len(c.Typical), n))
	}
	for k, w := range c.Weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			errs = append(errs, fmt.Errorf("weight %d is %g, want a finite number >= 0", k, w))
		}
	}
	for _, t := range c.Typical {
		errs = append(errs, t.Validate())
	}
	if c.Prior != c.Recalibration.Prior {
		errs = append(errs, fmt.Errorf("prior %v, but the recalibration is for %v", c.Prior, c.Recalibration.Prior))
	}
	return errors.Join(errs...)
}

// Save writes the calibration to a file, whole or not at all.
func (c Calibration) Save(path string) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(path, append(raw, '\n'))
}

// LoadCalibration reads what Save wrote. hash is that of the checkpoint it is to be used with: another one needs a calibration of its own.
func LoadCalibration(path, hash string) (Calibration, error) {
	fail := func(err error) (Calibration, error) {
		return Calibration{}, fmt.Errorf("study: calibration %s: %w", path, err)
	}
	var c Calibration
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
		return fail(fmt.Errorf("it is of a checkpoint with SHA-256 %.8s…, this one has %.8s…: make one for it with `darkfield calibrate`", c.Hash, hash))
	}
	return c, nil
}

// odd is how far a term may lie from what is expected at the best fit, in robust standard deviations and further than that of any map of the calibration, before a warning.
const odd = 5

// warnings say what makes a map unlike those of the calibration.
func (c Calibration) warnings(b Bound) []string {
	var out []string
	if len(c.Typical) == 0 { // Uncalibrated
		return nil
	}
	at, values := b.AtBest(c.Prior, c.Weights)
	for k, v := range values {
		if t := c.Typical[k].Of(at, v); t.Outside && !(math.Abs(t.Z) <= odd) {
			out = append(out, fmt.Sprintf("term %d of the bound is %.4g nats a pixel at the best fit, where %.4g is expected: %+.1f standard deviations, further than all %d maps of the calibration: this map is not of their kind, do not trust its error bars", c.Bound.Quadrature.Terms[k], v, t.Expected, t.Z, len(c.Typical[k].Values)))
		}
	}
	return out
}

// Method is one way to get posteriors, scored on the test maps.
type Method struct {
	Name   string
	Report calibration.Report
	Scores []calibration.MapScore
}

// Honesty compares ways to get posteriors of the same maps.
type Honesty struct {
	Methods []Method
	Prior   cosmology.Prior
	Caption string
}

func (h *Honesty) add(name string, scores []calibration.MapScore, c calibration.Config) error {
	report, err := calibration.Summarise(scores, c)
	if err != nil {
		return fmt.Errorf("study: %s: %w", name, err)
	}
	h.Methods = append(h.Methods, Method{Name: name, Report: report, Scores: scores})
	return nil
}

// Method returns one by its name.
func (h Honesty) Method(name string) (Method, bool) {
	for _, m := range h.Methods {
		if m.Name == name {
			return m, true
		}
	}
	return Method{}, false
}

// HonestyHeader names the columns of Rows.
func HonestyHeader() []string {
	return []string{"method", "parameter", "mean |error|", "bias/σ", "σ", "mean |z|", "expected", "68 % covers", "95 % covers", "ranks, p", "ln score"}
}

// Rows are the table of all methods, a row a parameter.
func (h Honesty) Rows() [][]string {
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
				m.Name, p.name, fmt.Sprintf("%.4f (%.4f to %.4f)", p.r.AbsError.Value, p.r.AbsError.Low, p.r.AbsError.High), fmt.Sprintf("%+.2f", p.r.Bias.Value), fmt.Sprintf("%.4f", p.r.Std),
				fmt.Sprintf("%.2f", p.r.AbsZ.Value), fmt.Sprintf("%.2f", p.r.ExpectedAbsZ), percent(p.r.Coverage68), percent(p.r.Coverage95), fmt.Sprintf("%.2g", p.r.Ranks.P), fmt.Sprintf("%.2f", m.Report.LogScore.Value),
			})
		}
	}
	return out
}

// WriteCSV writes one row a map, method and parameter.
func (h Honesty) WriteCSV(path string) error {
	t := newTable("method", "simulation", "parameter", "truth", "mean", "std", "low_68", "high_68", "low_95", "high_95", "pit", "hpd", "tarp", "log_score")
	for _, m := range h.Methods {
		for _, s := range m.Scores {
			for _, p := range []struct {
				name string
				s    calibration.ParameterScore
			}{{"omega_m", s.OmegaM}, {"sigma_8", s.Sigma8}} {
				t.add(m.Name, s.Simulation, p.name, p.s.Truth, p.s.Mean, p.s.Std, p.s.Central68[0], p.s.Central68[1], p.s.Central95[0], p.s.Central95[1], p.s.PIT, s.HPD, s.TARP, s.LogScore)
			}
		}
	}
	return t.write(path)
}

// WriteCoverageCSV writes one row a method and credibility of TARP's curve.
func (h Honesty) WriteCoverageCSV(path string) error {
	t := newTable("method", "credibility", "coverage", "low_95", "high_95")
	for _, m := range h.Methods {
		for i, c := range m.Report.TARP.Coverage {
			t.add(m.Name, m.Report.TARP.Levels[i], c.Value, c.Low, c.High)
		}
	}
	return t.write(path)
}

// WriteRanksCSV writes one row a method, parameter and bin of its ranks.
func (h Honesty) WriteRanksCSV(path string) error {
	t := newTable("method", "parameter", "rank_from", "rank_to", "maps", "expected", "low_95", "high_95")
	for _, m := range h.Methods {
		for _, p := range []struct {
			name string
			r    calibration.Ranks
		}{{"omega_m", m.Report.OmegaM.Ranks}, {"sigma_8", m.Report.Sigma8.Ranks}} {
			n := float64(len(p.r.Counts))
			for i, count := range p.r.Counts {
				t.add(m.Name, p.name, float64(i)/n, float64(i+1)/n, count, p.r.Expected, p.r.Low, p.r.High)
			}
		}
	}
	return t.write(path)
}
