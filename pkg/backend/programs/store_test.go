package programs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPruneKeepsWhatWasUsedLast(t *testing.T) {
	s := &store{dir: t.TempDir(), capacity: 3 * (32 + 10)}
	var paths []string
	for i := range 4 {
		p := s.path(fmt.Append(nil, i))
		paths = append(paths, p)
		if err := s.write(p, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		past := time.Now().Add(time.Duration(i-100) * time.Minute)
		if err := os.Chtimes(p, past, past); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if _, err := s.read(paths[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, want := range []bool{true, false, true, true} {
		if _, err := os.Stat(paths[i]); (err == nil) != want {
			t.Errorf("program %d: there %v, want %v", i, err == nil, want)
		}
	}
}

func TestPathTellsPartsApart(t *testing.T) {
	s := &store{}
	if s.path([]byte("ab"), []byte("c")) == s.path([]byte("a"), []byte("bc")) {
		t.Error("the same path for other parts")
	}
	other := &store{machine: [32]byte{1}}
	if s.path([]byte("ab")) == other.path([]byte("ab")) {
		t.Error("the same path on another machine")
	}
}

func TestDir(t *testing.T) {
	t.Setenv(Variable, "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	for plugin, want := range map[string]string{
		"/p/.tools/pjrt/plugin.so": "/p/.tools/programs",
		"/usr/lib/plugin.so":       filepath.Join("/cache", "darkfield", "programs"),
	} {
		if got := Dir(plugin); got != want {
			t.Errorf("Dir(%s) = %s, want %s", plugin, got, want)
		}
	}
	t.Setenv(Variable, Off)
	if got := Dir("/p/.tools/pjrt/plugin.so"); got != "" {
		t.Errorf("Dir = %q where off, want none", got)
	}
}
