package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/heldout"
	"darkfield/pkg/inference"
	"darkfield/pkg/report"
)

// robustnessFlags say which maps a calibration is tried on.
type robustnessFlags struct {
	checkpoint, calibration, test, dir string
	also                               []string
	simulations                        int
}

func (a *app) robustness() *cobra.Command {
	in := robustnessFlags{simulations: 50}
	c := inference.DefaultCalibrate()
	cmd := &cobra.Command{
		Use:   "robustness",
		Short: "Test a calibration on maps that differ from those it was fitted on",
		Long: `Scores the calibrated posteriors of test simulations as they are, with noise of 1, 2 and 5 % of the
range that the network sees, and smoothed by half a pixel and a pixel; of maps that the network
generates at the same parameters; and of other directories (--also): the set CV, another resolution,
another code. Prints errors, coverage and how many maps of each kind infer warns of. What was done
before a kill is kept.`,
		Example: `  darkfield dev robustness --checkpoint runs/first --calibration calibration --test unseen \
      --also cv --out robustness
  darkfield simulate --set CV --out cv`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return flagAtLeast("sims", in.simulations, 2)
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			r, err := a.robust(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			if err := r.WriteCSV(filepath.Join(in.dir, "robustness.csv")); err != nil {
				return err
			}
			var page strings.Builder
			fmt.Fprintf(&page, "# Robustness\n\n%s\n\n", r.Caption)
			page.WriteString(report.Markdown(r.Header(), r.Rows()))
			if err := report.WriteFile(filepath.Join(in.dir, "robustness.md"),
				[]byte(page.String())); err != nil {
				return err
			}
			return a.print(reports(r.CoverageReport), func(w io.Writer) {
				for _, cells := range append([][]string{r.Header()}, r.Rows()...) {
					fmt.Fprintln(w, strings.Join(cells, "\t"))
				}
			})
		}),
	}
	f := cmd.Flags()
	checkpointFlag(f, &in.checkpoint)
	calibrationFlag(f, &in.calibration)
	testFlag(f, &in.test)
	f.StringSliceVar(&in.also, "also", nil, "`DIRS` of other simulations, of any set")
	f.StringVar(&in.dir, "out", "", "`DIR` to write to")
	f.IntVar(&in.simulations, "sims", in.simulations, "`N` simulations of each kind at most")
	require(cmd, "checkpoint", "calibration", "test", "out")
	return cmd
}

// robust opens what a survey is made of and makes it, with a bar for each kind of maps.
func (a *app) robust(ctx context.Context, c inference.CalibrateConfig,
	in robustnessFlags,
) (inference.Robustness, error) {
	var none inference.Robustness
	e, err := openEmulator(in.checkpoint)
	if err != nil {
		return none, err
	}
	defer e.Close()
	cal, err := openCalibration(in.calibration, e.NetworkHash())
	if err != nil {
		return none, err
	}
	var kinds []inference.Kind
	var test heldout.Data
	bars := a.stages(nil)
	defer bars.done()
	for i, dir := range append([]string{in.test}, in.also...) {
		s, err := camels.Open(dir)
		if err != nil {
			return none, err
		}
		defer s.Close()
		data, err := a.dataOf(e, s)
		if err != nil {
			return none, err
		}
		maps, err := anySet(s)
		if err != nil {
			return none, err
		}
		sims := data.Within(maps, in.simulations)
		if i == 0 {
			test = data
			test.Progress = bars.at
			kinds = inference.Changed(maps, sims, e.Manifest().Scaling, e.Box().CellSide())
			maker := evaluate.Of(e, test, e.Sampling(), "")
			generated, err := inference.Generated(ctx, maker.Generate, maker.Name(c.Seed), maps,
				sims, c.Seed)
			if err != nil {
				return none, err
			}
			kinds = append(kinds, inference.Kind{
				Name: generated.Name, Maps: maps, Simulations: sims,
				Change: &generated,
			})
			continue
		}
		kinds = append(kinds, inference.Kind{Name: filepath.Base(dir), Maps: maps, Simulations: sims})
	}
	l := inference.Of(e, test, inference.Chunk)
	return l.Robustness(ctx, cal, c, kinds, filepath.Join(in.dir, "bounds"))
}

// anySet returns the set LH of a directory, or the only other one.
func anySet(s *camels.Suite) (*camels.Maps, error) {
	if maps, ok := s.Sets[camels.LH]; ok {
		return maps, nil
	}
	for _, set := range []camels.Set{camels.CV, camels.OneP} {
		if maps, ok := s.Sets[set]; ok {
			return maps, nil
		}
	}
	return nil, fmt.Errorf("robustness: %s has none of the sets LH, CV and 1P", s.Dir)
}
