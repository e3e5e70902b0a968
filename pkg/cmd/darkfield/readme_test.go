package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write README.md anew")

// readme is the page of all commands and of the flags that several share.
func readme(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(`# The command darkfield

` + root.Long + `

This page is generated; ` + "`go test ./pkg/cmd/darkfield -run TestReadme -update`" + ` writes it anew.
` + "`darkfield COMMAND --help`" + ` shows all flags of a command, with units, ranges and defaults.

`)
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "## %s\n\n| command | purpose | example |\n| --- | --- | --- |\n",
			strings.TrimSuffix(g.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID != g.ID {
				continue
			}
			for _, c := range append([]*cobra.Command{c}, everyCommand(c)...) {
				example, _, _ := strings.Cut(strings.ReplaceAll(c.Example, " \\\n     ", ""), "\n")
				fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", strings.TrimPrefix(c.CommandPath(), "darkfield "),
					c.Short, strings.TrimPrefix(strings.TrimSpace(example), "darkfield "))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("## Flags of several commands\n\n| flag | meaning |\n| --- | --- |\n")
	counts, flags := map[string]int{}, map[string]*pflag.Flag{"json": root.PersistentFlags().Lookup("json")}
	for _, c := range everyCommand(root) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if counts[f.Name]++; counts[f.Name] == 2 && f.Name != "help" &&
				!slices.Contains(ownMeaning, f.Name) {
				flags[f.Name] = f
			}
		})
	}
	names := make([]string, 0, len(flags))
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value, usage := pflag.UnquoteUsage(flags[name])
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("--"+name+" "+value), usage)
	}
	return b.String()
}

// TestReadme: README.md lists the commands and flags that there are.
func TestReadme(t *testing.T) {
	want := readme((&app{}).root())
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("README.md is stale: run `go test ./pkg/cmd/darkfield -run TestReadme -update`")
	}
	if len(want) > 8<<10 {
		t.Errorf("%d bytes, want at most 8 KiB", len(want))
	}
}

// commandLine matches a command line of a page or a script: in a block, or in backquotes, where the
// name of the program may be missing. At the beginning of a line, where prose may begin, too, it
// needs a flag.
var commandLine = regexp.MustCompile("(?m)(?:^ +|`|bin/)darkfield ([a-z][^`\n|#&;>]*)" +
	"|^darkfield ([a-z][^`\n|#&;>]* --[^`\n|#&;>]*)|`((?:simulate|train|sample|select|evaluate|" +
	"likelihood|infer|calibrate|export|import|track|download|project|inspect|dev) [^`\n]*--[^`\n]*)`")

// TestPagesNameCommands: command lines of pages name commands and flags that there are.
func TestPagesNameCommands(t *testing.T) {
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	top := filepath.Join("..", "..", "..")
	lines := 0
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && name != ".." && (strings.HasPrefix(name, ".") || name == "runs" || name == "shared") {
			return filepath.SkipDir
		}
		if !slices.Contains([]string{".md", ".ipynb", ".sh"}, filepath.Ext(name)) && name != "Makefile" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range commandLine.FindAllStringSubmatch(joined(string(raw)), -1) {
			lines++
			if err := understood(root, strings.Fields(m[1]+m[2]+m[3])); err != nil {
				t.Errorf("%s: `%s`: %v", path, strings.TrimSpace(m[0]), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines < 30 {
		t.Errorf("%d command lines found, there are more", lines)
	}
}

// joined joins the lines of a text that end in a backslash with the next ones.
func joined(text string) string {
	return regexp.MustCompile(` *\\\n\s*`).ReplaceAllString(text, " ")
}

// understood returns an error unless words begin with a command whose flags they give.
func understood(root *cobra.Command, words []string) error {
	c, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if c == root || c.Hidden {
		return errors.New("no such command")
	}
	c.InitDefaultHelpFlag()
	for _, w := range rest {
		name, isLong := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		if isLong && c.Flags().Lookup(name) == nil && root.PersistentFlags().Lookup(name) == nil {
			return fmt.Errorf("no such flag: --%s", name)
		}
	}
	return nil
}
