package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/faults"
)

// kindsOf makes a file or directory of every kind in a directory and returns what each is called
// in complaints.
func kindsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	tensors := func(header string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	}
	archive := func(name string) []byte {
		raw := append([]byte("PK\x03\x04"), make([]byte, 26)...)
		raw[26] = byte(len(name))
		return append(append(raw, name...), make([]byte, 100)...)
	}
	files := map[string][]byte{
		"maps.npy":                    good(),
		"grids.npy":                   npyFile("<f4", "False", "2, 4, 4, 4", 512),
		"table.txt":                   []byte(goodTable),
		"check.safetensors":           tensors(`{"__metadata__":{"darkfield":"{}"}}`),
		"moments.safetensors":         tensors(`{"__metadata__":{"darkfield.baseline":"{}"}}`),
		"weights.safetensors":         tensors(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`),
		"weights.pt":                  archive("archive/data.pkl"),
		"arrays.npz":                  archive("a.npy"),
		"calibration.json":            []byte(`{"hash": "", "temperature": 1}`),
		"other.json":                  []byte(`{"a": 1}`),
		"picture.png":                 []byte("\x89PNG\r\n\x1a\n...."),
		"snapshot.hdf5":               []byte("\x89HDF\r\n\x1a\n...."),
		"image.fits":                  []byte("SIMPLE  =                    T"),
		"maps.npy.gz":                 zipped(good()),
		"page.npy":                    []byte("<!DOCTYPE html><html></html>"),
		"empty":                       {},
		"universe/" + corpusTable:     []byte(goodTable),
		"universe/" + corpusMaps:      good(),
		"run/config.yaml":             []byte("training: {}\n"),
		"calibrated/calibration.json": []byte(`{"temperature": 1}`),
		"folder/letter":               []byte("Dear"),
	}
	for name, raw := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{
		"maps.npy":  "a .npy file of maps (45 of 8 × 8 pixels)",
		"grids.npy": "a .npy file of 3-D grids (2 of 4³)", "table.txt": "a table of numbers",
		"check.safetensors":   "a checkpoint of darkfield",
		"moments.safetensors": "a moment network of darkfield",
		"weights.safetensors": "a safetensors file without darkfield's manifest",
		"weights.pt":          "a file of PyTorch",
		"arrays.npz":          "a zip archive of numpy arrays", "calibration.json": "a calibration",
		"other.json":  "a JSON file",
		"picture.png": "a picture (PNG)", "snapshot.hdf5": "an HDF5 file", "image.fits": "a FITS file",
		"maps.npy.gz": "a compressed file (gzip)",
		"page.npy":    "a web page", "empty": "empty", "universe": "a directory of maps",
		"run":        "a run directory",
		"calibrated": "a directory of a calibration", "folder": "a directory",
	}
}

// TestWrongFileForTheCommand: any kind of file given to any command that takes another is said to
// be what it is, in one line that names it and a remedy, and that never calls it truncated.
func TestWrongFileForTheCommand(t *testing.T) {
	dir := t.TempDir()
	kinds := kindsOf(t, dir)
	maps := filepath.Join(dir, "maps.npy")
	directories := []string{"universe", "run", "calibrated", "folder"}
	// of the last two it is said that they hold none
	checkpoints := []string{"check.safetensors", "run", "folder"}
	commands := []struct {
		name  string
		args  []string // FILE stands for the file
		takes []string // kinds that are its own, whose complaints are of another sort, if any
	}{
		{"spectrum", []string{"spectrum", "FILE"}, []string{"maps.npy"}},
		{"infer --map", []string{
			"infer", "--checkpoint", "none", "--calibration", "none", "--map",
			"FILE",
		}, []string{"maps.npy"}},
		{"infer --calibration", []string{
			"infer", "--checkpoint", "none", "--calibration", "FILE",
			"--map", maps,
		}, append([]string{"calibration.json"}, directories...)},
		{"infer --checkpoint", []string{
			"infer", "--checkpoint", "FILE", "--calibration", "none", "--map",
			maps,
		}, checkpoints},
		{"sample", []string{
			"sample", "--checkpoint", "FILE", "--omega-m", "0.3", "--sigma-8", "0.8",
			"--out", filepath.Join(dir, "out.npy"),
		}, checkpoints},
		{"inspect --checkpoint", []string{"inspect", "--checkpoint", "FILE", maps}, checkpoints},
		{"inspect", []string{"inspect", "FILE"}, []string{
			"maps.npy", "table.txt", "check.safetensors",
			"universe", "run", "folder", "calibrated",
		}},
		{"evaluate --data", []string{"evaluate", "--checkpoint", "none", "--data", "FILE"}, directories},
		{"calibrate --data", []string{
			"calibrate", "--checkpoint", "none", "--data", "FILE", "--out",
			dir,
		}, directories},
		{"train --data", []string{
			"train", "--data", "FILE", "--run", filepath.Join(dir, "new"),
			"--preset", "smoke",
		}, directories},
		{"train --init", []string{
			"train", "--data", filepath.Join(dir, "universe"), "--run", filepath.Join(dir, "new"),
			"--preset", "smoke", "--side", "8", "--steps", "1", "--init", "FILE",
		}, []string{"check.safetensors", "universe", "calibrated", "run", "folder"}},
		{
			"import",
			[]string{"import", "FILE", filepath.Join(dir, "out.safetensors")},
			[]string{"weights.safetensors", "weights.pt", "arrays.npz"},
		},
		{
			"export",
			[]string{"export", "FILE", filepath.Join(dir, "out.safetensors")},
			checkpoints,
		},
		{"verify", []string{"dev", "verify", "FILE"}, []string{"arrays.npz"}},
		{
			"project",
			[]string{"project", "FILE", "--out", filepath.Join(dir, "projected")},
			[]string{"grids.npy"},
		},
	}
	cells := 0
	for _, c := range commands {
		for file, kind := range kinds {
			if slices.Contains(c.takes, file) {
				continue
			}
			cells++
			args := slices.Clone(c.args)
			path := filepath.Join(dir, file)
			args[slices.Index(args, "FILE")] = path
			_, err := call(args...)
			switch {
			case err == nil:
				t.Errorf("%s takes %s", c.name, file)
				continue
			case !strings.Contains(err.Error(), path+" is "+kind), !strings.Contains(err.Error(), ", want "),
				!strings.Contains(err.Error(), "; "):
				t.Errorf("%s of %s: %v, want it to say that it is %s and what to do", c.name, file, err, kind)
			}
			if strings.Contains(err.Error(), "truncated") || strings.Contains(faults.OneLine(err), "\n") {
				t.Errorf("%s of %s: %v", c.name, file, err)
			}
		}
	}
	t.Logf("%d kinds × %d commands: %d of another kind", len(kinds), len(commands), cells)
	for _, name := range []string{"out.npy", "out.safetensors", "new", "projected"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// call runs a command line in this process and returns what it printed.
func call(args ...string) (string, error) { return callWithin(context.Background(), args...) }

// callWithin is call in a context: one that is over ends the command where its long work begins.
func callWithin(ctx context.Context, args ...string) (string, error) {
	var out, complaints bytes.Buffer
	a := &app{out: &out, err: &complaints}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return out.String() + complaints.String(), err
}
