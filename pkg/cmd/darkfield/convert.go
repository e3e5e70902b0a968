package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/convert"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/filetype"
)

func (a *app) convert() *cobra.Command {
	d := convert.Paper()
	var weights, validation string
	var reduce, logTheta bool
	var maker *sampling
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Make a checkpoint from PyTorch's weights, or PyTorch's weights from a checkpoint",
		Long: `Makes a checkpoint from IN: a .pt, .pth or .ckpt file (a state dict, or what a training
script, Lightning or a diffusion class saved around one), safetensors or .npz with PyTorch's names. Averaged
weights (EMA) are taken besides, and used where there are any. Where IN is a checkpoint or a run
directory (its selected checkpoint, or else the newest), OUT is safetensors with PyTorch's names,
and says in its metadata what it is, so that it can be converted back.
Nothing in a .pt file is run: one that asks for more than tensors and plain containers is refused.
The network's form is read from the shapes, and variances (betas), steps and settings from what
stands beside them; what a file does not say is said by flags, or else taken to be as in the paper,
and printed as assumed.`,
		Example: `  darkfield convert weights.pt weights.safetensors
  darkfield convert training.pt weights.safetensors --suite SIMBA --side 256 --validation 850-999
  darkfield convert last.ckpt weights.safetensors --prediction v --log-theta --groups 4 --heads 8
  darkfield convert runs/first for-pytorch.safetensors --weights ema
  darkfield convert runs/first small.safetensors --reduce   # still a checkpoint, half the size
  darkfield convert runs/first small.safetensors --reduce --eta-above 250   # and one that says how its maps are best made`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.StringVar(&d.Suite, "suite", d.Suite, "of the maps it was trained on")
	f.StringVar(&d.Set, "set", d.Set, "of those maps")
	f.StringVar(&d.Unit, "unit", d.Unit, "of those maps")
	f.IntVar(&d.Side, "side", d.Side, "of those maps, in pixels")
	f.Float64Var(&d.BoxSide, "box-side", d.BoxSide, "of those maps, in Mpc/h")
	f.Float64Var(d.LogMin, "log-min", *d.LogMin, "log10 of the value that becomes −1")
	f.Float64Var(d.LogMax, "log-max", *d.LogMax, "log10 of the value that becomes 1")
	f.StringVar(&validation, "validation", "", "simulations that training has not seen, e.g. "+
		"850-999 (evaluate needs some)")
	f.StringVar((*string)(&d.Prediction), "prediction", "", "of the network: epsilon (the noise, "+
		"the default) or v")
	f.BoolVar(&logTheta, "log-theta", false, "the network is fed ln Ω_m and ln σ_8, scaled; not "+
		"Ω_m and σ_8")
	f.IntVar(&d.Groups, "groups", 0, "of channels in the network's normalisations, where the file "+
		"does not say (default 8 where that divides the width)")
	f.IntVar(&d.Heads, "heads", 0, "of the network's attention, where the file does not say "+
		"(default 4 where that leaves 32 channels each)")
	f.StringVar(&d.Schedule, "schedule", "", "paper: the variance schedule is the paper's, where "+
		"the file names one without its numbers")
	f.StringVar(&weights, "weights", "",
		"of a checkpoint: ema or raw (default ema where there is one)")
	f.BoolVar(&reduce, "reduce", false, "of a checkpoint: write a checkpoint with these weights "+
		"alone, for use without further training; the flags of the sampler become its defaults")
	maker = samplerFlags(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains([]string{"", convert.EMA, convert.Raw}, weights) {
			return fmt.Errorf("convert: --weights %q, want ema or raw", weights)
		}
		var err error
		if d.Validation, err = ranges(validation); err != nil {
			return err
		}
		if err := d.Prediction.Validate(); err != nil {
			return fmt.Errorf("convert: --prediction %q, want %s or %s", d.Prediction,
				diffusion.PredictEpsilon, diffusion.PredictV)
		}
		if d.Schedule != "" && d.Schedule != diffusion.PaperName {
			return fmt.Errorf("convert: --schedule %q, want %s: the numbers of others are taken from the "+
				"file", d.Schedule, diffusion.PaperName)
		}
		for _, n := range []struct {
			flag  string
			value int
		}{{"groups", d.Groups}, {"heads", d.Heads}} {
			if f.Changed(n.flag) && n.value < 1 {
				return fmt.Errorf("convert: --%s %d, want at least 1", n.flag, n.value)
			}
		}
		if _, err = maker.said(); err != nil {
			return err
		}
		if f.Changed("log-theta") {
			d.LogTheta = &logTheta
		}
		return a.work(func(cmd *cobra.Command, args []string) error {
			r, err := a.converted(cmd, args[0], args[1], weights, reduce, maker, stated(f, d))
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) { conversion(w, r, reduce) })
		})(cmd, args)
	}
	return cmd
}

// stated returns the options without those that are a flag's default: a file may say otherwise.
func stated(f *pflag.FlagSet, d convert.Options) convert.Options {
	for name, clear := range map[string]func(){
		"suite":    func() { d.Suite = "" },
		"set":      func() { d.Set = "" },
		"unit":     func() { d.Unit = "" },
		"side":     func() { d.Side = 0 },
		"box-side": func() { d.BoxSide = 0 },
		"log-min":  func() { d.LogMin = nil },
		"log-max":  func() { d.LogMax = nil },
	} {
		if !f.Changed(name) {
			clear()
		}
	}
	return d
}

// converted goes the way that IN asks for; flags of the other way are refused rather than ignored.
func (a *app) converted(cmd *cobra.Command, in, out, weights string, reduce bool, maker *sampling,
	d convert.Options,
) (convert.Report, error) {
	in, err := checkpointOf(in)
	if err != nil {
		return convert.Report{}, err
	}
	said, err := maker.said()
	if err != nil {
		return convert.Report{}, err
	}
	if said != nil && !reduce {
		return convert.Report{}, errors.New("convert: the flags of a sampler go with --reduce, into " +
			"the checkpoint that it writes: add it, or leave them out")
	}
	if err := filetype.Expect(in, filetype.Checkpoint, filetype.Weights, filetype.Torch,
		filetype.NPZ); err != nil {
		return convert.Report{}, fmt.Errorf("convert: %w", err)
	}
	if !convert.IsCheckpoint(in) {
		if weights != "" || reduce {
			return convert.Report{}, fmt.Errorf("convert: %s is no checkpoint: --weights and --reduce "+
				"choose from checkpoints only, leave them out", in)
		}
		return convert.Import(in, out, d)
	}
	for _, name := range []string{
		"suite", "set", "unit", "side", "box-side", "log-min", "log-max", "validation",
		"prediction", "log-theta", "groups", "heads", "schedule",
	} {
		if cmd.Flags().Changed(name) {
			return convert.Report{}, fmt.Errorf("convert: %s is a checkpoint, whose weights go out "+
				"without --%s: leave it out", in, name)
		}
	}
	if reduce {
		return convert.Reduce(in, out, weights, said)
	}
	return convert.Export(in, out, weights)
}

func conversion(w io.Writer, r convert.Report, reduced bool) {
	row(w, "read", r.In+", "+r.Format)
	row(w, "written", r.Out)
	row(w, "weights", r.Weights)
	for _, kind := range slices.Sorted(maps.Keys(r.Where)) {
		what := "weights"
		if kind == convert.EMA {
			what = "averaged weights (EMA), which are used"
		}
		row(w, "found", fmt.Sprintf("%s: %s", r.Where[kind], what))
	}
	n := r.Network
	row(w, "network", fmt.Sprintf("width %d, multipliers %v, %d parameters; %d groups, %d × %d "+
		"attention", n.Dim, n.Multipliers, r.Parameters, n.Groups, n.Heads, n.HeadDim))
	conditions := "Ω_m and σ_8"
	switch {
	case n.Thetas != 2:
		conditions = fmt.Sprintf("%d parameters, which are kept: this version makes maps and "+
			"likelihoods with 2 alone", n.Thetas)
	case r.LogTheta:
		conditions = "ln Ω_m and ln σ_8, scaled to the mean and the variance of Ω_m and σ_8 in [0, 1]"
	}
	row(w, "conditioned on", conditions)
	prediction := "epsilon"
	if r.Prediction == diffusion.PredictV {
		prediction = "v, not the noise"
	}
	row(w, "prediction", prediction)
	row(w, "variance schedule", r.Schedule)
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(r.Kinds)) {
		kinds = append(kinds, fmt.Sprintf("%d of %s", r.Kinds[kind], kind))
	}
	row(w, "tensors", fmt.Sprintf("%d as F32 (read: %s)", r.Tensors, strings.Join(kinds, ", ")))
	row(w, "step", r.Step)
	if len(r.Assumed) > 0 {
		row(w, "assumed", strings.Join(r.Assumed, "; ")+": the file does not say; flags do")
	}
	if r.Buffers > 0 {
		row(w, "passed over", fmt.Sprintf("%d tensors of what is wrapped around the network", r.Buffers))
	}
	if len(r.NotUsed) > 0 {
		row(w, "not used", convert.List(r.NotUsed))
	}
	if r.LeftOut {
		why := "left out, it is no part of the network"
		if reduced {
			why = "left out, it was measured with other weights or another sampler: measure it again with " +
				"darkfield transfer"
		}
		row(w, "transfer function", why)
	}
}

// ranges reads "1,3,850-999".
func ranges(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			return nil, nil
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < 0 || to < from || to > 1<<20 {
			return nil, fmt.Errorf("convert: --validation %q, want numbers and ranges of simulations such "+
				"as 3,850-999", text)
		}
		for i := from; i <= to; i++ {
			out = append(out, i)
		}
	}
	return out, nil
}
