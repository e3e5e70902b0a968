package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
)

func (a *app) evaluate() *cobra.Command {
	c := evaluate.Default()
	var path, data, control, cache, out string
	var choice camels.Choice
	var flags *sampling
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Compare generated maps with true ones: the paper's table",
		Long: `Generates maps at held-out parameters and compares them with true ones: reduced chi² of the power
spectra (generated, true left out one by one, expected of a perfect emulator), response to single
parameters where the data have a set 1P, and moments of the pixels. --control adds the fair
comparison: independent simulations at the same parameters, scored against the same true maps.`,
		Example: `  darkfield evaluate --checkpoint runs/first --data universe --maps 20
  darkfield simulate control --data universe --params 40 --out control
  darkfield evaluate --checkpoint runs/first --data universe --control control --params 40`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			c.Sampling = flags.SampleConfig
			if out == "" {
				return c.Validate()
			}
			return errors.Join(c.Validate(), outName(out, ".csv"))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			a.keptIn(cache)
			if out != "" {
				if err := outPlace(out); err != nil {
					return fmt.Errorf("evaluate: %w", err)
				}
			}
			in, err := a.open(path, data, choice)
			if err != nil {
				return err
			}
			defer in.close()
			if c.Sampling, err = flags.of(in.Emulator, a.err); err != nil {
				return err
			}
			bars := a.stages(nil)
			in.data.Progress = bars.at
			source := evaluate.Of(in.Emulator, in.data, c.Sampling, cache)
			r, err := source.Evaluate(cmd.Context(), c)
			bars.done()
			if err != nil {
				return err
			}
			table := evaluation{Evaluation: r}
			if control != "" {
				if table.Control, err = a.controlled(cmd.Context(), source, c, control,
					in.Manifest().Scaling); err != nil {
					return err
				}
			}
			if out != "" {
				if err := table.WriteCSV(out); err != nil {
					return err
				}
			}
			return a.print(table, func(w io.Writer) { fmt.Fprint(w, table) })
		}),
	}
	f := cmd.Flags()
	checkpointFlag(f, &path)
	dataFlags(f, &data, &choice)
	generatedFlags(f, &c.ValidationParams, &c.MapsPerParam)
	responseMapsFlag(f, &c.OnePSeeds)
	noiseSeedFlag(f, &c.Seed)
	controlFlag(f, &control)
	cacheFlag(f, &cache)
	f.StringVar(&out, "out", "", "`FILE` that the table is also written to (.csv); that of the "+
		"control goes beside it (.control.csv)")
	flags = samplingFlags(f)
	require(cmd, "checkpoint", "data")
	return cmd
}

// evaluation is the paper's table with, where it was asked for, the comparison with a control.
type evaluation struct {
	evaluate.Evaluation
	Control *evaluate.Control `json:"control,omitempty"`
}

func (e evaluation) String() string {
	if e.Control == nil {
		return e.Evaluation.String()
	}
	return e.Evaluation.String() + "\n" + e.Control.String()
}

// WriteCSV writes the paper's table to path and the control's beside it.
func (e evaluation) WriteCSV(path string) error {
	if err := e.Evaluation.WriteCSV(path); err != nil || e.Control == nil {
		return err
	}
	return e.Control.WriteCSV(strings.TrimSuffix(path, ".csv") + ".control.csv")
}

// controlled scores against the LH set of a directory.
func (a *app) controlled(ctx context.Context, source evaluate.Emulator, c evaluate.Config,
	dir string, scaling field.Scaling,
) (*evaluate.Control, error) {
	s, err := openSet(dir, camels.LH, "control")
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	defer s.Close()
	if err := a.warnOfRange(s, scaling, source.Box.Cells); err != nil {
		return nil, err
	}
	r, err := source.Control(ctx, c, s.Sets[camels.LH])
	return &r, err
}
