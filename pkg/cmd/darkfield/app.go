package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is what all commands share.
type app struct {
	out, err io.Writer
	json     bool
	started  bool // arguments were accepted: an error from now on is a failure, not wrong usage

	interrupted string // what an interrupt would leave of the command at work

	missing map[*cobra.Command]work // of those that can be divided into shards
}

// What an interrupt leaves of a command that keeps nothing.
const nothingKept = "nothing is kept, the same command begins anew"

// What it leaves of commands that keep the maps, or the bounds of maps, that are finished.
const (
	mapsKept   = "maps at parameters that were finished are kept; the same command makes the rest"
	boundsKept = "bounds of maps that were finished are kept; the same command goes on with the rest"
)

// group is a part of the list of commands.
type group struct {
	id, title string
	commands  []entry
}

// entry is a command with what an interrupt leaves of it: true at any moment, unless the command
// says more while it is at work.
type entry struct {
	*cobra.Command
	interrupted string
}

func (a *app) groups() []group {
	return []group{
		{"data", "Data:", []entry{
			{a.simulate(), "what is done is saved: the simulations that are finished; the same command " +
				"makes the rest"},
			{a.download(), "what is done is saved: the bytes that have arrived; the same command " +
				"downloads the rest"},
			{a.inspect(), nothingKept},
			{a.spectrum(), nothingKept},
			{a.project(), "what is done is saved: the simulations that are finished; the same command " +
				"makes the rest"},
		}},
		{"model", "Model:", []entry{
			{a.train(), "the training had not begun, and the run directory is as it was; the same command " +
				"begins it, or goes on"},
			{a.selectCheckpoint(), "maps at parameters that were finished are kept in the run directory; " +
				"the same command makes the rest"},
			{a.importWeights(), nothingKept},
			{a.export(), nothingKept},
			{a.track(), "what was sent stays on the server; the same command sends the rest"},
		}},
		{"emulator", "Emulator:", []entry{
			{a.sample(), nothingKept},
			{a.evaluate(), nothingKept},
		}},
		{"inference", "Inference:", []entry{
			{a.infer(), nothingKept},
			{a.calibrate(), "bounds of maps, and epochs of a moment network, that were finished are kept; " +
				"the same command goes on with the rest"},
		}},
		{"cluster", "Cluster:", []entry{
			{a.submit(), nothingKept},
			{a.gather(), "what the jobs have made is kept; the same command puts it together"},
		}},
		{"dev", "Development:", []entry{{a.dev(), nothingKept}}},
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "darkfield",
		Short: "Emulate maps of dark matter with a diffusion model, and infer parameters with it",
		Long: `Darkfield trains a conditional diffusion model p(map | Ω_m, σ_8) of dark matter maps, tests the maps
that it generates, and uses its variational bound as a likelihood.

Results go to standard output; progress, warnings and errors go to standard error. The exit status
is 0, 1 after a failure and 2 after wrong usage.`,
		Example: `  darkfield simulate --set LH --sims 100 --out universe
  darkfield train --data universe --run runs/first --preset quick
  darkfield evaluate --checkpoint runs/first --data universe`,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cobra.EnableCommandSorting = false // the order of work
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(renamedFlag)
	plainUsage(root)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object instead of a table")
	for _, g := range a.groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, e := range g.commands {
			e.GroupID = g.id
			prepare(e.Command, e.interrupted)
			root.AddCommand(e.Command)
		}
	}
	root.AddCommand(renamedCommands()...)
	return root
}

// prepare lets a command and those below it say what an interrupt leaves, and look for required
// flags before PreRunE, which cobra calls first. Commands that are prepared stay as they are.
func prepare(c *cobra.Command, interrupted string) {
	if c.Annotations != nil {
		return
	}
	c.Annotations = map[string]string{whenInterrupted: interrupted}
	if check := c.PreRunE; check != nil {
		c.PreRunE = func(cmd *cobra.Command, args []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return err
			}
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%s: %w", cmd.Name(), err)
			}
			return nil
		}
	}
	for _, below := range c.Commands() {
		prepare(below, interrupted)
	}
}

// plainUsage wraps the flags of help texts at 100 columns and leaves out that a flag without a
// value takes true or false.
func plainUsage(root *cobra.Command) {
	cobra.AddTemplateFunc("plainFlags", func(f *pflag.FlagSet) string {
		const values = "[=true|false]"
		return strings.ReplaceAll(f.FlagUsagesWrapped(100), values, strings.Repeat(" ", len(values)))
	})
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", "plainFlags .LocalFlags",
		".InheritedFlags.FlagUsages", "plainFlags .InheritedFlags",
	).Replace(root.UsageTemplate()))
}

// whenInterrupted is the annotation of a command that says what an interrupt leaves.
const whenInterrupted = "interrupted"

// work marks the end of argument checking: errors of do are failures. What can be known of flags
// without reading a file is checked before, in PreRunE.
func (a *app) work(do func(c *cobra.Command, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a.started, a.interrupted = true, c.Annotations[whenInterrupted]
		return do(c, args)
	}
}

// keptIn is what an interrupt leaves of a command that keeps generated maps in a directory, or
// nowhere.
func (a *app) keptIn(cache string) {
	if cache != "" {
		a.interrupted = fmt.Sprintf("maps at parameters that were finished are kept in %s; the same "+
			"command makes the rest", cache)
	}
}

// flagAtLeast returns an error that names a flag whose value is too small.
func flagAtLeast(flag string, value, least int) error {
	if value < least {
		return fmt.Errorf("--%s %d, want at least %d", flag, value, least)
	}
	return nil
}

// outName returns an error unless the file that --out names has the ending of what is written
// there.
func outName(path, ending string) error {
	if !strings.EqualFold(filepath.Ext(path), ending) {
		return fmt.Errorf("--out %s, want a name that ends in %s", path, ending)
	}
	return nil
}

// outPlace returns an error, before long work, where the file that --out names cannot be.
func outPlace(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s is a directory: name a file", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("--out %s: %w: make the directory first", path, err)
	}
	return nil
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
