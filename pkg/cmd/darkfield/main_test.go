package main

import (
	"compress/gzip"
	"errors"
	"io"
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
			e.Setenv("GOMLX_BACKEND", "")
			server := httptest.NewServer(newCMD())
			e.Defer(server.Close)
			e.Setenv("CMD", server.URL)
			fixtures, err := filepath.Abs(filepath.Join("..", "..", "convert", "testdata"))
			e.Setenv("FIXTURES", fixtures)
			return err
		},
		Condition: func(name string) (bool, error) { return name == "plugin" && found, nil },
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "unpack": unpack},
	})
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
