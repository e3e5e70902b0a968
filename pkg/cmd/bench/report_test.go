package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleReport() report {
	return report{
		machine: machine{
			date: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), processor: "CPU",
			features: []string{"avx2"}, cores: 2, load: "0.1", darkfield: "go1", pytorch: "PyTorch 2",
		},
		ways: []string{plain, "bfloat16"},
		lines: []line{
			{
				dim: 16, what: "forward pass", unit: "s", share: 1,
				series: series{ours: {0.3, 0.3, 0.36}, plain: {0.4, 0.4, 0.4}, "bfloat16": {0.2, 0.2, 0.2}},
			},
			{dim: 64, what: "grid", unit: "s", share: 0.04, series: series{ours: {5}, plain: {100}}},
			{dim: 64, what: "compiling", unit: "s", share: 1, series: series{ours: {12.345}}},
		},
		notes: []string{"A note."},
	}
}

func TestMarkdown(t *testing.T) {
	want := `# darkfield beside PyTorch, 2026-11-26

- CPU (avx2), 2 cores; load average before the run 0.1.
- darkfield: go1.
- PyTorch: PyTorch 2.
- A note.

| width | work | unit | measured | darkfield | PyTorch float32 | PyTorch bfloat16 | darkfield / PyTorch float32 | darkfield / fastest PyTorch |
| ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
| 16 | forward pass | s | all | 0.300 (0.300–0.330) | 0.400 (0.400–0.400) | 0.200 (0.200–0.200) | 0.750 (0.750–0.825) | 1.50 (bfloat16) |
| 64 | grid | s | 1/25 | 5.00 | 100 |  | 0.0500 | 0.0500 (float32) |
| 64 | compiling | s | all | 12.3 |  |  |  |  |
`
	if d := cmp.Diff(want, sampleReport().markdown()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func TestCSV(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(sampleReport().csv()), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want a header and one for each cell that holds anything", len(lines))
	}
	if want := "2026-11-26,16,forward pass,darkfield,s,1,0.3,0.3,0.33,0.3 0.3 0.36"; lines[1] != want {
		t.Errorf("line 1 is %q, want %q", lines[1], want)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00012: "0.0001", 0.01234: "0.0123",
		1.2345: "1.23", 99.96: "100.0", 1234.5: "1234",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %q, want %q", v, got, want)
		}
	}
}

func TestWriteLeavesNothingHalfDone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "a.md")
	if err := write(path, "text"); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "text" {
		t.Errorf("read %q, %v", raw, err)
	}
	if err := write(filepath.Join(path, "b.md"), "text"); err == nil ||
		!strings.Contains(err.Error(), "-out") {
		t.Errorf("error = %v, want one that says what to do", err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "new", "*")); len(found) != 1 {
		t.Errorf("left %v", found)
	}
}
