package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/fetch"
)

func (a *app) download() *cobra.Command {
	s := fetch.Paper()
	var sets []string
	var dir string
	var dry bool
	cmd := &cobra.Command{
		Use:   "download",
		Short: "Download maps of the CAMELS Multifield Dataset",
		Long: `Downloads maps at z = 0 and their tables of parameters from the public server of the CAMELS
Multifield Dataset (CMD). The defaults are the paper's files, about 4.6 GB. Files that are complete
are skipped. After a lost connection, Ctrl-C or a kill the same command goes on where it was, unless
the file on the server has changed. A proxy in the environment (HTTPS_PROXY) is used.

To get the files by hand (by Globus, Binder or URL), see
  ` + fetch.Documentation + `
and put them in one directory. Both of these should have the same files:
  ` + fetch.Server + `/SUITE
  ` + fetch.SecondServer + `/SUITE`,
		Example: `  darkfield download --out camels
  darkfield download --out camels --dry-run
  darkfield download --suite SIMBA --sets CV,1P --out simba`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if s.Field == "" {
				s.Field = "Mcdm"
				if strings.HasPrefix(s.Suite, "Nbody") {
					s.Field = "Mtot"
				}
			}
			s.Sets = nil
			for _, set := range sets {
				s.Sets = append(s.Sets, camels.Set(set))
			}
			return s.Validate()
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			return a.downloaded(cmd.Context(), s.Files(), dir, dry)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&s.Suite, "suite", s.Suite, "suite `NAME`: IllustrisTNG, SIMBA or Astrid, or Nbody_ "+
		"and one of these")
	f.StringVar(&s.Field, "field", "", "field `NAME`: Mcdm, Mtot, Mgas and so on; default: Mcdm, "+
		"for Nbody suites Mtot")
	f.StringSliceVar(&sets, "sets", names(s.Sets), "`SETS` to download, some of LH, 1P, CV, EX and BE")
	f.StringVar(&dir, "out", "", "`DIR` to write to")
	f.StringVar(&s.URL, "url", "", "`URL` of the directory that holds the files; default: the "+
		"suite's on the public server")
	f.BoolVar(&dry, "dry-run", false, "only list the files, their addresses and sizes")
	require(cmd, "out")
	return cmd
}

func names(sets []camels.Set) []string {
	var out []string
	for _, s := range sets {
		out = append(out, string(s))
	}
	return out
}

// downloaded fetches files one after the other.
func (a *app) downloaded(ctx context.Context, files []fetch.File, dir string, dry bool) error {
	c := fetch.Default()
	var bar *progress
	c.Notice = func(text string) { bar.note(text) }
	c.Report = func(_ fetch.File, done, all int64) { bar.at(int(done), int(all), "") }
	bar = a.progress("asking for sizes")
	items, err := c.Plan(ctx, files, dir)
	if err != nil {
		return err
	}
	if dry {
		return a.listed(items, dir, "")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	if err := c.CheckSpace(items, dir); err != nil {
		return err
	}
	for i, item := range items {
		bar = a.progress(fmt.Sprintf("%s (%d of %d)", item.Name, i+1, len(items)))
		bar.bytes = true
		err := c.Get(ctx, item)
		bar.done()
		if err != nil {
			return err
		}
		if info, err := os.Stat(item.Path); err == nil {
			items[i].Size, items[i].Have, items[i].Complete = info.Size(), info.Size(), true
		}
	}
	return a.listed(items, dir, "darkfield inspect "+dir)
}

// listed prints files, and what to run next.
func (a *app) listed(items []fetch.Item, dir, next string) error {
	result := map[string]any{"directory": dir, "files": items}
	if next != "" {
		result["next"] = next
	}
	return a.print(result, func(w io.Writer) {
		var total uint64
		for _, item := range items {
			size, state := "size unknown", "missing"
			if item.Size >= 0 {
				size = fetch.Bytes(uint64(item.Size))
				total += uint64(item.Size)
			}
			switch {
			case item.Complete:
				state = "complete"
			case item.Have > 0:
				state = fetch.Bytes(uint64(item.Have)) + " there"
			}
			where := item.Path
			if next == "" {
				where = item.URL
			}
			row(w, where, size, state)
		}
		row(w, "in all", fetch.Bytes(total))
		if next != "" {
			row(w, "next: "+next)
		}
	})
}
