package reference

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// witness stands in for a test and notes how Path ends it. Fatalf and Skipf end by a panic, as
// the real ones end the goroutine.
type witness struct {
	testing.TB
	fatal, skipped bool
}

type ended struct{}

func (w *witness) Helper()               {}
func (w *witness) Fatalf(string, ...any) { w.fatal = true; panic(ended{}) }
func (w *witness) Skipf(string, ...any)  { w.skipped = true; panic(ended{}) }

// path calls Path and returns what it returned, or "".
func path(w *witness, elem ...string) (found string) {
	defer func() {
		if r := recover(); r != nil && r != (ended{}) {
			panic(r)
		}
	}()
	return Path(w, elem...)
}

func TestMissingFilesSkipButFailInCI(t *testing.T) {
	for ci, fatal := range map[string]bool{"": false, "true": true} {
		t.Setenv("CI", ci)
		w := &witness{TB: t}
		if got := path(w, "no such file"); got != "" || w.fatal != fatal || w.skipped == fatal {
			t.Errorf("CI=%q: path %q, failed: %v, skipped: %v", ci, got, w.fatal, w.skipped)
		}
	}
}

// TestPathIsBesideTheProject builds a project with files beside it and asks from deep inside.
func TestPathIsBesideTheProject(t *testing.T) {
	top := t.TempDir()
	inside := filepath.Join(top, "project", "pkg", "room")
	for _, dir := range []string{inside, filepath.Join(top, "shared", "golden")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(top, "project", "go.mod"), []byte("module x\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(inside)
	w := &witness{TB: t}
	if got := path(w, "golden"); !strings.HasSuffix(got, filepath.Join("shared", "golden")) ||
		w.fatal || w.skipped {
		t.Errorf("path %q, failed: %v, skipped: %v", got, w.fatal, w.skipped)
	}
}
