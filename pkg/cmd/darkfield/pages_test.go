package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commandLine is a line to type, or else a command or a part of its line that a sentence names. A
// line that ends with a backslash goes on in the next one.
var commandLine = regexp.MustCompile("(?m)^    darkfield (.*)$|`darkfield ([^`]*)`")

// TestCommandsOfThePages: every command line that a page shows has a command and flags that there
// are, and lines to type have all that must be given.
func TestCommandsOfThePages(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	lines := 0
	for _, page := range []string{
		"README.md", "data/*/README.md", "notebooks/README.md", "pkg/README.md", "pkg/*/README.md",
		"docker/*.md",
	} {
		found, err := filepath.Glob(filepath.Join(root, page))
		if err != nil || len(found) == 0 {
			t.Fatalf("no page %s (%v)", page, err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			whole := strings.ReplaceAll(string(text), "\\\n", " ")
			for _, m := range commandLine.FindAllStringSubmatch(whole, -1) {
				lines++
				if err := parse(strings.Fields(m[1]+m[2]), m[1] != ""); err != nil {
					t.Errorf("%s: darkfield %s%s: %v", name, m[1], m[2], err)
				}
			}
		}
	}
	if lines < 20 {
		t.Errorf("found %d command lines, want at least the 20 of the front page and below it", lines)
	}
}

// parse finds the command of a line, and checks its flags without running it; all of them if the
// line is whole.
func parse(args []string, whole bool) error {
	c, rest, err := (&app{}).root().Find(args)
	if err != nil {
		return err
	}
	if !c.HasParent() {
		return fmt.Errorf("there is no command %s", args[0])
	}
	if err := c.ParseFlags(rest); err != nil || !whole {
		return err
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err
	}
	return c.ValidateRequiredFlags()
}
