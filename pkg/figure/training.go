package figure

import (
	"slices"

	"gonum.org/v1/plot/vg"

	"darkfield/pkg/tracking"
)

// Training draws the course of a training run: the loss (and its running mean) and the validation
// error, against the step.
func Training(r tracking.Curve) *Figure {
	all := positive(finite(r.Loss, r.ValidationLoss))
	if len(all) == 0 {
		return Empty("No training curve: no finite loss has been logged yet.")
	}
	p := newPanel(linear, logarithmic, "", "training step", "loss")
	last := slices.Max(append(slices.Concat(r.Steps, r.ValidationSteps), 1))
	p.rangeX(0, float64(last))
	// The first few losses are of order 1 and would press the rest flat; they may leave the axis.
	p.rangeY(all[0]/1.15, quantile(0.985, all)*1.15)
	steps, validation := numbers(r.Steps), numbers(r.ValidationSteps)
	single, smooth := line(faint(skyBlue, 0.7), 0.7), line(blue, 1.7)
	checked, marker := line(vermillion, 1.7, genDash...), dot(vermillion, 2.5)
	p.line(steps, r.Loss, single)
	p.line(steps, runningMean(r.Loss), smooth)
	p.line(validation, r.ValidationLoss, checked)
	p.markers(validation, r.ValidationLoss, r.ValidationLoss, r.ValidationLoss, marker)
	return page(7*vg.Inch, 3.2*vg.Inch, []entry{
		{label: "training loss", line: single},
		{label: "its running mean", line: smooth},
		{label: "validation: mean squared error", line: checked, glyph: marker},
	}, r.Caption+outside("Losses", p), []*panel{p})
}

func numbers(v []int) []float64 {
	out := make([]float64, len(v))
	for i, n := range v {
		out[i] = float64(n)
	}
	return out
}

// runningMean averages over the last twentieth of the entries so far logged in all.
func runningMean(v []float64) []float64 {
	window := max(1, len(v)/20)
	out := make([]float64, len(v))
	for i := range v {
		good := finite(v[max(0, i+1-window) : i+1])
		for _, g := range good {
			out[i] += g / float64(len(good))
		}
	}
	return out
}
