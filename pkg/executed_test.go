package pkg_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// notebookFile is what the test reads of a notebook.
type notebookFile struct {
	Cells []struct {
		Source  []string          `json:"source"`
		Outputs []json.RawMessage `json:"outputs"`
	} `json:"cells"`
	Metadata struct {
		Weights map[string]string `json:"darkfield"` // SHA-256 by file of data/pretrained
	} `json:"metadata"`
}

func readNotebook(t *testing.T, path string) (notebookFile, int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var n notebookFile
	if err := json.Unmarshal(raw, &n); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n, len(raw)
}

// TestExecutedNotebooksAreFresh: each executed copy has the cells of its notebook, is at most 1 MB
// and shows the shipped weights. `make executed` makes them.
func TestExecutedNotebooksAreFresh(t *testing.T) {
	const most = 1 << 20
	paths, err := filepath.Glob("../notebooks/executed/*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Skip("there are no executed notebooks: make executed")
	}
	for _, path := range paths {
		executed, size := readNotebook(t, path)
		if size > most {
			t.Errorf("%s has %d bytes, want at most %d", path, size, most)
		}
		source, _ := readNotebook(t, filepath.Join("../notebooks", filepath.Base(path)))
		same := len(source.Cells) == len(executed.Cells)
		for i := 0; same && i < len(source.Cells); i++ {
			linked := strings.ReplaceAll(fmt.Sprint(source.Cells[i].Source), "](executed/", "](")
			same = linked == fmt.Sprint(executed.Cells[i].Source)
		}
		if !same {
			t.Errorf("%s is of other cells than the notebook: make executed", path)
		}
		for name, hash := range executed.Metadata.Weights {
			raw, err := os.ReadFile(filepath.Join("../data/pretrained", name))
			if err != nil || fmt.Sprintf("%x", sha256.Sum256(raw)) != hash {
				t.Errorf("%s shows other weights than data/pretrained/%s: make executed", path, name)
			}
		}
		if len(executed.Metadata.Weights) == 0 {
			t.Errorf("%s does not say which weights it shows: make executed", path)
		}
	}
}
