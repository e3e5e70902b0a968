// Package reference finds, for tests, the reference values and maps in the directory shared beside
// the project. It does not know what they hold. Users do not have them: a test that needs them is
// skipped, but fails with CI=true.
package reference

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns ../shared/elem… seen from the project's root, or ends the test where it does not
// exist.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{filepath.Dir(root(t)), "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: with CI=true the reference files must be beside the project", err)
		}
		t.Skipf("skipped: this test compares with reference files that are not part of the project: %v",
			err)
	}
	return path
}

// root returns the directory of go.mod above the test's working directory.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
