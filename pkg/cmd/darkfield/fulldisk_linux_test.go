package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// disk is a small file system of its own.
type disk struct{ dir string }

// newDisk mounts one that holds some bytes.
func newDisk(t *testing.T, size string) disk {
	t.Helper()
	d := disk{t.TempDir()}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a full disk needs the right to mount a small one, as root has: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fill takes all that is free but some bytes. What was full stays full: it may be called under a
// process that writes.
func (d disk) fill(t *testing.T, but int64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free := int64(1) << 40
	if but > 0 {
		free = d.free(t) - but
	}
	if _, err := io.CopyN(f, zeros{}, free); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func (d disk) free(t *testing.T) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// empty frees what fill took.
func (d disk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "filler")); err != nil {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// full is what every complaint about a full disk has to say.
var full = []string{"no space left on device", "the disk is full: free some space there and run " +
	"the same command again"}

// onFullDisk fills the disk under a training, and before it goes on leaves room for less than it
// has to write: it says what to do, keeps its last checkpoint, and with space again ends with the
// bytes of an unbroken run.
func (r tiny) onFullDisk(t *testing.T) {
	d := newDisk(t, "64m")
	run := filepath.Join(d.dir, "r")
	latest := filepath.Join(run, "checkpoints", "latest.safetensors")
	p := r.train(t, run)
	if !p.until(func() bool { _, err := os.Stat(latest); return err == nil }) {
		t.Fatal(p.errors.String())
	}
	d.fill(t, 0)
	p.fails(t, append(full, filepath.Join(run, "checkpoints")+string(filepath.Separator),
		"goes on from step ")...)
	kept := files(t, filepath.Join(run, "checkpoints"))["latest.safetensors"]
	info, err := os.Stat(latest)
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	for _, c := range []struct {
		room int64
		want string // what it cannot write
	}{
		{0, filepath.Join(run, "metrics.jsonl")},
		{size / 4, filepath.Join(run, "checkpoints", "step-")}, // half as large as latest
		{size * 3 / 4, latest},
	} {
		d.empty(t)
		d.fill(t, c.room)
		r.train(t, run).fails(t, append(full, "write "+c.want)...)
		if left := partials(t, filepath.Join(run, "checkpoints")); len(left) > 0 {
			t.Errorf("room for %d bytes: left behind: %v", c.room, left)
		}
		if files(t, filepath.Join(run, "checkpoints"))["latest.safetensors"] != kept {
			t.Fatalf("room for %d bytes: the checkpoint that the run goes on from changed", c.room)
		}
	}
	d.empty(t)
	r.train(t, run).finish(t)
	sameTraining(t, outcomeOf(t, run), r.want)
}

// interruptedOnFullDisk: whoever interrupts a training that cannot save is not told that it has.
func (r tiny) interruptedOnFullDisk(t *testing.T) {
	d := newDisk(t, "1m")
	run := filepath.Join(d.dir, "r")
	p := start(t, "train", "--data", r.data, "--run", run, "--preset", "smoke", "--batch", "1",
		"--steps", "1000", "--checkpoint-every", "1000")
	metrics := training.MetricsPath(run)
	if !p.until(func() bool { records, _ := tracking.Read(metrics); return len(records) > 0 }) {
		t.Fatal(p.errors.String())
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.fails(t, append(full, "interrupted, and the steps since 0 are lost", "begins anew")...)
}

// sampledToFullDisk: no file of maps is left that is not whole, and one that was there stays.
func (r tiny) sampledToFullDisk(t *testing.T) {
	d := newDisk(t, "64k")
	out := filepath.Join(d.dir, "maps.npy")
	sample := func(n string) *process {
		return start(t, "sample", "--checkpoint", r.run, "--omega-m", "0.3", "--sigma-8", "0.8", "-n", n,
			"--sampler-steps", "1", "--chunk", "2", "--out", out)
	}
	sample("1").finish(t)
	before := files(t, d.dir)
	d.fill(t, 4096)
	sample("2").fails(t, append(full, out)...)
	d.empty(t)
	sameFiles(t, files(t, d.dir), before)
}

// TestMetricsOnFullDisk: the line that a full disk cuts short does not stand in the way of the
// run that goes on.
func TestMetricsOnFullDisk(t *testing.T) {
	d := newDisk(t, "64k")
	path := filepath.Join(d.dir, "metrics.jsonl")
	record := func(n int) tracking.Record {
		return tracking.Record{Step: n, Values: map[string]float64{tracking.Loss: 1 / float64(n)}}
	}
	w, err := tracking.Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.fill(t, 4096)
	n := 1
	for ; err == nil; n++ {
		err = w.Append(record(n))
	}
	w.Close()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Fatalf("after %d records: %v, want a full disk that names %s", n, err, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil || strings.HasSuffix(string(raw), "\n") {
		t.Fatalf("no line is cut short (%v): the test shows nothing", err)
	}
	if _, err := tracking.Open(path, n); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("still full: %v", err)
	}
	d.empty(t)
	if w, err = tracking.Open(path, n/2); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var want, got []int
	for m := 1; m <= n+5; m++ {
		want = append(want, m)
		if m > n/2 {
			if err := w.Append(record(m)); err != nil {
				t.Fatal(err)
			}
		}
	}
	records, err := tracking.Read(path)
	for _, r := range records {
		got = append(got, r.Step)
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// TestSimulateOnFullDisk: universes that were made stay, and the same command makes the rest.
func TestSimulateOnFullDisk(t *testing.T) {
	unbroken := t.TempDir()
	simulate(t, unbroken, "1").finish(t)
	d := newDisk(t, "2m")
	out := filepath.Join(d.dir, "u")
	// for nothing, for some of 12 universes of 15 kB, and for not all once more in one file
	for _, room := range []int64{0, 60_000, 250_000} {
		d.fill(t, room)
		simulate(t, out, "2").fails(t, append(full, out)...)
		d.empty(t)
	}
	made, err := filepath.Glob(filepath.Join(out, "*.partial", "*.f32"))
	if err != nil || len(made) != simulations {
		t.Errorf("%d of %d universes are there (%v)", len(made), simulations, err)
	}
	simulate(t, out, "2").finish(t)
	sameFiles(t, files(t, out), files(t, unbroken))
}
