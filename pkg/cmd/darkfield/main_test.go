package main

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"darkfield/pkg/backend"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"darkfield": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScripts runs the command as a process, as users do.
func TestScripts(t *testing.T) {
	plugin, found := backend.Plugin()
	if !found && os.Getenv("CI") == "true" {
		t.Fatal("no XLA plugin: run `make setup`")
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PJRT_PLUGIN_LIBRARY_PATH", filepath.Dir(plugin))
			// Where a script does not say otherwise, the pure-Go backend: it compiles nothing, which
			// for these networks of width 8 is most of what XLA does.
			e.Setenv("GOMLX_BACKEND", "go")
			server := httptest.NewServer(newCMD())
			e.Defer(server.Close)
			e.Setenv("CMD", server.URL)
			fixtures, err := filepath.Abs(filepath.Join("..", "..", "convert", "testdata"))
			e.Setenv("FIXTURES", fixtures)
			return err
		},
		Condition: func(name string) (bool, error) { return name == "plugin" && found, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "unpack": unpack, "grids": grids,
		},
	})
}

// grids writes grids of 10³ voxels for as many Ω_m, whose density is the mean one of dark matter
// but in the first layer along z, where it is half of that, and in the second, where it is one
// and a half: grids FILE OMEGA_M….
func grids(ts *testscript.TestScript, _ bool, args []string) {
	const n = 10
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }\n",
		len(args)-1, n, n, n)
	raw := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
	raw = append(raw, dict...)
	for _, text := range args[1:] {
		omegaM, err := strconv.ParseFloat(text, 64)
		ts.Check(err)
		for voxel := range n * n * n {
			density := (omegaM - 0.049) * 2.7754e11
			switch voxel % n {
			case 0:
				density *= 0.5
			case 1:
				density *= 1.5
			}
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(density)))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// exits runs a command that must end with a status: exits 2 darkfield ….
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if (got == want) == neg {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// unpack writes what a .gz file holds: unpack file.gz file.
func unpack(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(args[0])
	ts.Check(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	ts.Check(err)
	raw, err := io.ReadAll(z)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o600))
}
