package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"darkfield/pkg/preset"
	"darkfield/pkg/training"
)

// TestChosen: which settings of which stage a command line changes.
func TestChosen(t *testing.T) {
	for line, want := range map[string]func(stages []training.Config) bool{
		"--steps 7": func(s []training.Config) bool { return s[0].Steps == 20_000 && s[1].Steps == 7 },
		"--steps 5,7 --learning-rate 1e-3,2e-3": func(s []training.Config) bool {
			return s[0].Steps == 5 && s[1].Steps == 7 && s[0].LearningRate == 1e-3 &&
				s[1].LearningRate == 2e-3
		},
		"--warmup 3 --cosine-to 0,9%": func(s []training.Config) bool {
			return s[0].Warmup == training.Percent(1.5) && s[1].Warmup == training.Count(3) &&
				s[0].CosineTo == training.Count(0) && s[1].CosineTo == training.Percent(9)
		},
		"--halve-at 2,4": func(s []training.Config) bool {
			return s[0].HalveAt == nil &&
				slices.Equal(s[1].HalveAt, []training.Milestone{training.Count(2), training.Count(4)})
		},
		"--prediction epsilon --batch 3": func(s []training.Config) bool {
			return s[0].Prediction == "epsilon" && s[1].Prediction == "epsilon" && s[0].Batch == 3 &&
				s[1].Batch == 3
		},
		"--side 32 --steps 6": func(s []training.Config) bool {
			return len(s) == 1 && s[0].Steps == 6 && s[0].CosineTo == training.Percent(100)
		},
		"--preset paper --batch 32": func(s []training.Config) bool {
			return s[0].Validate() == nil && s[1].Validate() == nil && s[1].MicroBatch == training.WholeBatch
		},
		"--preset standard": func(s []training.Config) bool {
			p, err := preset.Get("standard")
			return err == nil && reflect.DeepEqual(s, []training.Config{
				p.Stages[0].Training, p.Stages[1].Training,
			})
		},
		"--preset standard --ema 0.9": func(s []training.Config) bool {
			return s[0].EMADecay == 0.9 && s[0].EMAWidth == 0
		},
		"--preset paper --ema 10%": func(s []training.Config) bool {
			return s[0].EMADecay == 0.999 && s[1].EMAWidth == 0.1
		},
		"--preset quick --steps 6": func(s []training.Config) bool {
			return len(s) == 1 && s[0].Steps == 6
		},
	} {
		var f trainFlags
		flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
		flags.StringVar(&f.preset, "preset", "standard", "")
		flags.IntVar(&f.side, "side", 0, "")
		courseFlags(flags, &f)
		recipeFlags(flags, &training.Config{})
		if err := flags.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		p, err := f.chosen(flags)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var stages []training.Config
		for _, s := range p.Stages {
			stages = append(stages, s.Training)
		}
		if !want(stages) {
			t.Errorf("%s gives %+v", line, stages)
		}
	}
}
