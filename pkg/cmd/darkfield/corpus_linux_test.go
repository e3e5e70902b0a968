package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
)

// What every broken file has to end within.
const (
	corpusPatience = 2 * time.Second
	corpusMemory   = 300_000 // kB
)

const (
	corpusMaps  = "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy"
	corpusTable = "params_LH_IllustrisTNG.txt"
	corpusYAML  = "dataset.yaml"
)

// npyFile returns a .npy file of 1e10 with any header; the data have the size that is asked for,
// whatever the header says.
func npyFile(descr, fortran, shape string, size int) []byte {
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, fortran, shape)
	dict += strings.Repeat(" ", 63-(10+len(dict))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
	return append(append(out, dict...), bytes.Repeat([]byte{0xf9, 0x02, 0x15, 0x50}, size/4)...)
}

// good is a file of three simulations of 8² maps.
func good() []byte { return npyFile("<f4", "False", "45, 8, 8", 45*256) }

const goodTable = "0.3 0.8 1 1 1 1\n0.2 0.9 1 1 1 1\n0.4 0.7 1 1 1 1\n"

// pixel returns good maps with one other pixel: (y=2, x=3) of map 40.
func pixel(v float64) []byte {
	raw := good()
	binary.LittleEndian.PutUint32(raw[len(raw)-45*256+40*256+4*(2*8+3):], math.Float32bits(float32(v)))
	return raw
}

func zipped(raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.Bytes()
}

func utf16Text(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// garbage is what a damaged disk may hold: all bytes, in no order.
func garbage(n int) []byte {
	out := make([]byte, n)
	state := uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = byte(state >> 24)
	}
	return out
}

// broken is a case of the corpus: what is put into a directory that is good otherwise, and what
// the complaint has to say.
type broken struct {
	name  string
	files map[string][]byte // contents; nil: the file is missing
	make  func(dir string) error
	args  []string // default: inspect the directory; DIR stands for it
	want  []string

	nobody bool // root reads everything
}

func withMaps(raw []byte) map[string][]byte { return map[string][]byte{corpusMaps: raw} }

func withTable(text string) map[string][]byte {
	return map[string][]byte{corpusTable: []byte(text)}
}

func withDescription(text string) map[string][]byte {
	return map[string][]byte{corpusYAML: []byte(text)}
}

// sparse makes a file of any length that starts with head.
func sparse(name string, head []byte, size int64) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.WriteFile(path, head, 0o644), os.Truncate(path, size))
	}
}

// instead puts something else in the place of a file.
func instead(name string, do func(path string) error) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.Remove(path), do(path))
	}
}

var corpus = []broken{
	// maps
	{
		name: "truncated maps", files: withMaps(good()[:len(good())-100]),
		want: []string{corpusMaps, "11420 bytes", "copy it again"},
	},
	{
		name: "more bytes than announced", files: withMaps(append(good(), 0, 0, 0, 0)),
		want: []string{corpusMaps, "11524 bytes", "[45 8 8]"},
	},
	{
		name: "truncated header", files: withMaps(good()[:40]),
		want: []string{corpusMaps, "needs 128 bytes, 40 bytes are there", "copy it again"},
	},
	{
		name: "cut in the magic bytes", files: withMaps(good()[:4]),
		want: []string{corpusMaps, "not a .npy file"},
	},
	{
		name: "wrong magic", files: withMaps(append([]byte("NUMPY!"), good()[6:]...)),
		want: []string{corpusMaps, "not a .npy file", "no known kind", "copy it again"},
	},
	{name: "empty maps", files: withMaps([]byte{}), want: []string{corpusMaps, "not a .npy file"}},
	{
		name:  "huge announced header",
		files: withMaps([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f{'descr'")),
		want:  []string{corpusMaps, "2147483647 bytes"},
	},
	{
		name: "garbage in the header",
		files: withMaps(append(append([]byte("\x93NUMPY\x01\x00\x76\x00"), garbage(118)...),
			good()[128:]...)), want: []string{corpusMaps, "header", "copy it again"},
	},
	{
		name: "float64", files: withMaps(npyFile("<f8", "False", "45, 8, 8", 45*512)),
		want: []string{corpusMaps, `"<f8"`, `astype("<f4")`},
	},
	{
		name: "integers", files: withMaps(npyFile("<i4", "False", "45, 8, 8", 45*256)),
		want: []string{corpusMaps, `"<i4"`, "float32"},
	},
	{
		name: "pickled objects", files: withMaps(npyFile("|O", "False", "45, 8, 8", 45*256)),
		want: []string{corpusMaps, `"|O"`, "float32"},
	},
	{
		name: "big endian", files: withMaps(npyFile(">f4", "False", "45, 8, 8", 45*256)),
		want: []string{corpusMaps, `">f4"`, `astype("<f4")`},
	},
	{
		name: "Fortran order", files: withMaps(npyFile("<f4", "True", "45, 8, 8", 45*256)),
		want: []string{corpusMaps, "ascontiguousarray"},
	},
	{
		name: "2-D", files: withMaps(npyFile("<f4", "False", "45, 64", 45*256)),
		want: []string{corpusMaps, "[45 64]", "reshape"},
	},
	{
		name: "4-D", files: withMaps(npyFile("<f4", "False", "3, 15, 8, 8", 45*256)),
		want: []string{corpusMaps, "[3 15 8 8]", "reshape"},
	},
	{
		name: "no maps", files: withMaps(npyFile("<f4", "False", "0, 8, 8", 0)),
		want: []string{corpusMaps, "[0 8 8]", "at least one"},
	},
	{
		name: "not square", files: withMaps(npyFile("<f4", "False", "45, 8, 4", 45*128)),
		want: []string{corpusMaps, "[45 8 4]", "square"},
	},
	{
		name: "negative shape", files: withMaps(npyFile("<f4", "False", "45, -8, -8", 45*256)),
		want: []string{corpusMaps, "a length >= 0", `"-8"`},
	},
	{
		name:  "a shape that overflows",
		files: withMaps(npyFile("<f4", "False", "4611686018427387904, 4, 4", 64)),
		want:  []string{corpusMaps, "4611686018427387904"},
	},
	{
		name:  "a shape beyond 64 bits",
		files: withMaps(npyFile("<f4", "False", "99999999999999999999999, 4, 4", 64)),
		want:  []string{corpusMaps, "copy it again"},
	},
	{
		name: "lies about its size", files: withMaps(npyFile("<f4", "False", "15000, 256, 256", 4096)),
		want: []string{corpusMaps, "4096 bytes", "[15000 256 256]"},
	},
	{name: "one enormous map", make: sparse(corpusMaps, npyFile("<f4", "False", "1, 60000, 60000", 0),
		128+4*60000*60000), want: []string{corpusMaps, "60000 pixels", "at most 2048"}},
	{
		name: "large maps of zeros",
		make: sparse(corpusMaps, npyFile("<f4", "False", "45, 2048, 2048", 0), 128+45*4*2048*2048),
		want: []string{corpusMaps, "map 0", "all its pixels are 0"},
	},
	{
		name: "no multiple of 15", files: withMaps(npyFile("<f4", "False", "44, 8, 8", 44*256)),
		want: []string{corpusMaps, "44 maps", "multiple of 15"},
	},
	{
		name: "NaN", files: withMaps(pixel(math.NaN())),
		want: []string{corpusMaps, "map 40", "(y=2, x=3) is NaN", "remove that simulation"},
	},
	{
		name: "infinity", files: withMaps(pixel(math.Inf(1))),
		want: []string{corpusMaps, "map 40", "(y=2, x=3) is +Inf", "remove that simulation"},
	},
	{name: "zero", files: withMaps(pixel(0)), want: []string{
		corpusMaps, "map 40", "(y=2, x=3) is 0",
		"offset: 1",
	}},
	{
		name: "negative", files: withMaps(pixel(-2)),
		want: []string{corpusMaps, "map 40", "(y=2, x=3) is -2", "remove that simulation"},
	},
	{name: "gzip", files: withMaps(zipped(good())), want: []string{corpusMaps, "gunzip"}},
	{
		name: "npz", files: withMaps(append([]byte("PK\x03\x04"), garbage(3000)...)),
		want: []string{corpusMaps, ".npz", "numpy.save"},
	},
	{name: "a web page", files: withMaps([]byte("<!DOCTYPE html><html><body>404 Not " +
		"Found</body></html>")), want: []string{corpusMaps, "web page", "download"}},
	{
		name: "a directory instead of maps",
		make: instead(corpusMaps, func(p string) error { return os.Mkdir(p, 0o755) }),
		want: []string{corpusMaps, "a directory", "replace it"},
	},
	{
		name: "a dangling link",
		make: instead(corpusMaps, func(p string) error { return os.Symlink("nowhere", p) }),
		want: []string{corpusMaps, "no such file", "name a file that is there"},
	},
	{
		name: "a link to itself",
		make: instead(corpusMaps, func(p string) error { return os.Symlink(corpusMaps, p) }),
		want: []string{corpusMaps, "too many"},
	},
	{
		name: "a pipe",
		make: instead(corpusMaps, func(p string) error { return syscall.Mkfifo(p, 0o644) }),
		want: []string{corpusMaps, "no regular file"},
	},
	{
		name: "endless",
		make: instead(corpusTable, func(p string) error { return os.Symlink("/dev/zero", p) }),
		want: []string{corpusTable, "no regular file"},
	},
	{
		name: "no right to read",
		make: func(dir string) error { return os.Chmod(filepath.Join(dir, corpusMaps), 0) }, nobody: true,
		want: []string{corpusMaps, "permission denied", "chmod"},
	},

	// tables
	{
		name: "no table", files: map[string][]byte{corpusTable: nil},
		want: []string{corpusTable, "params_IllustrisTNG.txt", "put it beside them"},
	},
	{
		name: "too few rows", files: withTable(goodTable[:16]),
		want: []string{corpusTable, "1 rows", "3 simulations"},
	},
	{
		name: "too many rows", files: withTable(goodTable + goodTable),
		want: []string{corpusTable, "6 rows", "3 simulations"},
	},
	{
		name: "far too many rows", files: withTable(strings.Repeat("0.3 0.8\n", 1<<17)),
		want: []string{corpusTable, "131072 rows"},
	},
	{
		name: "a table of 1 GB", make: sparse(corpusTable, []byte(goodTable), 1<<30),
		want: []string{corpusTable, "1073741824 bytes"},
	},
	{
		name: "words", files: withTable("0.3 0.8\n0.2 high\n0.4 0.7\n"),
		want: []string{corpusTable, "line 2 column 2", `"high"`},
	},
	{
		name: "NaN in the table", files: withTable("0.3 0.8\n0.2 nan\n0.4 0.7\n"),
		want: []string{corpusTable, "line 2 column 2", `"nan"`, "finite"},
	},
	{
		name: "a number too large", files: withTable("0.3 0.8\n0.2 1e999\n0.4 0.7\n"),
		want: []string{corpusTable, "line 2 column 2", `"1e999"`},
	},
	{
		name: "one column", files: withTable("0.3\n0.2\n0.4\n"),
		want: []string{corpusTable, "line 1", "at least 2"},
	},
	{
		name: "decimal commas", files: withTable("0,3 0,8\n0,2 0,9\n0,4 0,7\n"),
		want: []string{corpusTable, "line 1", "0.3 instead of 0,3"},
	},
	{
		name: "ragged rows", files: withTable("0.3 0.8 1\n0.2 0.9\n0.4 0.7 1\n"),
		want: []string{corpusTable, "line 2", "2 columns", "3"},
	},
	{
		name: "a name among numbers", files: withTable("0.3 0.8 1\nLH_1 0.9 1\n0.4 0.7 1\n"),
		want: []string{corpusTable, "line 2", `"LH_1"`},
	},
	{
		name: "outside the prior", files: withTable("0.3 0.8\n0.2 1.3\n0.4 0.7\n"),
		want: []string{corpusTable, "row 1", "σ_8 = 1.3", "[0.6, 1]", "remove"},
	},
	{name: "an empty table", files: withTable(""), want: []string{corpusTable, "no rows"}},
	{
		name: "garbage in the table", files: map[string][]byte{corpusTable: garbage(5000)},
		want: []string{corpusTable, "line 1", "no plain text"},
	},
	{
		name: "a very long line", files: withTable("0.3 0.8 " + strings.Repeat("1 ", 1<<20) + "\n"),
		want: []string{corpusTable, "line 1", "more than 65536 columns"},
	},
	{
		name:  "UTF-16 without a byte order mark",
		files: map[string][]byte{corpusTable: utf16Text(goodTable)[2:]},
		want:  []string{corpusTable, "line 1", "UTF-8"},
	},
	{
		name: "a directory instead of a table",
		make: instead(corpusTable, func(p string) error { return os.Mkdir(p, 0o755) }),
		want: []string{corpusTable, "a directory"},
	},

	// descriptions
	{
		name: "a description that is no YAML", files: withDescription("suite: [unclosed\n"),
		want: []string{corpusYAML, "it should look like"},
	},
	{
		name: "an unknown key", files: withDescription("suite: IllustrisTNG\ncolour: red\n"),
		want: []string{corpusYAML, "colour", "it should look like"},
	},
	{
		name: "another suite described", files: withDescription("suite: SIMBA\n"),
		want: []string{corpusYAML, "SIMBA", "IllustrisTNG", "correct"},
	},
	{
		name: "a word for a number", files: withDescription("box_side_mpc_h: wide\n"),
		want: []string{corpusYAML, "wide", "it should look like"},
	},
	{
		name: "no length", files: withDescription("box_side_mpc_h: .nan\n"),
		want: []string{corpusYAML, "box_side_mpc_h = NaN"},
	},
	{
		name: "a range upside down", files: withDescription("log_range: [3, 1]\n"),
		want: []string{corpusYAML, "log_range = [3 1]"},
	},
	{
		name: "three limits", files: withDescription("log_range: [1, 2, 3]\n"),
		want: []string{corpusYAML, "list that is too long", "it should look like"},
	},
	{
		name: "a negative offset", files: withDescription("offset: -1\n"),
		want: []string{corpusYAML, "offset = -1"},
	},
	{
		name: "garbage for a description", files: map[string][]byte{corpusYAML: garbage(3000)},
		want: []string{corpusYAML, "it should look like"},
	},
	{
		name: "aliases that grow", files: withDescription("suite: &a [x,x,x,x,x,x,x,x,x]\nb: &b " +
			"[*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d " +
			"[*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f " +
			"[*e,*e,*e,*e,*e,*e,*e,*e]\nunit: [*f,*f,*f,*f,*f,*f,*f,*f]\n"),
		want: []string{corpusYAML, "alias"},
	},
	{
		name: "brackets without end", files: withDescription(strings.Repeat("[", 4000)),
		want: []string{corpusYAML},
	},
	{
		name: "a description of 1 MB", files: withDescription(strings.Repeat("#", 1<<20)),
		want: []string{corpusYAML, "1048576 bytes"},
	},

	// directories
	{
		name: "two redshifts", files: map[string][]byte{"Maps_Mcdm_IllustrisTNG_LH_z=0.50.npy": good()},
		want: []string{"z=0.00", "z=0.50", "another directory"},
	},
	{
		name: "two suites", files: map[string][]byte{"Maps_Mcdm_SIMBA_LH_z=0.00.npy": good()},
		want: []string{"Mcdm of IllustrisTNG, Mcdm of SIMBA", "--suite"},
	},
	{
		name: "two fields", files: map[string][]byte{"Maps_Mgas_IllustrisTNG_LH_z=0.00.npy": good()},
		want: []string{"Mcdm of IllustrisTNG, Mgas of IllustrisTNG", "--field"},
	},
	{
		name: "sets of two sides",
		files: map[string][]byte{"Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy": npyFile("<f4", "False",
			"15, 4, 4", 15*64), "params_CV_IllustrisTNG.txt": []byte("0.3 0.8\n")},
		want: []string{"4 pixels", "8", "one side"},
	},
	{
		name: "no such field", args: []string{"inspect", "DIR", "--field", "Mgas"},
		want: []string{"Mgas", "DIR"},
	},
	{
		name: "no such directory", args: []string{"inspect", "DIR/nowhere"},
		want: []string{"nowhere", "no such file", "name a directory"},
	},
	{
		name: "nothing in it",
		make: func(dir string) error { return os.Remove(filepath.Join(dir, corpusMaps)) },
		want: []string{"DIR", "darkfield simulate"},
	},

	// files by themselves, and other commands
	{
		name: "maps alone", files: withMaps(npyFile("<f8", "False", "45, 8, 8", 45*512)),
		args: []string{"inspect", "DIR/" + corpusMaps}, want: []string{corpusMaps, `"<f8"`},
	},
	{
		name: "a table alone", files: withTable("0.3 0.8\n0.2 high\n"),
		args: []string{"inspect", "DIR/" + corpusTable}, want: []string{corpusTable, "line 2 column 2"},
	},
	{
		name: "training from truncated maps", files: withMaps(good()[:1000]), args: train,
		want: []string{corpusMaps, "copy it again"},
	},
	{
		name: "training from a broken table", files: withTable("0.3 0.8\n0.2 high\n0.4 0.7\n"),
		args: train, want: []string{corpusTable, "line 2 column 2"},
	},
	{
		name: "training from a broken description", files: withDescription("log_range: [3, 1]\n"),
		args: train, want: []string{corpusYAML, "log_range"},
	},
	{
		name:  "training from a bad pixel of an unknown range",
		files: map[string][]byte{corpusMaps: pixel(0), corpusYAML: []byte("log_range: [0, 0]\n")},
		args:  train, want: []string{corpusMaps, "map 40", "offset: 1"},
	},
	{
		name: "training from nothing but ones", files: withDescription("log_range: [0, 0]\n"),
		args: train, want: []string{corpusMaps, "nothing to learn"},
	},
	{
		name: "training at a side that does not divide",
		args: append(train[:len(train):len(train)], "--side", "16"),
		want: []string{corpusMaps, "averaged to 16", "divisor"},
	},
	{
		name: "a spectrum of truncated maps", files: withMaps(good()[:1000]),
		args: []string{"spectrum", "DIR/" + corpusMaps}, want: []string{corpusMaps, "copy it again"},
	},
}

var train = []string{
	"train", "--data", "DIR", "--run", "DIR/run", "--preset", "smoke", "--side",
	"8", "--steps", "1",
}

// TestBrokenFiles: every broken file ends the command with 1 and one line that names the file,
// what is wrong and what to do, soon and in little memory.
func TestBrokenFiles(t *testing.T) {
	slowest, largest := time.Duration(0), int64(0)
	for _, c := range corpus {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.lay(t, dir)
			stderr, took, memory := runBroken(t, dir, c)
			slowest, largest = max(slowest, took), max(largest, memory)
			if lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n"); len(lines) != 1 ||
				!strings.HasPrefix(stderr, "darkfield: ") || len(stderr) > 1000 {
				t.Errorf("want one short line that starts with darkfield:, got %q", stderr)
			}
			for _, w := range c.want {
				if w = strings.ReplaceAll(w, "DIR", dir); !strings.Contains(stderr, w) {
					t.Errorf("%q does not say %q", stderr, w)
				}
			}
			if memory > corpusMemory {
				t.Errorf("it took %d kB, want at most %d", memory, corpusMemory)
			}
			if testing.Verbose() {
				t.Logf("%v, %d MB: %s", took.Round(time.Millisecond), memory/1000, stderr)
			}
		})
	}
	t.Logf("%d cases; the slowest took %v, the largest %d kB", len(corpus),
		slowest.Round(time.Millisecond), largest)
}

// lay makes the directory of a case.
func (c broken) lay(t *testing.T, dir string) {
	t.Helper()
	files := map[string][]byte{corpusMaps: good(), corpusTable: []byte(goodTable)}
	for name, raw := range c.files {
		files[name] = raw
	}
	for name, raw := range files {
		if raw == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c.make != nil {
		if err := c.make(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// runBroken runs the command of a case as a process. It returns what it complained about, how
// long it took and its peak memory in kB.
func runBroken(t *testing.T, dir string,
	c broken,
) (stderr string, took time.Duration, memory int64) {
	t.Helper()
	args := c.args
	if args == nil {
		args = []string{"inspect", "DIR"}
	}
	program, err := exec.LookPath("darkfield") // which testscript puts there
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), corpusPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	for _, a := range args {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(a, "DIR", dir))
	}
	if c.nobody {
		asNobody(t, cmd, dir)
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	start := time.Now()
	err = cmd.Run()
	took = time.Since(start)
	if ctx.Err() != nil {
		t.Fatalf("it did not end within %v; it said %q", corpusPatience, complaint.String())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != failed {
		t.Fatalf("it ended with %v, want exit status 1; it said %q and printed %q", err,
			complaint.String(), out.String())
	}
	if out.Len() != 0 {
		t.Errorf("it printed %q", out.String())
	}
	return complaint.String(), took, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}

// asNobody takes root's rights from a command. The program is handed over open, since only root
// may reach it where it lies.
func asNobody(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	f, err := os.Open(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	cmd.ExtraFiles, cmd.Path = []*os.File{f}, "/proc/self/fd/3"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
