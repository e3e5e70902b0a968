package notebook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/preset"
)

// project makes a directory that looks like the project's, with files in it, and goes there.
func project(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(files, "go.mod") {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

// TestShipped: figures are made with shipped weights where the preset names them, they are there
// and the maps are the project's own; else with the network that is trained, and a page says why.
func TestShipped(t *testing.T) {
	weights := filepath.Join("data", "pretrained", "fastpm-64.safetensors")
	for name, c := range map[string]struct {
		preset, data string
		files        []string
		want         string // path below the project
		why          []string
	}{
		"shipped": {preset: "quick", files: []string{weights}, want: weights},
		"none there": {preset: "quick", why: []string{
			"no shipped weights " + weights,
			"the network that notebook 2 trains",
		}},
		"own maps": {
			preset: "quick", data: "CMD", files: []string{weights},
			why: []string{
				"fastpm-64.safetensors", "not for your maps",
				"the network that notebook 2 trains",
			},
		},
		"smoke":        {preset: "smoke", files: []string{weights}},
		"long studies": {preset: "standard", files: []string{weights}},
	} {
		dir := project(t, c.files...)
		p, err := preset.Get(c.preset)
		if err != nil {
			t.Fatal(err)
		}
		path, why := (&Session{Preset: p, data: c.data}).shipped()
		want := c.want
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if path != want || (why == "") != (c.why == nil) {
			t.Errorf("%s: %q (%q), want %q", name, path, why, want)
		}
		for _, part := range c.why {
			if !strings.Contains(why, part) {
				t.Errorf("%s: %q does not say %q", name, why, part)
			}
		}
	}
}
