package preset

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestEveryPresetIsValid(t *testing.T) {
	for _, name := range Names() {
		p, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil || p.Name != name {
			t.Errorf("%s (called %s): %v", name, p.Name, err)
		}
	}
}

func TestUnknownPresetNamesTheKnown(t *testing.T) {
	_, err := Get("huge")
	if err == nil || !strings.Contains(err.Error(), "huge") ||
		!strings.Contains(err.Error(), "smoke, quick, standard, paper") {
		t.Errorf("error = %v", err)
	}
}

// TestStagesOfPresets: small presets train in one stage, the others from coarse maps to fine
// ones, whose pixels are whole numbers of the coarse.
func TestStagesOfPresets(t *testing.T) {
	for name, sides := range map[string][]int{
		"smoke": {32}, "quick": {64}, "standard": {32, 64},
		"paper": {64, 256},
	} {
		p, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, s := range p.Stages {
			got = append(got, s.Side)
		}
		if !slices.Equal(got, sides) || p.Side() != sides[len(sides)-1] {
			t.Errorf("%s: stages at %v, ending at %d, want %v", name, got, p.Side(), sides)
		}
	}
}

// TestFaultyStagesAreNamed: an invalid stage is an error that says which.
func TestFaultyStagesAreNamed(t *testing.T) {
	for want, spoil := range map[string]func(*Preset){
		"Stages is empty":               func(p *Preset) { p.Stages = nil },
		"Stages[1].Side = 20":           func(p *Preset) { p.Stages[1].Side = 20 },
		"Stages[1].Training.Prediction": func(p *Preset) { p.Stages[1].Training.Prediction = "epsilon" },
		"training.Config.Batch = 0":     func(p *Preset) { p.Stages[1].Training.Batch = 0 },
	} {
		p, _ := Get("standard")
		spoil(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}

// TestCoursesAreShares: with more steps the warm-up, the decay and the halvings of every stage
// take longer, and with the preset's own they are at the steps that shipped weights were trained
// with, and at the paper's epochs.
func TestCoursesAreShares(t *testing.T) {
	type course struct{ warmup, cosineTo string }
	for name, want := range map[string][]course{
		"smoke": {{"16.7%", "0"}}, "quick": {{"10%", "100%"}},
		"standard": {{"1.5%", "100%"}, {"1%", "100%"}}, "paper": {{"0", "0"}, {"0", "0"}},
	} {
		p, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range p.Stages {
			if got := (course{s.Training.Warmup.String(), s.Training.CosineTo.String()}); got != want[i] {
				t.Errorf("%s, stage %d: %v, want %v", name, i+1, got, want[i])
			}
		}
	}
	p, _ := Get("paper")
	for i, epochs := range []float64{120, 140, 160, 180} {
		const maps, batch, steps = 10_500, 20, 500_000
		if got, want := p.Stages[1].Training.HalveAt[i].Percent/100*steps,
			epochs*maps/batch; math.Abs(got-want) > 1e-6 {
			t.Errorf("halving %d after step %g, want %g", i+1, got, want)
		}
	}
}
