package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rehearsal is a command line of the check in small, with the test binary in PyTorch's place.
func rehearsal(t *testing.T) (args []string, out, work string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fake, "gpu")
	out, work = filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "work")
	return []string{
		"-gpu", "-small", "-backend", "go", "-train-minutes", "0.001", "-out", out, "-work", work,
		"-python", self,
	}, out, work
}

// TestGPUCheck rehearses the check on the backend that needs no plugin: interrupted, it goes on
// with what is left; what cannot be had is a row with its reason; page and CSV hold every part.
func TestGPUCheck(t *testing.T) {
	args, out, work := rehearsal(t)
	o, err := parse(args, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := func() []string {
		files, _ := filepath.Glob(filepath.Join(work, "*-*.json"))
		return files
	}
	go func() {
		for len(done()) < 4 && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	if err := o.checkGPU(ctx, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Fatal("the check was not interrupted")
	}
	made := done()
	if len(made) < 4 || len(made) > 8 {
		t.Fatalf("%d parts are kept: %v", len(made), made)
	}

	other := slices.Concat(args, []string{"-train-minutes", "1"})
	var said, page bytes.Buffer
	if status := run(other, &page, &said); status != 1 ||
		!strings.Contains(said.String(), "unfinished check with other settings") {
		t.Errorf("status %d, said %q: other settings go on with it", status, said.String())
	}

	said.Reset()
	if status := run(args, &page, &said); status != 0 {
		t.Fatalf("status %d: %s", status, said.String())
	}
	for _, file := range made {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.Contains(said.String(), ": "+name+"\n") {
			t.Errorf("%s was made again", name)
		}
	}
	for _, want := range []string{
		"A rehearsal without a GPU",
		"| verify, comparisons that pass |  |  | float32 | 30 |",
		"| verify, comparisons that pass |  |  | bfloat16 | 30 |",
		"| training step, s | 8 | 8 | tf32 | failed |  | 1 |",
		"go has no TF32, which only GPUs of NVIDIA have",
		"| step-8-8-bfloat16-PyTorch | PyTorch: no such kernel |",
		"| step of the paper's preset, s | 8 |  | float32 |",
		"| training-8-0-float32-darkfield | steps in all |",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, page.String())
		}
	}
	files, _ := filepath.Glob(filepath.Join(out, "gpu-*"))
	if len(files) != 2 {
		t.Fatalf("files %v, want a page and a CSV", files)
	}
	if text, err := os.ReadFile(files[1]); err != nil || string(text) != page.String() {
		t.Errorf("%s is not the page: %v", files[1], err)
	}
	table, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	rows, err := csv.NewReader(table).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, row := range rows[1:] {
		seen[row[1]+" "+row[2]]++
		if (row[8] == "") == (row[9] == "") {
			t.Errorf("row %v holds a number and a reason, or neither", row)
		}
	}
	for _, part := range []string{
		"verify darkfield", "step darkfield", "step PyTorch", "maps darkfield", "maps PyTorch",
		"training darkfield",
	} {
		if seen[part] == 0 {
			t.Errorf("the CSV has no row of %s: %v", part, seen)
		}
	}
	if left, _ := os.ReadDir(work); len(left) > 0 {
		t.Errorf("what was kept for an interrupted check is still there: %v", left)
	}
}

// TestGPUCheckWithoutOne: one line says what is missing, and how to rehearse.
func TestGPUCheckWithoutOne(t *testing.T) {
	args, _, work := rehearsal(t)
	args[3] = "xla:cuda"
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir()) // on a machine with a GPU, too
	var said bytes.Buffer
	if status := run(args, &bytes.Buffer{}, &said); status != 1 ||
		strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "no CUDA") ||
		!strings.Contains(said.String(), "-backend xla:cpu -small rehearses") {
		t.Errorf("status %d, said %q", status, said.String())
	}
	if _, err := os.Stat(work); err == nil {
		t.Error("a directory was made")
	}
}

// TestGPUCheckWithoutPyTorch: the page says so, and holds no row of it.
func TestGPUCheckWithoutPyTorch(t *testing.T) {
	c := &gpuCheck{device: "cpu"}
	c.python = "/nowhere/python"
	c.askPyTorch(context.Background())
	if !strings.Contains(c.lacks, "PyTorch was not measured") || strings.Contains(c.lacks, "\n") {
		t.Errorf("it says %q", c.lacks)
	}
}

func TestGPUSides(t *testing.T) {
	for sides, fine := range map[string]bool{
		"64,256": true, "60": false, "": false, "64,": false,
	} {
		o, err := parse([]string{"-gpu", "-sides", sides}, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.gpuSides(); (err == nil) != fine {
			t.Errorf("%q: %v, %v", sides, got, err)
		}
	}
}
