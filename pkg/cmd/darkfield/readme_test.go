package main

import (
	"flag"
	"fmt"
	"os"
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

This page is generated anew by ` + "`go test ./pkg/cmd/darkfield -run TestReadme -update`" + `.
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
	counts, flags := map[string]int{},
		map[string]*pflag.Flag{"json": root.PersistentFlags().Lookup("json")}
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
