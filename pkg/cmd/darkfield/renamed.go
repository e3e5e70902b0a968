package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// formerCommands are names that commands had, with what they are called now.
var formerCommands = map[string]string{
	"card": "darkfield dev model-card",
	"convert": "darkfield import, which makes a checkpoint from weights, and darkfield export, " +
		"which writes the weights of a checkpoint",
	"fetch": "darkfield download",
	"likelihood": "darkfield infer, without --calibration, where --terms chooses terms; the paper's " +
		"grid is that of notebook 6",
	"robustness": "darkfield dev robustness",
	"transfer":   "darkfield dev correct-power",
	"validate":   "darkfield dev validate",
	"verify":     "darkfield dev verify",
}

// formerFlags are names that flags had, with what they are called now: of one command, "command
// flag", or of all that have one of the new flags.
var formerFlags = map[string][]string{
	"simulate control":   {"darkfield simulate control --data"},
	"simulate responses": {"darkfield simulate responses --realisations"},
	"simulate each":      {"darkfield simulate control --each"},
	"simulate of":        {"darkfield simulate control --split"},
	"export reduce":      {"--as-checkpoint"},
	"batch":              {"--chunk"},
	"chain-number":       {"--hmc-chains"},
	"chains":             {"--hmc"},
	"draws":              {"--hmc-draws"},
	"early-share":        {"--loguniform-share"},
	"ema-width":          {"--ema"},
	"even-times":         {"--stratified"},
	"number":             {"--maps"},
	"one-p-seeds":        {"--response-maps"},
	"own":                {"--independent-maps"},
	"seeds":              {"--noise-draws"},
	"steps":              {"--sampler-steps", "--time-steps"},
	"terms":              {"--num-terms"},
	"track":              {"--server"},
	"warmup":             {"--hmc-warmup"},
}

// renamedCommands answer to former names with the present ones.
func renamedCommands() []*cobra.Command {
	var out []*cobra.Command
	for _, former := range slices.Sorted(maps.Keys(formerCommands)) {
		out = append(out, &cobra.Command{
			Use: former, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("%s is now %s", former, formerCommands[former])
			},
		})
	}
	return out
}

// renamedFlag adds to the error about an unknown flag what a flag of that name is called now.
func renamedFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	former := unknown.GetSpecifiedName()
	own := formerFlags[c.Name()+" "+former]
	for _, now := range append(own, formerFlags[former]...) {
		if name, isFlag := strings.CutPrefix(now, "--"); !isFlag || c.Flags().Lookup(name) != nil {
			return fmt.Errorf("%s: --%s is now %s", c.Name(), former, now)
		}
	}
	return err
}
