package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/filetype"
	"darkfield/pkg/network"
)

func (a *app) inspect() *cobra.Command {
	var choice camels.Choice
	var against string
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Print what a directory of maps, a file of maps, a table or a checkpoint holds",
		Long: `Prints what PATH holds: a directory in the layout of CMD, a .npy file of maps, a table of parameters
or a checkpoint, or the selected or newest checkpoint of a run directory. It goes by the content,
not by the name.

Of a table that varies one parameter at a time (1P) it prints which simulations vary which parameter
and which are fiducial; rows are counted from 0. Of a file of maps it prints which maps are all zero
or hold pixels that are not finite, and what unit the values look like. --checkpoint warns of maps
whose log10 lies far outside the range that a checkpoint was trained on.`,
		Example: `  darkfield inspect universe
  darkfield inspect universe/params_1P_FastPM.txt
  darkfield inspect CMD --suite IllustrisTNG --field Mgas
  darkfield inspect maps.npy --checkpoint runs/first
  darkfield inspect runs/first/checkpoints/latest.safetensors`,
		Args: cobra.ExactArgs(1),
		RunE: a.work(func(cmd *cobra.Command, args []string) error {
			path := args[0]
			scaling, err := scalingOf(against)
			if err != nil {
				return err
			}
			kind, err := toInspect(path)
			if err != nil {
				return err
			}
			switch kind {
			case filetype.MapsDir:
				return a.inspectSuite(cmd, path, choice, scaling)
			case filetype.Maps:
				return a.inspectMaps(cmd, path, scaling)
			case filetype.Table:
				r, err := camels.InspectTable(path)
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { parameters(w, r) })
			default:
				return a.inspectCheckpoint(path)
			}
		}),
	}
	choiceFlags(cmd.Flags(), &choice)
	checkpointFlag(cmd.Flags(), &against)
	return cmd
}

// scalingOf returns the log range of a checkpoint, nil without one.
func scalingOf(path string) (*field.Scaling, error) {
	if path == "" {
		return nil, nil
	}
	file, err := checkpointFile(path)
	if err != nil {
		return nil, err
	}
	c, err := checkpoint.Load(file)
	return &c.Manifest.Scaling, err
}

// toInspect tells directories of maps, files of maps, tables and checkpoints: by what is in them,
// or by their names where that is damaged, for the reader to say how.
func toInspect(path string) (filetype.Kind, error) {
	t, err := filetype.Of(path)
	if err != nil {
		return t.Kind, fmt.Errorf("inspect: %w: name a directory or a file that is there", err)
	}
	switch t.Kind {
	case filetype.Dir, filetype.CalibrationDir:
		return filetype.MapsDir, nil
	case filetype.RunDir:
		return filetype.Checkpoint, nil
	case filetype.Array:
		return filetype.Maps, nil
	case filetype.MapsDir, filetype.Maps, filetype.Table, filetype.Checkpoint:
		return t.Kind, nil
	}
	if t.Known() {
		err := filetype.Expect(path, filetype.MapsDir, filetype.Maps, filetype.Table, filetype.Checkpoint)
		return t.Kind, fmt.Errorf("inspect: %w", err)
	}
	kind, ok := map[string]filetype.Kind{
		".npy": filetype.Maps, ".txt": filetype.Table,
		".safetensors": filetype.Checkpoint,
	}[filetype.Extension(path)]
	if !ok {
		return kind, fmt.Errorf("inspect: %s is %v, want a directory or a file of maps, a table of "+
			"parameters or a checkpoint; %s", path, t, t.Hint())
	}
	return kind, nil
}

func (a *app) inspectMaps(cmd *cobra.Command, path string, scaling *field.Scaling) error {
	bar := a.progress("maps")
	r, err := camels.InspectMaps(cmd.Context(), path, bar.count)
	bar.done()
	if err != nil {
		return err
	}
	a.warn(r.Warning)
	a.warnOfMoments(scaling, path, r.Moments)
	return a.print(r, func(w io.Writer) {
		if r.Periodic == nil {
			row(w, "box side, unit", "nothing beside the file or in its name says them")
		} else {
			row(w, "box side", fmt.Sprintf("%g Mpc/h, periodic: %v", r.BoxSide, *r.Periodic))
			row(w, "unit", cmp.Or(r.Unit, "not said"))
		}
		if r.Looks != camels.UnknownContent {
			row(w, "values look like", r.Looks)
		}
		moments(w, r)
		faultRows(w, r)
	})
}

// warnOfMoments warns of maps far outside a checkpoint's range, if there is one.
func (a *app) warnOfMoments(scaling *field.Scaling, path string, m camels.Moments) {
	if scaling != nil && m != (camels.Moments{NoLog: m.NoLog}) {
		a.warn(scaling.Warning("maps of "+path, m.LogMin, m.LogMax))
	}
}

// faultRows prints which maps are empty or have pixels that are not finite.
func faultRows(w io.Writer, r camels.SetReport) {
	if n := len(r.Faults.Empty); n > 0 {
		row(w, "maps of zeros", fmt.Sprintf("%d of %d, never written: maps %s", n, r.Maps,
			camels.Spans(r.Faults.Empty)))
	}
	if n := r.Faults.Pixels; n > 0 {
		row(w, "not finite", fmt.Sprintf("%d of %d pixels, in maps %s; the first: %s", n,
			r.Maps*r.Side*r.Side, camels.Spans(r.Faults.NotFinite), r.Faults.First))
	}
	if r.NoLog > 0 {
		row(w, "without log10", fmt.Sprintf("%d pixels: 0, negative or not finite", r.NoLog))
	}
}

func (a *app) inspectSuite(cmd *cobra.Command, dir string, choice camels.Choice,
	scaling *field.Scaling,
) error {
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
	for _, set := range r.Sets {
		a.warnOfMoments(scaling, set.Path, set.Moments)
	}
	return a.print(r, func(w io.Writer) {
		row(w, "suite", r.Suite)
		row(w, "field", r.Field)
		row(w, "unit", r.Unit)
		row(w, "box side", fmt.Sprintf("%g Mpc/h, periodic: %v", r.BoxSide, r.Periodic))
		if s.Description.Parameters != nil {
			row(w, "parameters", withRanges(s.Description.Prior(), false))
		}
		if r.Offset != 0 {
			row(w, "offset", fmt.Sprintf("%g is added to every pixel", r.Offset))
		}
		if s.Description.HasRange() {
			row(w, "log10 range", fmt.Sprintf("%g to %g become −1 and 1", r.LogRange[0], r.LogRange[1]))
		} else {
			row(w, "log10 range",
				"not known: train measures it, or "+camels.DescriptionFile+" says it as log_range: [low, high]")
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
	row(w, "fiducial", "rows "+camels.Spans(r.Fiducial))
	for _, v := range r.Variations {
		row(w, "varies "+v.Name, fmt.Sprintf("%d values %.4g to %.4g, rows %s; %.4g in row %d is "+
			"fiducial", len(v.Values), v.Values[0], v.Values[len(v.Values)-1], camels.Spans(v.Rows),
			v.Values[v.Fiducial], v.Rows[v.Fiducial]))
	}
}

func moments(w io.Writer, r camels.SetReport) {
	row(w, "maps", fmt.Sprintf("%d of %d² pixels", r.Maps, r.Side))
	row(w, "log10 of pixels", fmt.Sprintf("mean %.4f, standard deviation %.4f, %.3f to %.3f",
		r.LogMean, r.LogStd, r.LogMin, r.LogMax))
}

// conditions names the parameters that a network is conditioned on, with their ranges.
func conditions(m checkpoint.Manifest) string {
	if m.Conditioned() != nil {
		return fmt.Sprintf("%d parameters, whose names are not known: maps and likelihoods cannot be "+
			"made", m.Conditions())
	}
	return withRanges(m.Prior, m.LogTheta)
}

// withRanges lists the parameters of a prior with their ranges; those that are fed as logarithms
// are named so.
func withRanges(prior cosmology.Prior, logarithms bool) string {
	low, high := prior.Values(prior.Min), prior.Values(prior.Max)
	list := make([]string, prior.Len())
	for k, name := range prior.Names() {
		if logarithms && low[k] > 0 {
			name = "ln " + name
		}
		list[k] = fmt.Sprintf("%s in [%g, %g]", name, low[k], high[k])
	}
	return strings.Join(list, ", ")
}

func (a *app) inspectCheckpoint(path string) error {
	path, err := checkpointFile(path)
	if err != nil {
		return err
	}
	c, err := checkpoint.Load(path)
	if err != nil {
		return err
	}
	m := c.Manifest
	transfer, err := emulator.PowerCorrectionOf(c)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"manifest": m, "sha256": c.Hash, "tensors": len(c.Tensors)},
		func(w io.Writer) {
			row(w, "step", m.Step)
			row(w, "network", fmt.Sprintf("width %d, %d parameters", m.Network.Dim,
				m.Network.NumParameters()))
			if extras := m.Network.Extras(); len(extras) > 0 {
				row(w, "beyond the paper's", strings.Join(extras, "; "))
			}
			row(w, "trained on", fmt.Sprintf("%s %s, %d² pixels, %g Mpc/h a side, unit %s", m.Data.Suite,
				m.Data.Set, m.Data.Side, m.Data.BoxSide, m.Data.Unit))
			row(w, "simulations", fmt.Sprintf("%d trained on, %d for validation, %d for tests",
				len(m.Data.Split.Train), len(m.Data.Split.Validation), len(m.Data.Split.Test)))
			row(w, "log10 range", fmt.Sprintf("%g to %g", m.Scaling.Min, m.Scaling.Max))
			row(w, "conditioned on", conditions(m))
			if m.Prediction == diffusion.PredictV {
				row(w, "prediction", "v, not the noise")
			}
			if n := len(m.Betas); n > 0 {
				row(w, "variance schedule", fmt.Sprintf("%d steps of its own, β from %.4g to %.4g", n,
					m.Betas[0], m.Betas[n-1]))
			}
			row(w, "training seed", m.Seed)
			if p, known := precisionOf(m); known {
				row(w, "training precision", p)
			}
			if len(m.Sampling) > 0 {
				row(w, "sampling", string(m.Sampling))
			}
			if transfer != nil {
				row(w, "power-spectrum correction", transfer)
			}
			row(w, "tensors", len(c.Tensors))
			row(w, "SHA-256", c.Hash)
		})
}

// precisionOf returns the precision of the training that a manifest records, if it does.
func precisionOf(m checkpoint.Manifest) (p network.Precision, known bool) {
	var c struct{ Precision network.Precision }
	return c.Precision, len(m.Training) > 0 && json.Unmarshal(m.Training, &c) == nil
}
