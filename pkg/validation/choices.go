package validation

import (
	"fmt"
	"math"

	"darkfield/pkg/nbody"
	"darkfield/pkg/report"
)

// Choices is how much the maps depend on numerical choices: the position of the lattice of
// particles, the number of steps, and the start.
type Choices struct {
	K       []float64 // of the bins of the maps' spectra, h/Mpc
	Changes []Change
	Caption string
}

// Change is one choice changed, in one universe.
type Change struct {
	Name       string
	OmegaM     float64
	Ratio      []float64 // power of log10 of the maps over that of the default, by bin
	Error      []float64 // of Ratio, from the scatter over boxes
	Half, Most float64   // Ratio − 1 of largest size, below half of Nyquist and from there to 0.7
	HalfLimit  float64   // tolerance of Half
	MostLimit  float64   // tolerance of Most
}

// choiceSeed is the first seed of the boxes, which no other part of the report uses.
const choiceSeed = 900001

// choice is the default with one number changed.
type choice struct {
	name                 string
	config               nbody.Config
	halfLimit, mostLimit float64
}

type choiceBoxes struct {
	omegaM float64
	choice choice
	boxes  []boxMaps // [seed]
}

// choicesOf returns the default and the choices that are compared with it.
func choicesOf(c nbody.Config) []choice {
	out := []choice{{name: "default", config: c}}
	add := func(name string, half, most float64, change func(*nbody.Config)) {
		changed := c
		change(&changed)
		out = append(out, choice{name, changed, half, most})
	}
	add("lattice moved by 1/8", 0.01, 0.02, func(c *nbody.Config) { c.Shift = 1.0 / 8 })
	add("lattice moved by 1/4", 0.01, 0.02, func(c *nbody.Config) { c.Shift = 1.0 / 4 })
	add("twice the steps", 0.01, 0.03, func(c *nbody.Config) { c.Steps *= 2 })
	add(fmt.Sprintf("start at a = %g", float64(c.Start/2)), 0.03, 0.03, func(c *nbody.Config) {
		c.Start /= 2
	})
	add(fmt.Sprintf("start at a = %g", float64(2*c.Start)), 0.03, 0.03, func(c *nbody.Config) {
		c.Start *= 2
	})
	return out
}

func (b *boxStudy) choicesResult(c Config) Choices {
	out := Choices{K: b.choices[0].boxes[0].K[0]}
	var base []boxMaps
	for _, v := range b.choices {
		if v.choice.config == c.Box {
			base = v.boxes
			continue
		}
		change := Change{
			Name: v.choice.name, OmegaM: v.omegaM,
			HalfLimit: v.choice.halfLimit, MostLimit: v.choice.mostLimit,
		}
		change.Ratio, change.Error = ratioOfLogs(v.boxes, base, 0)
		n := len(change.Ratio)
		for i, r := range change.Ratio {
			switch mode := i + 1; {
			case 2*mode < n:
				change.Half = larger(change.Half, r-1)
			case 10*mode <= 7*n:
				change.Most = larger(change.Most, r-1)
			}
		}
		out.Changes = append(out.Changes, change)
	}
	out.Caption = fmt.Sprintf("%d³ particles in %g Mpc/h, %d boxes × 15 maps of %d² pixels for each "+
		"line, the same phases; power of log10 of the maps over that of the default, %d steps from "+
		"a = %g.", c.Box.Particles, c.Box.BoxSide, c.ChoiceSeeds, c.Sides[0], c.Box.Steps,
		float64(c.Box.Start))
	return out
}

// larger returns the number of larger size.
func larger(a, b float64) float64 {
	if math.Abs(b) > math.Abs(a) {
		return b
	}
	return a
}

func (v Choices) rows(c Config) []Row {
	var out []Row
	for _, change := range v.Changes {
		name := fmt.Sprintf("%s, Ω_m = %g: largest change of the log maps' power", change.Name,
			change.OmegaM)
		const source = "the default, same phases"
		out = append(out,
			row(name+", modes below half of Nyquist",
				source, change.Half).want(0, c.tolerance(change.HalfLimit)),
			row(name+", from there to 0.7 of Nyquist",
				source, change.Most).want(0, c.tolerance(change.MostLimit)))
	}
	return section(SectionChoices, out)
}

// WriteCSV writes one row a number.
func (v Choices) WriteCSV(path string) error {
	t := report.NewTable("changed", "omega_m", "quantity", "k_h_per_mpc", "value")
	for _, change := range v.Changes {
		t.Curve(v.K, change.Ratio, change.Name, change.OmegaM, "log_power_over_default")
		t.Curve(v.K, change.Error, change.Name, change.OmegaM, "log_power_over_default_error")
	}
	return t.Write(path)
}
