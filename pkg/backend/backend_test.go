package backend

import (
	"errors"
	"strings"
	"testing"
)

func TestMissingPlugin(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "")
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir())
	_, err := Open()
	if !errors.Is(err, ErrNoPlugin) || !strings.Contains(err.Error(), "make setup") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names the missing plugin and the remedy", err)
	}
}

func TestPureGoNeedsNoPlugin(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir())
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	b.Finalize()
}

func TestUnknownBackend(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "abacus")
	_, err := Open()
	if err == nil || !strings.Contains(err.Error(), "abacus") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names the backend", err)
	}
}

func TestFindsPluginFromBelow(t *testing.T) {
	if got := upwards("/a/b"); len(got) != 3 || got[1] != "/a/.tools/pjrt" {
		t.Errorf("upwards = %v", got)
	}
}
