package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// app is what all subcommands share.
type app struct {
	out, err io.Writer
	json     bool
	started  bool // arguments were accepted: an error from now on is a failure, not wrong usage
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "darkfield",
		Short: "Diffusion models as emulators of, and likelihoods for, maps of dark matter",
		Long: `darkfield trains a conditional diffusion model p(map | Ω_m, σ_8), shows whether the maps it makes are right, and uses its
variational bound as a likelihood. Results go to standard output, progress to standard error.`,
		Example: `  darkfield simulate --set LH --sims 100 --out universe
  darkfield train --data universe --run runs/first --preset quick
  darkfield evaluate --checkpoint runs/first --data universe`,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object instead of a table")
	root.AddCommand(
		a.simulate(), a.fetch(), a.project(), a.inspect(), a.train(), a.track(), a.selectCheckpoint(), a.sample(), a.spectrum(), a.evaluate(), a.card(), a.likelihood(), a.calibrate(), a.robustness(), a.infer(),
		a.convert(), a.transfer(), a.verify(), a.validate(),
	)
	return root
}

// work marks the end of argument checking: errors of do are failures.
func (a *app) work(do func(c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a.started = true
		return do(c, args)
	}
}

// require marks flags that must be given.
func require(c *cobra.Command, flags ...string) {
	for _, f := range flags {
		if err := c.MarkFlagRequired(f); err != nil {
			panic(err) // the flag does not exist
		}
	}
}

// print writes value as JSON, or what table writes, columns separated by tabs.
func (a *app) print(value any, table func(w io.Writer)) error {
	if a.json {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(value)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// row writes one line of a table.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		if f, ok := c.(float64); ok {
			c = fmt.Sprintf("%.5g", f)
		}
		fmt.Fprint(w, c)
	}
	fmt.Fprintln(w)
}
