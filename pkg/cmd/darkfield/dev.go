package main

import "github.com/spf13/cobra"

// dev groups what only developers of models and of this program need.
func (a *app) dev() *cobra.Command {
	dev := &cobra.Command{
		Use:   "dev",
		Short: "Check the program and the shipped weights: what developers need",
		Long: `Commands for developers: comparisons of the program with published code, of the simulations with
CAMB, and of a checkpoint with simulations that nobody has trained on.`,
		Example: `  darkfield dev --help`,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	for _, e := range []entry{
		{a.verify(), nothingKept},
		{a.gpu(), nothingKept},
		{a.validate(), "simulations that were measured are kept; the same command runs the rest"},
		{a.modelCard(), mapsKept},
		{a.robustness(), boundsKept},
		{a.correctPower(), nothingKept},
	} {
		prepare(e.Command, e.interrupted)
		dev.AddCommand(e.Command)
	}
	return dev
}
