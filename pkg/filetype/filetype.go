// Package filetype recognises the kind of a file by its first bytes, whatever its name, and knows
// which command takes it. It does not read what follows them.
package filetype

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is a kind of file or of directory.
type Kind int

// The kinds. For Unknown and Text files, which are not recognised further, the reader's own error
// is more useful.
const (
	Unknown Kind = iota
	Text
	Empty
	Maps  // .npy of float32 maps
	Grids // .npy of 3-D grids
	Array // any other .npy
	Table // of parameters
	Checkpoint
	Moments // a moment network
	Weights // safetensors without a manifest
	Torch
	NPZ
	Calibration
	Description
	JSON
	Picture
	HDF5
	FITS
	Compressed
	Zip
	Page // of the web
	MapsDir
	RunDir
	CalibrationDir
	Dir
)

// kinds has the name of each kind, and a hint for the user who gave it to a command that does not
// take it.
var kinds = map[Kind]struct{ name, hint string }{
	Unknown: {"of no known kind", "copy it again, or name another file"},
	Text:    {"plain text", "name another file"},
	Empty:   {"empty", "copy or make it again"},
	Maps: {"a .npy file of maps", "`darkfield inspect` and `darkfield spectrum` take it, and " +
		"--map of likelihood and infer"},
	Grids: {"a .npy file of 3-D grids", "`darkfield project` makes maps of it"},
	Array: {"a .npy file, but not of maps", "maps have the shape [maps, side, side]: save it with " +
		"numpy.save(…, a.reshape(-1, side, side))"},
	Table: {"a table of numbers", "`darkfield inspect` takes it; other commands read it beside the " +
		"maps, from their directory"},

	Checkpoint: {"a checkpoint of darkfield", "`darkfield inspect` and `darkfield export` take it, " +
		"and --checkpoint of other commands"},
	Moments: {"a moment network of darkfield", "--baselines of `darkfield calibrate` takes it"},
	Weights: {"a safetensors file without darkfield's manifest", "`darkfield import` makes a " +
		"checkpoint of it"},
	Torch: {"a file of PyTorch", "`darkfield import` makes a checkpoint of weights"},
	NPZ: {"a zip archive of numpy arrays (.npz)", "`darkfield import` takes weights and " +
		"`darkfield dev verify` its reference; save maps with numpy.save"},

	Calibration: {"a calibration", "--calibration of `darkfield infer` takes it"},
	Description: {"a description of maps", "name the directory that it lies in"},
	JSON:        {"a JSON file", "name another file, or make it anew if it was cut short"},
	Picture:     {"a picture", "name the file of the numbers that it shows"},
	HDF5:        {"an HDF5 file", "save its array of maps with numpy.save"},
	FITS:        {"a FITS file", "save its array of maps with numpy.save"},
	Compressed:  {"a compressed file", "unpack it, for example with gunzip"},
	Zip:         {"a zip archive", "unpack it; save one array of a .npz with numpy.save"},
	Page:        {"a web page", "download the file itself"},

	MapsDir: {"a directory of maps", "`darkfield inspect` and --data take it; name one of " +
		"its files"},
	RunDir:         {"a run directory", "--checkpoint takes it, and --run of train and select"},
	CalibrationDir: {"a directory of a calibration", "--calibration of `darkfield infer` takes it"},
	Dir:            {"a directory", "name a file"},
}

// String returns the name of a kind, with its article.
func (k Kind) String() string { return kinds[k].name }

// Type is what a file is, with what its header says.
type Type struct {
	Kind   Kind
	Detail string // e.g. the number of maps; may be empty
}

// String describes the file.
func (t Type) String() string {
	if t.Detail == "" {
		return t.Kind.String()
	}
	return t.Kind.String() + " (" + t.Detail + ")"
}

// Hint returns which command takes such a file, or what to do with it.
func (t Type) Hint() string { return kinds[t.Kind].hint }

// Known reports whether the kind is certain: text may be meant as a table, and unknown bytes may be
// a damaged file of any kind.
func (t Type) Known() bool { return t.Kind != Unknown && t.Kind != Text }

// head is the number of bytes that are read. The header of a checkpoint is longer, but begins with
// the manifest.
const head = 1 << 16

// Of returns the type of the file or directory at path, of which it reads at most 64 KiB. Anything
// else is Unknown: a pipe is not opened, because that could block.
func Of(path string) (Type, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Type{}, err
	}
	if info.IsDir() {
		return Type{Kind: directory(path)}, nil
	}
	if !info.Mode().IsRegular() {
		return Type{Kind: Unknown}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return Type{}, err
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, head))
	if err != nil {
		return Type{}, err
	}
	return of(start, info.Size()), nil
}

// directory returns the kind of a directory by its files.
func directory(path string) Kind {
	has := func(pattern ...string) bool {
		for _, p := range pattern {
			if entries, err := fs.Glob(os.DirFS(path), p); err == nil && len(entries) > 0 {
				return true
			}
		}
		return false
	}
	switch {
	case has("Maps_*.npy", "dataset.yaml", "params_*.txt"):
		return MapsDir
	case has("checkpoints", "stage-1", "config.yaml"):
		return RunDir
	case has("calibration.json"):
		return CalibrationDir
	}
	return Dir
}

// magics are the first bytes of files that need no further look.
var magics = []struct {
	start  string
	kind   Kind
	detail string
}{
	{"\x1f\x8b", Compressed, "gzip"},
	{"BZh", Compressed, "bzip2"},
	{"\xfd7zXZ\x00", Compressed, "xz"},
	{"\x28\xb5\x2f\xfd", Compressed, "zstd"},
	{"\x89HDF\r\n\x1a\n", HDF5, ""},
	{"SIMPLE  =", FITS, ""},
	{"\x89PNG\r\n\x1a\n", Picture, "PNG"},
	{"\xff\xd8\xff", Picture, "JPEG"},
	{"GIF8", Picture, "GIF"},
	{"%PDF-", Picture, "PDF"},
	{"<svg", Picture, "SVG"},
}

// of returns the type of a file of the given size by its first bytes.
func of(start []byte, size int64) Type {
	if len(start) == 0 {
		return Type{Kind: Empty}
	}
	for _, m := range magics {
		if bytes.HasPrefix(start, []byte(m.start)) {
			return Type{m.kind, m.detail}
		}
	}
	switch {
	case bytes.HasPrefix(start, []byte("\x93NUMPY")):
		return array(start)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return archive(start)
	case len(start) > 2 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5:
		return Type{Torch, "a pickle"}
	case len(bytes.Trim(start, "\x00")) == 0:
		return Type{Unknown, "zeros from the start"}
	}
	if t, ok := tensors(start, size); ok {
		return t
	}
	return text(start)
}

var shape = regexp.MustCompile(`["']shape["']\s*:\s*\(([^)]*)\)`)

// array distinguishes maps and grids from other arrays by the shape in the header.
func array(start []byte) Type {
	m := shape.FindSubmatch(start[:min(len(start), 1<<12)])
	if m == nil {
		return Type{Kind: Maps} // damaged: the reader says how
	}
	var dims []string
	for _, d := range strings.Split(string(m[1]), ",") {
		if d = strings.TrimRight(strings.TrimSpace(d), "Ll"); d != "" {
			dims = append(dims, d)
		}
	}
	switch n := len(dims); {
	case n == 4 && dims[1] == dims[2] && dims[2] == dims[3]:
		return Type{Grids, fmt.Sprintf("%s of %s³", dims[0], dims[1])}
	case n == 3:
		return Type{Maps, fmt.Sprintf("%s of %s × %s pixels", dims[0], dims[1], dims[2])}
	}
	return Type{Array, "shape [" + strings.Join(dims, ", ") + "]"}
}

// archive distinguishes zip archives by the name of their first file.
func archive(start []byte) Type {
	if len(start) < 30 {
		return Type{Kind: Zip}
	}
	length := int(binary.LittleEndian.Uint16(start[26:]))
	name := string(start[30:min(len(start), 30+length)])
	switch {
	case strings.HasSuffix(name, ".npy"):
		return Type{Kind: NPZ}
	case strings.HasSuffix(name, "data.pkl") || strings.HasSuffix(name, "/version") ||
		strings.Contains(name, "/data/"):
		return Type{Kind: Torch}
	}
	return Type{Kind: Zip}
}

// tensors recognises safetensors by the length of a JSON header and the header itself.
func tensors(start []byte, size int64) (Type, bool) {
	if len(start) < 10 || start[8] != '{' {
		return Type{}, false
	}
	length := binary.LittleEndian.Uint64(start)
	if length > uint64(size) || length < 2 {
		return Type{}, false
	}
	header := start[8:min(uint64(len(start)), 8+length)]
	var whole struct {
		Metadata map[string]json.RawMessage `json:"__metadata__"`
	}
	known := func(key string) bool {
		if _, ok := whole.Metadata[key]; ok {
			return true
		}
		return bytes.Contains(header, []byte(`"`+key+`":"`))
	}
	_ = json.Unmarshal(header, &whole) // a header longer than what was read is looked through instead
	switch {
	case known("darkfield"):
		return Type{Kind: Checkpoint}, true
	case known("darkfield.baseline"):
		return Type{Kind: Moments}, true
	}
	return Type{Kind: Weights}, true
}

// text distinguishes kinds of text: a web page, JSON, a description, a table of numbers.
func text(start []byte) Type {
	start = bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))
	for cut := 0; cut < utf8.UTFMax && len(start) == head && !utf8.Valid(start); cut++ {
		start = start[:len(start)-1] // the last character may be cut in two
	}
	if !utf8.Valid(start) || bytes.ContainsRune(start, 0) {
		return Type{Kind: Unknown}
	}
	trimmed := bytes.TrimSpace(start)
	lower := bytes.ToLower(trimmed[:min(len(trimmed), 256)])
	switch {
	case len(trimmed) == 0:
		return Type{Empty, "blanks alone"}
	case bytes.HasPrefix(lower, []byte("<!doctype")), bytes.HasPrefix(lower, []byte("<html")),
		bytes.HasPrefix(lower, []byte("<head")):
		return Type{Kind: Page}
	case bytes.HasPrefix(lower, []byte("<?xml")) && bytes.Contains(lower, []byte("<svg")):
		return Type{Picture, "SVG"}
	case trimmed[0] == '{':
		return object(trimmed)
	case described.Match(trimmed):
		return Type{Kind: Description}
	case numbers(string(trimmed)):
		return Type{Kind: Table}
	}
	return Type{Kind: Text}
}

var (
	described   = regexp.MustCompile(`(?m)^(suite|box_side_mpc_h|log_range)\s*:`)
	calibration = regexp.MustCompile(`"temperature"\s*:`)
)

// object distinguishes JSON objects; a description in YAML's flow style begins as one, too.
func object(start []byte) Type {
	switch {
	case calibration.Match(start):
		return Type{Kind: Calibration}
	case bytes.HasPrefix(bytes.TrimSpace(start[1:]), []byte(`"`)):
		return Type{Kind: JSON}
	}
	return Type{Kind: Text}
}

// numbers reports whether the first row that is no comment has at least two numbers, behind a
// name or not.
func numbers(text string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if _, err := strconv.ParseFloat(words[0], 64); err != nil {
			words = words[1:]
		}
		for _, w := range words {
			if _, err := strconv.ParseFloat(w, 64); err != nil {
				return false
			}
		}
		return len(words) >= 2
	}
	return false
}

// Expect returns an error that says what a file is, what was wanted and which command takes it, if
// it is certainly of none of the kinds. It returns nil for a file that is missing or not
// recognised, for which the reader has a better error.
func Expect(path string, wanted ...Kind) error {
	t, err := Of(path)
	if err != nil || !t.Known() {
		return nil //nolint:nilerr // the reader has a better complaint
	}
	names := make([]string, len(wanted))
	for i, k := range wanted {
		if t.Kind == k {
			return nil
		}
		names[i] = k.String()
	}
	return fmt.Errorf("%s is %s, want %s; %s", path, t, strings.Join(names, " or "), t.Hint())
}

// Extension returns the extension of a path in small letters: some systems write .NPY.
func Extension(path string) string { return strings.ToLower(filepath.Ext(path)) }
