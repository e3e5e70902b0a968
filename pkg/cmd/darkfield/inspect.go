package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
)

func (a *app) inspect() *cobra.Command {
	var choice camels.Choice
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Say what a directory of maps, a file of maps, a table or a checkpoint holds",
		Long: `Says what PATH holds: a directory in CMD's layout, one .npy file of maps, a table of parameters (.txt) or a checkpoint
(.safetensors). Of a table that varies one parameter at a time (1P) it says which simulations vary which parameter and which are
fiducial. Rows are counted from 0.`,
		Example: `  darkfield inspect universe
  darkfield inspect universe/params_1P_FastPM.txt
  darkfield inspect CMD --suite IllustrisTNG --field Mgas
  darkfield inspect runs/first/checkpoints/latest.safetensors`,
		Args: cobra.ExactArgs(1),
		RunE: a.work(func(cmd *cobra.Command, args []string) error {
			path := args[0]
			info, err := os.Stat(path)
			switch {
			case err != nil:
				return fmt.Errorf("inspect: %w: name a directory or a file that is there", err)
			case info.IsDir():
				return a.inspectSuite(cmd, path, choice)
			}
			switch filepath.Ext(path) {
			case ".npy":
				bar := a.progress("maps")
				r, err := camels.InspectMaps(cmd.Context(), path, bar.count)
				bar.done()
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { moments(w, r) })
			case ".txt":
				r, err := camels.InspectTable(path)
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { parameters(w, r) })
			case ".safetensors":
				return a.inspectCheckpoint(path)
			}
			return fmt.Errorf("inspect: %s is no directory, .npy, .txt or .safetensors file: name one of those", path)
		}),
	}
	choiceFlags(cmd.Flags(), &choice)
	return cmd
}

// choiceFlags adds the flags that choose maps of a directory that holds several kinds.
func choiceFlags(f *pflag.FlagSet, c *camels.Choice) {
	f.StringVar(&c.Suite, "suite", "", "suite, where the directory holds several, e.g. IllustrisTNG")
	f.StringVar(&c.Field, "field", "", "field, where the directory holds several, e.g. Mcdm")
}

func (a *app) inspectSuite(cmd *cobra.Command, dir string, choice camels.Choice) error {
	s, err := camels.OpenChoice(dir, choice)
	if err != nil {
		return err
	}
	defer s.Close()
	bar := a.progress("maps")
	r, err := s.Inspect(cmd.Context(), bar.count)
	bar.done()
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) {
		row(w, "suite", r.Suite)
		row(w, "field", r.Field)
		row(w, "unit", r.Unit)
		row(w, "box side", fmt.Sprintf("%g Mpc/h, periodic: %v", r.BoxSide, r.Periodic))
		if r.Offset != 0 {
			row(w, "offset", fmt.Sprintf("%g is added to every pixel", r.Offset))
		}
		if s.Description.HasRange() {
			row(w, "log10 range", fmt.Sprintf("%g to %g become −1 and 1", r.LogRange[0], r.LogRange[1]))
		} else {
			row(w, "log10 range", "not known: train measures it, or "+camels.DescriptionFile+" says it as log_range: [low, high]")
		}
		for _, set := range r.Sets {
			row(w)
			row(w, "set "+string(set.Set), set.Path)
			parameters(w, set)
			moments(w, set)
		}
	})
}

func parameters(w io.Writer, r camels.SetReport) {
	row(w, "table", fmt.Sprintf("%s, %d rows of %d columns", r.Table, r.Simulations, r.Columns))
	row(w, "Ω_m", fmt.Sprintf("%.4g to %.4g, of %s", r.OmegaM[0], r.OmegaM[1], r.OmegaMSource))
	row(w, "σ_8", fmt.Sprintf("%.4g to %.4g, of %s", r.Sigma8[0], r.Sigma8[1], r.Sigma8Source))
	if len(r.Variations) == 0 {
		return
	}
	row(w, "fiducial", "rows "+spans(r.Fiducial))
	for _, v := range r.Variations {
		row(w, "varies "+v.Name, fmt.Sprintf("%d values %.4g to %.4g, rows %s; %.4g in row %d is fiducial",
			len(v.Values), v.Values[0], v.Values[len(v.Values)-1], spans(v.Rows), v.Values[v.Fiducial], v.Rows[v.Fiducial]))
	}
}

// spans writes numbers as 0–10, 15.
func spans(numbers []int) string {
	var out []string
	sorted := slices.Sorted(slices.Values(numbers))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n] == sorted[0]+n {
			n++
		}
		text := fmt.Sprint(sorted[0])
		if n > 1 {
			text += fmt.Sprintf("–%d", sorted[n-1])
		}
		out, sorted = append(out, text), sorted[n:]
	}
	return strings.Join(out, ", ")
}

func moments(w io.Writer, r camels.SetReport) {
	row(w, "maps", fmt.Sprintf("%d of %d² pixels", r.Maps, r.Side))
	row(w, "log10 of pixels", fmt.Sprintf("mean %.4f, standard deviation %.4f, %.3f to %.3f", r.LogMean, r.LogStd, r.LogMin, r.LogMax))
}

func (a *app) inspectCheckpoint(path string) error {
	c, err := checkpoint.Load(path)
	if err != nil {
		return err
	}
	m := c.Manifest
	transfer, err := emulator.TransferOf(c)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"manifest": m, "sha256": c.Hash, "tensors": len(c.Tensors)}, func(w io.Writer) {
		row(w, "step", m.Step)
		row(w, "network", fmt.Sprintf("width %d, %d parameters", m.Network.Dim, m.Network.NumParameters()))
		row(w, "trained on", fmt.Sprintf("%s %s, %d² pixels, %g Mpc/h a side, unit %s", m.Data.Suite, m.Data.Set, m.Data.Side, m.Data.BoxSide, m.Data.Unit))
		row(w, "simulations", fmt.Sprintf("%d trained on, %d for validation, %d for tests", len(m.Data.Split.Train), len(m.Data.Split.Validation), len(m.Data.Split.Test)))
		row(w, "log10 range", fmt.Sprintf("%g to %g", m.Scaling.Min, m.Scaling.Max))
		if m.LogTheta {
			row(w, "conditioned on", "ln Ω_m and ln σ_8")
		}
		if err := m.Conditioned(); err != nil {
			row(w, "conditioned on", fmt.Sprintf("%d parameters: this version makes maps and likelihoods "+
				"with 2 alone", m.Network.Thetas))
		}
		if m.Prediction == diffusion.PredictV {
			row(w, "prediction", "v, not the noise")
		}
		if n := len(m.Betas); n > 0 {
			row(w, "variance schedule", fmt.Sprintf("%d steps of its own, β from %.4g to %.4g", n,
				m.Betas[0], m.Betas[n-1]))
		}
		row(w, "training seed", m.Seed)
		if len(m.Sampling) > 0 {
			row(w, "sampling", string(m.Sampling))
		}
		if transfer != nil {
			row(w, "transfer function", transfer)
		}
		row(w, "tensors", len(c.Tensors))
		row(w, "SHA-256", c.Hash)
	})
}
