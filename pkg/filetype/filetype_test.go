package filetype

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npy is the beginning of a .npy file with a header.
func npy(dict string) string {
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(dict)))) +
		dict
}

// tensorFile is a safetensors file with a header.
func tensorFile(header string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header +
		"\x00\x00\x80\x3f"
}

// zipFile is the beginning of an archive whose first file has a name.
func zipFile(name string) string {
	raw := append([]byte("PK\x03\x04"), make([]byte, 26)...)
	binary.LittleEndian.PutUint16(raw[26:], uint16(len(name)))
	return string(raw) + name + "…"
}

// TestOf: files are known by what is in them.
func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    Type
	}{
		"maps": {
			npy("{'descr': '<f4', 'fortran_order': False, 'shape': (15, 8, 8), }"),
			Type{Maps, "15 of 8 × 8 pixels"},
		},
		"maps of an old Python": {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (15L, 8L, " +
			"8L), }"), Type{Maps, "15 of 8 × 8 pixels"}},
		"maps of another writer": {
			npy(`{"shape":(2,4,4),"descr":"<f4","fortran_order":False}`),
			Type{Maps, "2 of 4 × 4 pixels"},
		},
		"maps, cut in the header": {npy("{'descr': '<f4', 'for"), Type{Kind: Maps}},
		"grids": {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 8, 8, " +
			"8), }"), Type{Grids, "2 of 8³"}},
		"a 4-D array of maps": {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 15, 8, " +
			"8), }"), Type{Array, "shape [2, 15, 8, 8]"}},
		"a vector": {
			npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }"),
			Type{Array, "shape [5]"},
		},
		"a number": {
			npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"),
			Type{Array, "shape []"},
		},
		"a table":              {"# Omega_m sigma_8\n0.3 0.8\n", Type{Kind: Table}},
		"a table with names":   {"#Name Om s8\nLH_0 0.3 0.8 5\n", Type{Kind: Table}},
		"a table of Fortran":   {"  3.0E-01 8.0e-1\r\n", Type{Kind: Table}},
		"a table after a mark": {"\ufeff0.3 0.8\n", Type{Kind: Table}},
		"one column":           {"0.3\n0.2\n", Type{Kind: Text}},
		"prose":                {"no array\n", Type{Kind: Text}},
		"a checkpoint": {
			tensorFile(`{"__metadata__":{"darkfield":"{}","sha256":"0"},"w":{}}`), Type{Kind: Checkpoint},
		},
		"a checkpoint's beginning": {
			tensorFile(`{"__metadata__":{"darkfield":"{}"},` + strings.Repeat(" ", 2*head) + "}"),
			Type{Kind: Checkpoint},
		},
		"a moment network": {
			tensorFile(`{"__metadata__":{"darkfield.baseline":"{}"}}`),
			Type{Kind: Moments},
		},
		"weights": {
			tensorFile(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`),
			Type{Kind: Weights},
		},
		"a .pt file":         {zipFile("archive/data.pkl"), Type{Kind: Torch}},
		"a .pt file of old":  {"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", Type{Torch, "a pickle"}},
		"an .npz file":       {zipFile("level.npy"), Type{Kind: NPZ}},
		"a zip archive":      {zipFile("letter.doc"), Type{Kind: Zip}},
		"a zip archive, cut": {"PK\x03\x04", Type{Kind: Zip}},
		"a calibration": {
			"{\n  \"hash\": \"ab\",\n  \"temperature\": 1\n}",
			Type{Kind: Calibration},
		},
		"JSON":                     {`{"a": 1}`, Type{Kind: JSON}},
		"a description":            {"# maps of mine\nsuite: Mine\nunit: K\n", Type{Kind: Description}},
		"PNG":                      {"\x89PNG\r\n\x1a\n....", Type{Picture, "PNG"}},
		"JPEG":                     {"\xff\xd8\xff\xe0....", Type{Picture, "JPEG"}},
		"PDF":                      {"%PDF-1.4\n", Type{Picture, "PDF"}},
		"SVG":                      {`<?xml version="1.0"?><svg/>`, Type{Picture, "SVG"}},
		"HDF5":                     {"\x89HDF\r\n\x1a\n....", Type{Kind: HDF5}},
		"FITS":                     {"SIMPLE  =                    T", Type{Kind: FITS}},
		"gzip":                     {"\x1f\x8b\x08", Type{Compressed, "gzip"}},
		"xz":                       {"\xfd7zXZ\x00", Type{Compressed, "xz"}},
		"a login page":             {"\n<!DOCTYPE html><html>", Type{Kind: Page}},
		"nothing":                  {"", Type{Kind: Empty}},
		"blanks":                   {" \n\n", Type{Empty, "blanks alone"}},
		"zeros":                    {strings.Repeat("\x00", 4096), Type{Unknown, "zeros from the start"}},
		"garbage":                  {"\x91\x02\xff\x00\x33", Type{Kind: Unknown}},
		"half a letter at the end": {strings.Repeat("é", head), Type{Kind: Text}},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Of(path); err != nil || got != c.want {
			t.Errorf("%s: %v (kind %d), %v, want %v (kind %d)", name, got, got.Kind, err,
				c.want, c.want.Kind)
		}
	}
}

// TestDirectories: directories are known by what lies in them.
func TestDirectories(t *testing.T) {
	for file, want := range map[string]Kind{
		"Maps_Mcdm_SIMBA_LH_z=0.00.npy": MapsDir, "dataset.yaml": MapsDir,
		"calibration.json": CalibrationDir,
		"config.yaml":      RunDir, "letter.txt": Dir,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Of(dir); err != nil || got.Kind != want {
			t.Errorf("a directory with %s is %v, %v, want %v", file, got, err, want)
		}
	}
}

// TestExpect: a complaint says what the file is, what was wanted and what takes it; what is not
// surely wrong passes.
func TestExpect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	put := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("0.3 0.8\n")
	want := path + " is a table of numbers, want a .npy file of maps; `darkfield inspect` takes it; " +
		"other commands read it beside the maps, " +
		"from their directory"
	if err := Expect(path, Maps); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Expect(path, Maps, Table); err != nil {
		t.Error(err)
	}
	put("\x91\x02\xff\x00\x33")
	if err := Expect(path, Maps); err != nil {
		t.Errorf("garbage is left to its reader, got %v", err)
	}
	if err := Expect(filepath.Join(path, "none"), Maps); err != nil {
		t.Errorf("a missing file is left to its reader, got %v", err)
	}
	if _, err := Of(path + "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestNames: every kind has a name and a hint.
func TestNames(t *testing.T) {
	for k := Unknown; k <= Dir; k++ {
		if kinds[k].name == "" || kinds[k].hint == "" {
			t.Errorf("kind %d has no name or no hint", k)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{
		npy("{'shape': (1, 2, 2)}"), tensorFile("{}"), zipFile("a.npy"),
		"0.3 0.8\n", "{", "\x80\x02",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := of(raw, int64(len(raw))); got.Kind == Empty &&
			len(bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))) > 0 {
			t.Errorf("%q is empty", raw)
		}
	})
}
