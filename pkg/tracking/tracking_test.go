package tracking

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func open(t testing.TB, path string, step int) *Writer {
	t.Helper()
	w, err := Open(path, step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func record(step int) Record {
	return Record{
		Step: step, Time: time.Unix(int64(step), 0).UTC(),
		Values: map[string]float64{Loss: 1 / float64(step+1)},
	}
}

func fill(t testing.TB, w *Writer, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := w.Append(record(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, path string) []Record {
	t.Helper()
	records, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func steps(records []Record) (out []int) {
	for _, r := range records {
		out = append(out, r.Step)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	want := []Record{
		record(1),
		{Step: 2, Time: time.Unix(5, 1e6).UTC(), Values: map[string]float64{
			ValidationMSE: 1e-300,
			LearningRate:  -0.1,
		}},
	}
	w := open(t, path, 0)
	for _, r := range want {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, read(t, path)); diff != "" { // while it is still being written
		t.Error(diff)
	}
}

func TestAppendDates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	before := time.Now().Add(-time.Second)
	if err := open(t, path, 0).Append(Record{Step: 1}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path)[0].Time; got.Before(before) || got.After(time.Now()) {
		t.Errorf("time %v, want now", got)
	}
}

// TestKilledAnywhere cuts the file at any byte, as a kill may, resumes from any step and goes on:
// the records are those of an unbroken run.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(dir, "metrics.jsonl")
		os.Remove(path)
		fill(t, open(t, path, 0), 1, 10)
		whole, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		cut := rapid.IntRange(0, len(whole)).Draw(rt, "bytes left")
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			rt.Fatal(err)
		}
		left := strings.Count(string(whole[:cut]), "\n")
		from := rapid.IntRange(0, left).Draw(rt, "checkpoint")
		fill(t, open(t, path, from), from+1, 10)
		if got, _ := os.ReadFile(path); string(got) != string(whole) {
			rt.Fatalf("after resuming from %d: steps %v", from, steps(read(t, path)))
		}
	})
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.jsonl")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("{\"step\":1}\nnonsense\n{\"step\":3}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"Read": second(Read(path)),
		"Open": second(Open(path, 9)),
	} {
		if err == nil || !strings.Contains(err.Error(), path+" line 2") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of a damaged file: %v, want one line with file and line", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestWriteErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "metrics.jsonl"), 0); err == nil ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("a directory that is a file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	w := open(t, path, 0)
	if err := w.Append(Record{Step: 7, Values: map[string]float64{Loss: math.NaN()}}); err == nil ||
		!strings.Contains(err.Error(), "step 7") {
		t.Errorf("NaN: %v, want an error that names the step", err)
	}
	if got := read(t, path); len(got) != 0 {
		t.Errorf("a refused record was written: %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"step\":1,\"values\":{\"loss\":1}}\n{\"st"))
	f.Add([]byte("\n\n"))
	path := filepath.Join(f.TempDir(), "metrics.jsonl")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		records, err := Read(path)
		if err != nil {
			return
		}
		before := len(records)
		last := 0
		for _, r := range records {
			last = max(last, r.Step)
		}
		w, err := Open(path, last)
		if err != nil {
			return // times that JSON reads but does not write
		}
		w.Close()
		if again, err := Read(path); err != nil || len(again) != before {
			t.Fatalf("%d records became %d: %v", before, len(again), err)
		}
	})
}
