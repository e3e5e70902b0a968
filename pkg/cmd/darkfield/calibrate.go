package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cluster"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/figure"
	"darkfield/pkg/inference"
	"darkfield/pkg/report"
)

// calibrateFlags say what a calibration is made from.
type calibrateFlags struct {
	checkpoint, data, test, groups, dir string
	baselines                           string
	choice                              camels.Choice
	terms                               int
	shard                               cluster.Shard // of the simulations of each stage
}

// calibrationFile is what calibrate writes and infer reads.
const calibrationFile = "calibration.json"

func (a *app) calibrate() *cobra.Command {
	c := inference.DefaultCalibrate()
	in := calibrateFlags{terms: len(c.Bound.Quadrature.Terms)}
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Calibrate the likelihood of a checkpoint, and test its coverage",
		Long: `Fits what turns the variational bound of a checkpoint into calibrated posteriors (a weight for each
term, an offset and a temperature) on its validation simulations, and tests it on others: coverage
of 68 and 95 % intervals and of regions in both parameters, mean |z|, ranks and TARP, each with a
bootstrap over simulations, as a page, figures and CSV. infer uses the result.

--test names simulations that nothing has used before; without it the checkpoint's own test
simulations are used. Universes of the training data are refused under any number. --test-groups
names simulations of which several have the same parameters (simulate control --each): combined
constraints of 2, 10 and 50 of them are tested, too. --baselines also trains a moment network and a
density network, fits a Gaussian likelihood of the power spectrum and the mean on the training
simulations, and scores all on the same maps. --beam and --noise make a calibration for maps of an
instrument: all maps are given both.

The bound of each map is kept once it is done, so that an interrupted or killed call goes on.`,
		Example: `  darkfield simulate --set LH --sims 300 --seed 5 --out unseen
  darkfield calibrate --checkpoint runs/first --data universe --test unseen --out calibration
  darkfield simulate control --data universe --split test --params 60 --each 10 --seed 6 \
      --out groups
  darkfield calibrate --checkpoint runs/first --data universe --test unseen --test-groups groups \
      --baselines moments --out calibration
  darkfield infer --checkpoint runs/first --calibration calibration --map maps.npy --index 30`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if most := diffusion.Paper().Steps() / 4; in.terms < 2 || in.terms > most {
				return fmt.Errorf("--num-terms %d, want 2 to %d", in.terms, most)
			}
			return errors.Join(checkObserved(c.Observed), flagAtLeast("noise-draws", c.Bound.Seeds, 1),
				c.Bound.Interpolation.Validate(),
				flagAtLeast("calibration-sims", c.CalibrationSimulations, 0),
				flagAtLeast("test-sims", c.TestSimulations, 0))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if in.shard.Is() {
				err := a.calibrationData(c, in, openEmulator, func(l inference.Likelihood,
					c inference.CalibrateConfig, tests inference.Tests,
				) error {
					return l.CalibrationPart(cmd.Context(), c, tests, in.bounds(),
						fmt.Sprintf("%d-of-%d", in.shard.Index, in.shard.Of), in.shard.Has)
				})
				if err != nil {
					return err
				}
				return a.printShard(in.shard, in.dir)
			}
			cal, coverage, err := a.calibrated(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			if err := cal.Save(filepath.Join(in.dir, calibrationFile)); err != nil {
				return err
			}
			if err := coverage.WriteCSV(filepath.Join(in.dir, "scores.csv")); err != nil {
				return err
			}
			if _, err := saveFigures(in.dir, figure.Calibration(coverage)); err != nil {
				return err
			}
			if err := report.WriteFile(filepath.Join(in.dir, "report.md"),
				[]byte(calibrationPage(cal, coverage))); err != nil {
				return err
			}
			return a.print(map[string]any{
				"calibration": cal, "methods": reports(coverage),
				"caption": coverage.Caption,
			}, func(w io.Writer) {
				for _, cells := range append([][]string{inference.CoverageHeader()}, coverage.Rows()...) {
					fmt.Fprintln(w, strings.Join(cells, "\t"))
				}
			})
		}),
	}
	a.divisible(cmd, &in.shard, func(context.Context) (w cluster.Work, err error) {
		w.Items = "simulations"
		err = a.calibrationData(c, in, readEmulator, func(l inference.Likelihood,
			c inference.CalibrateConfig, tests inference.Tests,
		) error {
			w.Missing, w.All, err = l.MissingBounds(c, tests, in.bounds())
			return err
		})
		return w, err
	})
	f := cmd.Flags()
	checkpointFlag(f, &in.checkpoint)
	dataFlags(f, &in.data, &in.choice)
	testFlag(f, &in.test)
	f.StringVar(&in.groups, "test-groups", "",
		"`DIR` of others of which several have the same parameters")
	observedFlags(f, &c.Observed)
	f.StringVar(&in.dir, "out", "", "`DIR` to write to")
	f.StringVar(&in.baselines, "baselines", "", "`FILE` of a moment network to compare with, or a "+
		"directory, where one and a density network are trained if there are none; the power spectrum "+
		"is compared with, too")
	f.IntVar(&in.terms, "num-terms", in.terms, "`N` terms that stand for the whole bound")
	noiseDrawsFlag(f, &c.Bound.Seeds)
	evaluationsFlag(f, &c.Bound.Interpolation.Evaluations)
	f.IntVar(&c.CalibrationSimulations, "calibration-sims", 0, "`N` validation simulations at most "+
		"to calibrate on; 0: all")
	f.IntVar(&c.TestSimulations, "test-sims", 0, "`N` simulations at most to test on; 0: all")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "`SEED` of folds, bootstraps and reference points")
	require(cmd, "checkpoint", "data", "out")
	return cmd
}

// bounds is the directory that keeps the bounds of maps.
func (in calibrateFlags) bounds() string { return filepath.Join(in.dir, "bounds") }

// calibrationData opens the checkpoint, as open does, and all maps of a calibration, and hands them
// over, with a bar for each stage.
func (a *app) calibrationData(c inference.CalibrateConfig, in calibrateFlags,
	open func(path string) (*emulator.Emulator, error),
	do func(inference.Likelihood, inference.CalibrateConfig, inference.Tests) error,
) error {
	s, err := camels.OpenChoice(in.data, in.choice)
	if err != nil {
		return err
	}
	defer s.Close()
	e, err := open(in.checkpoint)
	if err != nil {
		return err
	}
	defer e.Close()
	if most := e.Schedule().Steps() / 4; in.terms > most {
		return fmt.Errorf("calibrate: --num-terms %d, want 2 to %d for the variance schedule of %s",
			in.terms, most, in.checkpoint)
	}
	c.Bound.Quadrature = quadrature(e, in.terms, c.Observed)
	data, err := a.dataOf(e, s)
	if err != nil {
		return err
	}
	var tests inference.Tests
	for _, t := range []struct {
		dir  string
		maps **camels.Maps
	}{{in.test, &tests.Maps}, {in.groups, &tests.Groups}} {
		if t.dir == "" {
			continue
		}
		other, err := openSet(t.dir, camels.LH, "--set LH")
		if err != nil {
			return err
		}
		defer other.Close()
		if _, err := a.dataOf(e, other); err != nil { // the same box and field
			return err
		}
		*t.maps = other.Sets[camels.LH]
	}
	bars := a.stages(nil)
	defer func() { bars.done() }()
	data.Progress = bars.at
	return do(inference.Of(e, data, inference.Chunk), c, tests)
}

// calibrated makes a calibration and tests it.
func (a *app) calibrated(ctx context.Context, c inference.CalibrateConfig,
	in calibrateFlags,
) (cal inference.Calibration, coverage inference.CoverageReport, err error) {
	err = a.calibrationData(c, in, openEmulator, func(l inference.Likelihood,
		c inference.CalibrateConfig, tests inference.Tests,
	) error {
		if in.baselines != "" {
			held := l.Data
			held.Progress = nil // it has bars of its own
			network, err := a.baselines(ctx, held, c.Observed, in.baselines)
			if err != nil {
				return err
			}
			defer network.Close()
			tests.Baselines = &network.Baselines
		}
		cal, coverage, err = l.CalibrationStudy(ctx, c, tests, in.bounds())
		return err
	})
	return cal, coverage, err
}

// reports are the methods without the scores of single maps, which the CSV file holds.
func reports(h inference.CoverageReport) map[string]any {
	out := map[string]any{}
	for _, m := range h.Methods {
		out[m.Name] = m.Report
	}
	return out
}

// calibrationPage is the report as a page.
func calibrationPage(c inference.Calibration, h inference.CoverageReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Calibration of checkpoint %.8s\n\n%s\n\n", c.Hash, h.Caption)
	b.WriteString(report.Markdown(inference.CoverageHeader(), h.Rows()))
	for _, other := range []string{inference.Moments, inference.Density, inference.Power} {
		if om, s8, ok := h.Paired(inference.Calibrated, other); ok {
			fmt.Fprintf(&b, "\nMean |error|, calibrated less %s, on the same maps: Ω_m %v, σ_8 %v.\n", other,
				om, s8)
		}
	}
	fmt.Fprintf(&b, "\nIn brackets: 95 %% intervals by a bootstrap over simulations. z is (truth − "+
		"mean)/standard deviation of the posterior; expected is the mean |z| that these posteriors "+
		"themselves expect (0.80 for a Gaussian inside the prior). Ranks, p: the chance of ranks at "+
		"least as uneven as these where posteriors are calibrated. ln score: mean of ln of the density "+
		"at the truth over the prior's. Rows of both parameters: regions of highest density, and TARP's "+
		"ranks.\n\n")
	for _, f := range figure.Calibration(h) {
		fmt.Fprintf(&b, "![%s](%s.png)\n\n", f.Section, f.Name)
	}
	fmt.Fprintf(&b, "## The calibration\n\n| term | stands for | weight |\n| ---: | ---: | ---: |\n")
	for k, t := range c.Bound.Quadrature.Terms {
		fmt.Fprintf(&b, "| %d | %.4g | %.3f |\n", t, c.Bound.Quadrature.Weights[k], c.Weights[k])
	}
	fmt.Fprintf(&b, "\nOffset of the weighted sum, in nats: %v, where x and y are ln Ω_m and ln σ_8 "+
		"from −1 to 1 over the prior. Temperature, by which both are divided: %.3f. Maps have a beam of "+
		"%g Mpc/h and noise of %g dex.\n", c.Offset, c.Temperature, c.Observed.Beam, c.Observed.Noise)
	return b.String()
}
