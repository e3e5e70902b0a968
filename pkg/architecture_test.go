// Package pkg_test holds what is true of all rooms together.
package pkg_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "darkfield/pkg/"
	gonum    = "gonum.org/v1/gonum"
	plot     = "gonum.org/v1/plot"
	gomlx    = "github.com/gomlx/gomlx"
	tensors  = "github.com/gomlx/gomlx/core/tensors"
	compute  = "github.com/gomlx/compute"
	xla      = "github.com/gomlx/go-xla"
	npyio    = "github.com/sbinet/npyio"
	yaml     = "github.com/goccy/go-yaml"
	weights  = "github.com/nlpodyssey/safetensors"
	gonbui   = "github.com/janpfeifer/gonb/gonbui"
	cobra    = "github.com/spf13/cobra"
	pflag    = "github.com/spf13/pflag"
	progress = "github.com/schollz/progressbar/v3"
	rapid    = "pgregory.net/rapid"
	cpu      = "golang.org/x/sys/cpu"
	pickles  = "github.com/nlpodyssey/gopickle"
	cmp      = "github.com/google/go-cmp"
	script   = "github.com/rogpeppe/go-internal"
)

// row says what a room may import besides the standard library: rooms above it in the table, and
// modules by their path.
type row struct {
	room    string
	rooms   string // names, or "*" for every room above
	modules []string
}

// table is ordered from the ground up, so that arrows only go down. A folder without a row may
// import the standard library.
var table = []row{
	{room: "reference"},
	{room: "faults"},
	{room: "safefile"},
	{room: "tracking", rooms: "safefile"},
	{room: "filetype"},
	{room: "cosmology", modules: []string{gonum}},
	{room: "responsefit", rooms: "cosmology", modules: []string{gonum}},
	{room: "fft", modules: []string{cpu}},
	{room: "field", modules: []string{gonum}},
	{room: "backend/home"},
	{room: "backend", rooms: "backend/home", modules: []string{gomlx, compute, xla}},
	{room: "nbody", rooms: "faults cosmology fft field", modules: []string{gonum, cpu}},
	{room: "npy"},
	{room: "plaintext"},
	{
		room: "camels", rooms: "safefile filetype cosmology field npy plaintext",
		modules: []string{yaml},
	},
	{room: "fetch", rooms: "safefile camels"},
	{
		room: "suite", rooms: "safefile cosmology field nbody camels plaintext",
		modules: []string{gonum, yaml},
	},
	{room: "summary", rooms: "fft field", modules: []string{gonum}},
	{room: "likelihood", rooms: "cosmology", modules: []string{gonum}},
	{room: "hmc", modules: []string{gonum}},
	{room: "calibration", rooms: "cosmology likelihood", modules: []string{gonum}},
	{room: "unet", rooms: "faults", modules: []string{gomlx, compute}},
	{room: "diffusion", rooms: "faults", modules: []string{gomlx, compute, gonum}},
	{
		room: "checkpoint", rooms: "safefile filetype unet diffusion cosmology field",
		modules: []string{weights},
	},
	{
		room: "convert", rooms: "unet diffusion checkpoint cosmology field camels",
		modules: []string{weights, pickles},
	},
	{room: "training", rooms: "faults safefile backend unet diffusion checkpoint cosmology field " +
		"tracking plaintext", modules: []string{gomlx, compute, yaml}},
	{
		room: "baseline", rooms: "faults responsefit checkpoint cosmology field likelihood summary " +
			"training unet",
		modules: []string{gomlx, compute, gonum},
	},
	{room: "dataset", rooms: "camels checkpoint cosmology diffusion field training unet"},
	{
		room: "emulator", rooms: "responsefit unet diffusion checkpoint cosmology fft field",
		modules: []string{gomlx, compute, gonum},
	},
	{
		room: "validation", rooms: "faults safefile cosmology fft field nbody camels suite summary",
		modules: []string{gonum},
	},
	{room: "study", rooms: "safefile filetype responsefit tracking cosmology field camels summary " +
		"diffusion emulator likelihood calibration hmc baseline", modules: []string{gonum}},
	{room: "figure", rooms: "safefile cosmology field summary likelihood calibration hmc study " +
		"validation", modules: []string{gonum, plot}},
	{room: "preset", rooms: "baseline unet diffusion training study suite nbody cosmology camels " +
		"validation hmc"},
	{
		room: "verify", rooms: "unet diffusion summary checkpoint field cosmology npy",
		modules: []string{gomlx, compute},
	},
	{room: "notebook", rooms: "*", modules: []string{gonbui}},
	{room: "cmd/darkfield", rooms: "*", modules: []string{cobra, pflag, progress, yaml}},
	{room: "cmd/bench", rooms: "safefile unet diffusion training checkpoint cosmology field " +
		"emulator likelihood backend", modules: []string{compute, cpu}},
}

// Besides its own and its row's, any test may import these; where the row has GoMLX, that too.
var testModules = []string{rapid, cmp, script, npyio, gonum}

// Tensors are values on a device: only these rooms know them.
var tensorRooms = []string{
	"backend", "unet", "diffusion", "training", "baseline",
	"emulator", "verify",
}

func TestImportTable(t *testing.T) {
	for path, imports := range importsOf(t, ".") {
		room := filepath.ToSlash(filepath.Dir(path))
		test := strings.HasSuffix(path, "_test.go")
		for _, imported := range imports {
			if !allowed(room, imported, test) {
				t.Errorf("pkg/%s imports %s, which the import table does not allow to %s", path, imported, room)
			}
		}
	}
}

// The table itself is checked, so that an edit of it cannot bring in a circle or an arrow upwards.
func TestTableGoesDown(t *testing.T) {
	var above []string
	for _, row := range table {
		for _, room := range strings.Fields(row.rooms) {
			if room != "*" && !slices.Contains(above, room) {
				t.Errorf("%s may import %s, which does not stand before it in the table", row.room, room)
			}
		}
		above = append(above, row.room)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		room, imported string
		test, want     bool
	}{
		{"fft", "math/bits", false, true},
		{"fft", gonum + "/dsp/fourier", false, false},
		{"fft", gonum + "/dsp/fourier", true, true},
		{"field", plot, false, false},
		{"field", module + "camels", false, false},
		{"camels", module + "field", false, true},
		{"cosmology", gonum + "x", false, false},
		{"checkpoint", tensors, false, false},
		{"emulator", tensors, false, true},
		{"study", gonbui, false, false},
		{"study", module + "reference", false, false},
		{"study", module + "reference", true, true},
		{"notebook", module + "figure", false, true},
		{"notebook", module + "cmd/darkfield", false, false},
		{"unknown", module + "field", false, false},
	} {
		if got := allowed(c.room, c.imported, c.test); got != c.want {
			t.Errorf("%s imports %s (test: %v): allowed = %v, want %v", c.room, c.imported,
				c.test, got, c.want)
		}
	}
}

func allowed(room, imported string, test bool) bool {
	first, _, _ := strings.Cut(imported, "/")
	if first != "darkfield" && !strings.Contains(first, ".") {
		return true // the standard library
	}
	i := slices.IndexFunc(table, func(r row) bool { return r.room == room })
	if i < 0 {
		return test && below(imported, testModules)
	}
	modules := table[i].modules
	if below(imported, []string{tensors}) && !slices.Contains(tensorRooms, room) {
		return false
	}
	if other, ours := strings.CutPrefix(imported, module); ours {
		if test && (other == room || other == "reference" || other == "backend" &&
			slices.Contains(modules, gomlx)) {
			return true
		}
		if table[i].rooms == "*" {
			return slices.ContainsFunc(table[:i], func(r row) bool { return r.room == other })
		}
		return slices.Contains(strings.Fields(table[i].rooms), other)
	}
	return below(imported, modules) || test && below(imported, testModules)
}

// below reports whether an import path is one of the modules or lies in one.
func below(imported string, modules []string) bool {
	return slices.ContainsFunc(modules,
		func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
}

// importsOf returns what every Go file below dir imports, by its path.
func importsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[name] = nil
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[name] = append(found[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
