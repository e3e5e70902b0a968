// Package pkg_test holds what is true of all packages together.
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

// row says what a package may import besides the standard library: packages above it in the table,
// and modules by their path.
type row struct {
	name     string
	packages string // names, or "*" for every package above
	modules  []string
}

// table is ordered from the ground up, so that arrows only go down. A folder without a row may
// import the standard library.
var table = []row{
	{name: "reference"},
	{name: "faults"},
	{name: "safefile"},
	{name: "parallel"},
	{name: "cluster", packages: "safefile"},
	{name: "report", packages: "safefile"},
	{name: "tracking", packages: "safefile report"},
	{name: "filetype"},
	{name: "cosmology", modules: []string{gonum}},
	{name: "responsefit", packages: "cosmology", modules: []string{gonum}},
	{name: "fft", modules: []string{cpu}},
	{name: "field", modules: []string{gonum}},
	{name: "backend/home"},
	{name: "backend/programs", packages: "safefile"},
	{
		name: "backend", packages: "backend/home backend/programs",
		modules: []string{gomlx, compute, xla},
	},
	{name: "nbody", packages: "faults cosmology fft field", modules: []string{gonum, cpu}},
	{name: "npy"},
	{name: "plaintext"},
	{
		name: "camels", packages: "safefile filetype cosmology field npy plaintext",
		modules: []string{yaml},
	},
	{name: "fetch", packages: "safefile camels"},
	{
		name: "suite", packages: "safefile parallel cosmology field nbody camels plaintext",
		modules: []string{gonum, yaml},
	},
	{name: "summary", packages: "parallel fft field", modules: []string{gonum}},
	{name: "likelihood", packages: "cosmology", modules: []string{gonum}},
	{name: "hmc", modules: []string{gonum}},
	{name: "calibration", packages: "cosmology likelihood", modules: []string{gonum}},
	{name: "network", modules: []string{gomlx, compute}},
	{name: "diffusion", packages: "faults", modules: []string{gomlx, compute, gonum}},
	{name: "unet", packages: "faults network diffusion", modules: []string{gomlx, compute}},
	{
		name: "checkpoint", packages: "safefile filetype network unet diffusion cosmology field",
		modules: []string{weights},
	},
	{
		name:     "convert",
		packages: "npy network unet diffusion checkpoint cosmology field camels",
		modules:  []string{weights, pickles},
	},
	{name: "training", packages: "faults safefile backend network unet diffusion checkpoint " +
		"cosmology field tracking plaintext", modules: []string{gomlx, compute, yaml}},
	{
		name: "baseline", packages: "faults responsefit checkpoint cosmology field likelihood summary " +
			"training network unet",
		modules: []string{gomlx, compute, gonum},
	},
	{name: "dataset", packages: "camels checkpoint cosmology diffusion field network " +
		"unet training"},
	{
		name: "emulator", packages: "faults responsefit network unet diffusion checkpoint cosmology " +
			"fft field",
		modules: []string{gomlx, compute, gonum},
	},
	{
		name: "validation", packages: "faults parallel report cosmology fft field nbody camels " +
			"suite summary",
		modules: []string{gonum},
	},
	{
		name: "heldout", packages: "emulator camels cosmology field",
		modules: []string{gonum},
	},
	{name: "heldout/whitenoise", packages: "heldout camels cosmology diffusion field likelihood"},
	{
		name: "evaluate", packages: "faults report responsefit cosmology field camels summary emulator " +
			"heldout", modules: []string{gonum},
	},
	{
		name: "inference", packages: "faults report filetype cosmology field camels diffusion emulator " +
			"likelihood calibration hmc baseline heldout", modules: []string{gonum},
	},
	{
		name: "modelcard", packages: "faults report camels cosmology field unet evaluate",
		modules: []string{gonum},
	},
	{
		name: "figure",
		packages: "safefile cosmology field summary likelihood calibration hmc tracking " +
			"evaluate inference modelcard validation", modules: []string{gonum, plot},
	},
	{name: "preset", packages: "baseline unet diffusion training evaluate inference suite nbody " +
		"cosmology camels validation hmc"},
	{
		name: "verify", packages: "network unet diffusion summary checkpoint field cosmology npy",
		modules: []string{gomlx, compute},
	},
	{name: "notebook", packages: "*", modules: []string{gonbui}},
	{name: "cmd/darkfield", packages: "*", modules: []string{cobra, pflag, progress, yaml}},
	{name: "cmd/bench", packages: "faults safefile report network unet diffusion training " +
		"checkpoint cosmology field camels dataset emulator likelihood preset verify backend " +
		"backend/programs", modules: []string{compute, cpu}},
}

// Besides its own and its row's, any test may import these; where the row has GoMLX, that too.
var testModules = []string{rapid, cmp, script, npyio, gonum}

// Tensors are values on a device: only these packages know them.
var tensorPackages = []string{
	"backend", "network", "unet", "diffusion", "training", "baseline",
	"emulator", "verify",
}

func TestImportTable(t *testing.T) {
	for path, imports := range importsOf(t, ".") {
		name := filepath.ToSlash(filepath.Dir(path))
		test := strings.HasSuffix(path, "_test.go")
		for _, imported := range imports {
			if !allowed(name, imported, test) {
				t.Errorf("pkg/%s imports %s, which the import table does not allow to %s", path, imported, name)
			}
		}
	}
}

// The table itself is checked, so that an edit of it cannot bring in a circle or an arrow upwards.
func TestTableGoesDown(t *testing.T) {
	var above []string
	for _, row := range table {
		for _, name := range strings.Fields(row.packages) {
			if name != "*" && !slices.Contains(above, name) {
				t.Errorf("%s may import %s, which does not stand before it in the table", row.name, name)
			}
		}
		above = append(above, row.name)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		name, imported string
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
		{"evaluate", gonbui, false, false},
		{"evaluate", module + "reference", false, false},
		{"evaluate", module + "reference", true, true},
		{"notebook", module + "figure", false, true},
		{"notebook", module + "cmd/darkfield", false, false},
		{"unknown", module + "field", false, false},
	} {
		if got := allowed(c.name, c.imported, c.test); got != c.want {
			t.Errorf("%s imports %s (test: %v): allowed = %v, want %v", c.name, c.imported,
				c.test, got, c.want)
		}
	}
}

func allowed(name, imported string, test bool) bool {
	first, _, _ := strings.Cut(imported, "/")
	if first != "darkfield" && !strings.Contains(first, ".") {
		return true // the standard library
	}
	i := slices.IndexFunc(table, func(r row) bool { return r.name == name })
	if i < 0 {
		return test && below(imported, testModules)
	}
	modules := table[i].modules
	if below(imported, []string{tensors}) && !slices.Contains(tensorPackages, name) {
		return false
	}
	if other, ours := strings.CutPrefix(imported, module); ours {
		if test && (other == name || other == "reference" || other == "heldout/whitenoise" ||
			other == "backend" &&
				slices.Contains(modules, gomlx)) {
			return true
		}
		if table[i].packages == "*" {
			return slices.ContainsFunc(table[:i], func(r row) bool { return r.name == other })
		}
		return slices.Contains(strings.Fields(table[i].packages), other)
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
