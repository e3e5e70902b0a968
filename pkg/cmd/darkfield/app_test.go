package main

import (
	"errors"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandSaysWhatAnInterruptLeaves: a command at work has a statement, whatever it does.
func TestEveryCommandSaysWhatAnInterruptLeaves(t *testing.T) {
	a := &app{}
	for _, c := range a.root().Commands() {
		a.interrupted = ""
		stop := errors.New("stop")
		if err := a.work(func(*cobra.Command, []string) error { return stop })(c, nil); !errors.Is(err,
			stop) || a.interrupted == "" {
			t.Errorf("%s says %q (%v)", c.Name(), a.interrupted, err)
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
