package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand returns all commands that users see, each group before its own.
func everyCommand(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, below := range c.Commands() {
		if !below.Hidden {
			out = append(append(out, below), everyCommand(below)...)
		}
	}
	return out
}

// TestEveryCommandSaysWhatAnInterruptLeaves: a command at work has a statement, whatever it does.
func TestEveryCommandSaysWhatAnInterruptLeaves(t *testing.T) {
	a := &app{}
	for _, c := range everyCommand(a.root()) {
		a.interrupted = ""
		stop := errors.New("stop")
		work := a.work(func(*cobra.Command, []string) error { return stop })
		if err := work(c, nil); !errors.Is(err, stop) || a.interrupted == "" {
			t.Errorf("%s says %q (%v)", c.CommandPath(), a.interrupted, err)
		}
	}
}

// TestCachesAreNamed: commands that keep maps only where a cache is given say so.
func TestCachesAreNamed(t *testing.T) {
	a := &app{interrupted: nothingKept}
	if a.keptIn(""); a.interrupted != nothingKept {
		t.Errorf("without a cache: %q", a.interrupted)
	}
	if a.keptIn("maps"); a.interrupted != "maps at parameters that were finished are kept in maps; "+
		"the same command makes the rest" {
		t.Errorf("with one: %q", a.interrupted)
	}
}

// TestHelp: help has an example everywhere and, but for addresses, at most 100 columns.
func TestHelp(t *testing.T) {
	root := (&app{}).root()
	for _, c := range append(everyCommand(root), root) {
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(help.String(), "  "+c.CommandPath()+" ") {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if strings.Contains(help.String(), "[=true") {
			t.Errorf("%s: a flag that needs no value asks for one", c.CommandPath())
		}
		for line := range strings.Lines(help.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 &&
				!strings.HasPrefix(line, "  https://") {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
			}
		}
	}
}

// ownMeaning are flags whose commands say what theirs is: what is written, what is random, what is
// counted, or which maps are meant.
var ownMeaning = []string{
	"dry-run", "field", "index", "maps", "out", "params", "seed", "set", "side", "sims", "suite",
}

// TestFlagsMeanOneThing: a flag of several commands is the same in all of them.
func TestFlagsMeanOneThing(t *testing.T) {
	usage := map[string]string{}
	for _, c := range everyCommand((&app{}).root()) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(ownMeaning, f.Name) || f.Name == "help" {
				return
			}
			if before, found := usage[f.Name]; found && before != f.Usage {
				t.Errorf("%s --%s: %q, elsewhere %q", c.CommandPath(), f.Name, f.Usage, before)
			}
			usage[f.Name] = f.Usage
		})
	}
}

// TestFormerNames: what they are called now is there.
func TestFormerNames(t *testing.T) {
	root := (&app{}).root()
	present := func(words []string) bool {
		c, rest, err := root.Find(words)
		return err == nil && c != root && !c.Hidden && (len(rest) == 0 ||
			c.Flags().Lookup(strings.TrimPrefix(rest[0], "--")) != nil)
	}
	for former, now := range formerCommands {
		for _, part := range strings.Split(now, "darkfield ")[1:] {
			part, _, _ = strings.Cut(part, ",")
			if !present(strings.Fields(part)) {
				t.Errorf("%s: there is no darkfield %s", former, part)
			}
		}
	}
	for former, all := range formerFlags {
		for _, now := range all {
			words := strings.Fields(strings.TrimPrefix(now, "darkfield "))
			if len(words) == 1 {
				found := slices.ContainsFunc(everyCommand(root), func(c *cobra.Command) bool {
					return c.Flags().Lookup(strings.TrimPrefix(now, "--")) != nil
				})
				if !found {
					t.Errorf("%s: there is no %s", former, now)
				}
			} else if !present(words) {
				t.Errorf("%s: there is no %s", former, now)
			}
		}
	}
}
