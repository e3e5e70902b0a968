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

	"darkfield/pkg/convert"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/filetype"
)

func (a *app) importWeights() *cobra.Command {
	var o convert.Options
	var logTheta bool
	cmd := &cobra.Command{
		Use:   "import IN OUT",
		Short: "Make a checkpoint from the weights of another program",
		Long: `Makes a checkpoint OUT (.safetensors) from IN: a .pt, .pth or .ckpt file of PyTorch (a state dict,
or what a training script, Lightning or a diffusion class saved around one), or safetensors or .npz
with PyTorch's names. Averaged weights (EMA) are imported besides, and used where there are any.

No code in a .pt file is run: a file that asks for more than tensors and plain containers is
refused. The architecture is read from the shapes; the variance schedule, step and settings from
what lies beside the weights. What a file does not say is taken from flags, or else assumed to be as
in the paper, and printed as assumed.`,
		Example: `  darkfield import weights.pt weights.safetensors
  darkfield import training.pt weights.safetensors --suite SIMBA --side 256 --validation 850-999
  darkfield import last.ckpt weights.safetensors --prediction v --log-theta --groups 4 --heads 8`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.StringVar(&o.Suite, "suite", "", "suite `NAME` of the training maps; default: IllustrisTNG")
	f.StringVar(&o.Set, "set", "", "`SET` of the training maps; default: LH")
	f.StringVar(&o.Unit, "unit", "", "`UNIT` of the training maps; default: that of CMD's maps")
	f.IntVar(&o.Side, "side", 0, "`PIXELS` a side of the training maps; default: 64")
	boxSideFlag(f, &o.BoxSide)
	logarithm := func(to **float64) func(string) error {
		return func(text string) error {
			v, err := strconv.ParseFloat(text, 64)
			*to = &v
			return err
		}
	}
	f.Func("log-min", "`LOG10` of the pixel value that becomes -1; default: the paper's",
		logarithm(&o.LogMin))
	f.Func("log-max", "`LOG10` of the pixel value that becomes 1; default: the paper's",
		logarithm(&o.LogMax))
	f.Func("validation", "`SIMULATIONS` that training has not seen, such as 850-999; evaluate needs "+
		"some", func(text string) (err error) {
		o.Validation, err = ranges(text)
		return err
	})
	predictionFlag(f, &o.Prediction)
	logThetaFlag(f, &logTheta)
	f.IntVar(&o.Groups, "groups", 0, "`N` groups of channels in each normalisation, where the file "+
		"does not say; default: 8 where that divides the width")
	f.IntVar(&o.Heads, "heads", 0, "`N` heads of attention, where the file does not say; default: 4 "+
		"where that leaves 32 channels each")
	f.StringVar(&o.Schedule, "schedule", "", "`NAME` paper: the variance schedule is the paper's, "+
		"where the file names one without its numbers")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		var errs []error
		if o.Prediction.Validate() != nil {
			errs = append(errs, fmt.Errorf("--prediction %q, want %s or %s", o.Prediction,
				diffusion.PredictEpsilon, diffusion.PredictV))
		}
		if o.Schedule != "" && o.Schedule != diffusion.PaperName {
			errs = append(errs, fmt.Errorf("--schedule %q, want %s: the numbers of others are taken from "+
				"the file", o.Schedule, diffusion.PaperName))
		}
		if f.Changed("groups") {
			errs = append(errs, flagAtLeast("groups", o.Groups, 1))
		}
		if f.Changed("heads") {
			errs = append(errs, flagAtLeast("heads", o.Heads, 1))
		}
		if f.Changed("log-theta") {
			o.LogTheta = &logTheta
		}
		return errors.Join(errs...)
	}
	cmd.RunE = a.work(func(_ *cobra.Command, args []string) error {
		if err := filetype.Expect(args[0], filetype.Weights, filetype.Torch, filetype.NPZ); err != nil {
			return fmt.Errorf("import: %w", err)
		}
		r, err := convert.Import(args[0], args[1], o)
		if err != nil {
			return err
		}
		return a.print(r, func(w io.Writer) { conversion(w, r, false) })
	})
	return cmd
}

// ranges reads "1,3,850-999".
func ranges(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < 0 || to < from || to > 1<<20 {
			return nil, errors.New("want numbers and ranges of simulations such as 3,850-999")
		}
		for i := from; i <= to; i++ {
			out = append(out, i)
		}
	}
	return out, nil
}

// conversion says what was read and written.
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
	case n.ConditionDim != 2:
		conditions = fmt.Sprintf("%d parameters: maps and likelihoods can be made where their names are "+
			"known, as darkfield's training writes them", n.ConditionDim)
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
				"darkfield dev correct-power"
		}
		row(w, "power-spectrum correction", why)
	}
}
