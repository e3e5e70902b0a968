package fetch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/camels"
)

// TestTables: a table is a file of numbers, whatever its status says.
func TestTables(t *testing.T) {
	const table = "params_CV_IllustrisTNG.txt"
	for text, message := range map[string]string{
		"0.3 0.8 1 1 1 1\n0.3 0.8 1 1 1 1\n":   "",
		"  <html><body>Log in</body></html>":   "begins with",
		"Please log in to see this file.\n":    "not what its name says",
		"0.3 0.8 1 1 1 1\n0.3 0.8 1 1 1 1 5\n": "not what its name says",
	} {
		dir := t.TempDir()
		c, _ := quick()
		err := fetchNamed(t, c, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, text)
		}, dir, table)
		left, _ := os.ReadDir(dir)
		if message == "" && (err != nil || len(left) != 1) || message != "" &&
			(err == nil || !strings.Contains(err.Error(), message)) {
			t.Errorf("%.20q: error %v, files %v, want %q", text, err, left, message)
		}
	}
}

func TestPlan(t *testing.T) {
	b := content(t, 15, 1)
	heads := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heads++
		switch {
		case r.Method != http.MethodHead:
			t.Errorf("%s %s, want HEAD only", r.Method, r.URL)
		case strings.Contains(r.URL.Path, "unsaid"):
			w.WriteHeader(http.StatusMethodNotAllowed)
		case strings.Contains(r.URL.Path, "gone"):
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(r.URL.Path, "login"):
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		default:
			serve(w, r, "", b)
		}
	}))
	defer s.Close()
	file := func(name string) File { return File{Name: name, URL: s.URL + "/" + name} }
	dir := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("there.npy", b)
	write("part.npy.partial", b[:77])
	write("part.npy.partial.json", fmt.Appendf(nil, `{"etag":"\"one\"","length":%d}`, len(b)))
	c, _ := quick()
	items, err := c.Plan(context.Background(),
		[]File{file("there.npy"), file("part.npy"), file("new.npy"), file("unsaid.npy")}, dir)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(b))
	for i, want := range []Item{
		{Size: size, Have: size, Complete: true},
		{Size: size, Have: 77},
		{Size: size},
		{Size: -1},
	} {
		if got := items[i]; got.Size != want.Size || got.Have != want.Have ||
			got.Complete != want.Complete {
			t.Errorf("%s: %+v, want %+v", got.Name, got, want)
		}
	}
	if heads != 3 {
		t.Errorf("%d questions to the server, want none about what is complete", heads)
	}
	c.Free = func(string) (uint64, error) { return uint64(2*size - 77), nil }
	if err := c.CheckSpace(items, dir); err != nil {
		t.Error(err)
	}
	c.Free = func(string) (uint64, error) { return uint64(2*size - 78), nil }
	if err := c.CheckSpace(items, dir); err == nil ||
		!strings.Contains(err.Error(), "room for 123.1 kB, the files need 123.1 kB") {
		t.Errorf("error %v, want that the disk is too small", err)
	}
	write("broken.npy", b[:len(b)-1])
	for name, message := range map[string]string{
		"gone.npy": "404 Not Found", "login.npy": "web page",
		"broken.npy": "not whole",
	} {
		if _, err := c.Plan(context.Background(), []File{file(name)}, dir); err == nil ||
			!strings.Contains(err.Error(), message) {
			t.Errorf("%s: error %v, want %q", name, err, message)
		}
	}
}

func TestSelection(t *testing.T) {
	if err := Paper().Validate(); err != nil {
		t.Error(err)
	}
	for message, s := range map[string]Selection{
		`suite "TNG"`:         {Suite: "TNG", Field: "Mcdm", Sets: Paper().Sets},
		`suite "Nbody"`:       {Suite: "Nbody", Field: "Mtot", Sets: Paper().Sets},
		`field "../a"`:        {Suite: "SIMBA", Field: "../a", Sets: Paper().Sets},
		"only Mtot":           {Suite: "Nbody_SIMBA", Field: "Mcdm", Sets: Paper().Sets},
		"no sets":             {Suite: "SIMBA", Field: "Mcdm"},
		`set "SB"`:            {Suite: "SIMBA", Field: "Mcdm", Sets: []camels.Set{"SB"}},
		"named twice":         {Suite: "SIMBA", Field: "Mcdm", Sets: []camels.Set{"LH", "LH"}},
		`address "ftp://a/b"`: {Suite: "SIMBA", Field: "Mcdm", Sets: Paper().Sets, URL: "ftp://a/b"},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("error %v, want %q", err, message)
		}
	}
}
