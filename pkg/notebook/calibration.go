package notebook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/figure"
	"darkfield/pkg/hmc"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

// Calibrated is the likelihood of the figures' network and what is known of its error bars.
type Calibrated struct {
	Calibration    inference.Calibration // where there is none, the one that changes nothing
	CoverageReport inference.CoverageReport
	About          string // where it comes from
}

// Has reports whether there is a calibration.
func (c Calibrated) Has() bool { return c.Calibration.Maps > 0 }

// Calibrated returns the calibration that came with shipped weights, beside a few maps inferred
// with it, or makes and tests that of the run's own network. Where there are too few simulations
// for one it returns the bound as it is, and says so; where there are none to test on, it ends the
// cell with a note.
func (s *Session) Calibrated() Calibrated {
	l := s.Likelihood()
	shipped, _ := s.shipped()
	file := strings.TrimSuffix(shipped, filepath.Ext(shipped)) + ".calibration.json"
	settings := []any{s.Preset.Calibration, shipped != "", modified(file)}
	c, err := recall(s, "calibration", settings, func() (Calibrated, error) {
		if shipped != "" {
			return s.shippedCalibration(l, file)
		}
		return s.ownCalibration(l)
	})
	if errors.Is(err, inference.ErrTooFew) {
		s.Nothing(err)
		os.Exit(0)
	}
	return Must(c, err)
}

// modified tells versions of a file apart.
func modified(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return info.ModTime().String()
}

// boundsDir keeps bounds of maps.
func (s *Session) boundsDir() string { return filepath.Join(s.Run, "bounds") }

func (s *Session) ownCalibration(l inference.Likelihood) (Calibrated, error) {
	c := s.Preset.Calibration.Config
	cal, coverage, err := l.CalibrationStudy(s.ctx, c, inference.Tests{}, s.boundsDir())
	if errors.Is(err, inference.ErrTooFew) {
		return s.uncalibrated(l, fmt.Sprintf("There is no calibration: %v. What follows is the "+
			"bound as it is.", err))
	}
	about := fmt.Sprintf("Calibrated on %d maps of %d validation simulations, tested on the test "+
		"simulations, which nothing was chosen by.", cal.Maps, cal.Simulations)
	return Calibrated{cal, coverage, about}, err
}

func (s *Session) uncalibrated(l inference.Likelihood, about string) (Calibrated, error) {
	c := s.Preset.Calibration
	coverage, _, err := l.HeldOutCoverage(s.ctx, c.Config, nil, c.Simulations, s.boundsDir())
	none := inference.Uncalibrated(l.Checkpoint.Network, l.Prior, c.Config.Bound)
	return Calibrated{none, coverage, about}, err
}

// shippedCalibration uses a file beside shipped weights.
func (s *Session) shippedCalibration(l inference.Likelihood, file string) (Calibrated, error) {
	name := filepath.Join(shippedDir, filepath.Base(file))
	if _, err := os.Stat(file); err != nil {
		return s.uncalibrated(l, fmt.Sprintf("There is no calibration %s for the shipped weights. "+
			"`darkfield calibrate --help` says how to make one: with the 1000 universes that they were "+
			"trained on and 400 others, an hour or more. What follows is the bound as it is.", name))
	}
	cal, err := inference.LoadCalibration(file, l.Checkpoint.Network)
	if err != nil {
		return Calibrated{}, err
	}
	c := s.Preset.Calibration
	coverage, bounds, err := l.HeldOutCoverage(s.ctx, c.Config, &cal, c.Simulations, s.boundsDir())
	return Calibrated{cal, coverage, fmt.Sprintf("The calibration came with the weights, %s: fitted "+
		"on %d maps of %d validation simulations. Below it is used on %d maps of test simulations, "+
		"which it has not seen. They are too few for a test: that is in the report beside the weights.",
		name, cal.Maps, cal.Simulations, len(bounds))}, err
}

// Calibration shows what a calibration does.
func (s *Session) Calibration(c Calibrated) {
	s.Note(c.About)
	var rows [][]string
	for k, t := range c.Calibration.Bound.Quadrature.Terms {
		rows = append(rows,
			[]string{
				fmt.Sprint(t), fmt.Sprintf("%.4g", c.Calibration.Bound.Quadrature.Weights[k]),
				fmt.Sprintf("%.3f", c.Calibration.Weights[k]),
			})
	}
	s.Table([]string{"term", "stands for", "weight"}, rows)
	if !c.Has() {
		return
	}
	s.Note(fmt.Sprintf("Offset of the weighted sum, in nats: %v, where x and y are ln Ω_m and ln σ_8 "+
		"from −1 to 1 over the prior. Temperature, by which both are divided: %.3f.",
		c.Calibration.Offset, c.Calibration.Temperature))
}

// CoverageReport shows the table of all methods.
func (s *Session) CoverageReport(h inference.CoverageReport) {
	s.Table(inference.CoverageHeader(), h.Rows())
	s.Note(h.Caption)
}

// ShowCalibration shows one of the figures of figure.Calibration by its name.
func (s *Session) ShowCalibration(c Calibrated, name string) {
	for _, f := range figure.Calibration(c.CoverageReport) {
		if f.Name == name {
			s.Show(f.Name, f.Figure, f.Numbers)
		}
	}
}

// smoothing is what the warning is shown with, in Mpc/h.
const smoothing = 1

// Constraint shows what one held-out map says of the parameters, and the same map smoothed, which
// is not of the kind that the network knows.
func (s *Session) Constraint(c Calibrated) {
	l := s.Likelihood()
	sim, maps, err := l.Central()
	check(err)
	smoothed := inference.Observed{Beam: smoothing}.Change()
	var rows [][]string
	var notes []string
	for _, change := range []*inference.Change{nil, smoothed} {
		bounds, err := l.Bounds(s.ctx, c.Calibration.Bound, maps, []int{sim}, s.boundsDir(),
			"a map", change)
		check(err)
		found := Must(c.Calibration.Constrain(bounds[0]))
		name := "the map"
		if change != nil {
			name += ", " + change.Name
		}
		truth := bounds[0].Truth
		rows = append(rows, constraintRow(name, "Ω_m", truth.OmegaM, found.OmegaM),
			constraintRow(name, "σ_8", truth.Sigma8, found.Sigma8))
		switch {
		case len(found.Warnings) > 0:
			notes = append(notes, "Warning for "+name+": "+strings.Join(found.Warnings, "; "))
		case c.Has():
			notes = append(notes, "No warning for "+name+": it is as the calibration's maps are.")
		}
	}
	s.Table([]string{"", "parameter", "truth", "mean", "standard deviation", "68 %"}, rows)
	if !c.Has() {
		notes = []string{"Without a calibration there is no outlier model to compare maps with."}
	}
	for _, n := range notes {
		s.Note(n)
	}
}

func constraintRow(name, parameter string, truth float64, m likelihood.Marginal) []string {
	return []string{
		name, parameter, fmt.Sprintf("%.4f", truth), fmt.Sprintf("%.4f", m.Mean),
		fmt.Sprintf("%.4f", m.Std), fmt.Sprintf("%.4f to %.4f", m.Low, m.High),
	}
}

// Chains samples the posterior of that map, and returns the grid's beside it. An interrupted cell
// goes on.
func (s *Session) Chains(c Calibrated) (inference.Chains, likelihood.Surface) {
	l := s.Likelihood()
	sim, maps, err := l.Central()
	check(err)
	bounds, err := l.Bounds(s.ctx, c.Calibration.Bound, maps, []int{sim}, s.boundsDir(),
		"a map", nil)
	check(err)
	found := Must(c.Calibration.Constrain(bounds[0]))
	state, err := s.remembered("chains", []any{s.Preset.Calibration.Chains, c.Calibration, sim})
	check(err)
	bar := s.page.bar("chains")
	chains, err := l.SampleChains(s.ctx, Must(l.Map(maps, sim, bounds[0].Map)), c.Calibration,
		s.Preset.Calibration.Chains, found, state,
		func(p hmc.Progress) { bar.count(p.Done, p.Total) })
	check(err)
	bar.done()
	return chains, found.Surface
}
