package main

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const simulations = 12

// simulate starts the command as a process that makes a small set in dir, of universes that take
// some 10 ms each.
func simulate(t *testing.T, dir, workers string) *process {
	t.Helper()
	return simulateSet(t, "LH", dir, workers)
}

func simulateSet(t *testing.T, set, dir, workers string) *process {
	t.Helper()
	return start(t, "simulate", "--set", set, "--sims", strconv.Itoa(simulations), "--side", "16",
		"--seed", "3", "--particles", "16",
		"--time-steps", "40", "--pixels", "32", "--neighbours", "32", "--workers", workers, "--out", dir)
}

// stop sends a signal when some universes are done in dir, and a little later, and reports
// whether the process was still there.
func (p *process) stop(t *testing.T, dir string, universes int, later time.Duration,
	signal os.Signal,
) bool {
	t.Helper()
	for done := 0; done < universes; {
		select {
		case <-p.ended:
			return false
		case <-time.After(time.Millisecond):
		}
		made, err := filepath.Glob(filepath.Join(dir, "*.partial", "*.f32"))
		if err != nil {
			t.Fatal(err)
		}
		done = len(made)
	}
	time.Sleep(later)
	if err := p.Process.Signal(signal); err != nil {
		return false
	}
	<-p.ended
	return !p.ProcessState.Success()
}

// files returns what lies in a directory and below, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[name] = "a directory"
		if !e.IsDir() {
			raw, err := os.ReadFile(path)
			out[name] = string(raw)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s differs or is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
}

// TestSimulateIsReproducible: any number of workers, kills and interrupts end in the same files,
// byte for byte.
func TestSimulateIsReproducible(t *testing.T) {
	unbroken := t.TempDir()
	simulate(t, unbroken, "1").finish(t)
	want := files(t, unbroken)
	if len(want) != 4 {
		t.Fatalf("%d files, want maps, parameters, settings and a README", len(want))
	}
	for _, workers := range []string{"2", "3"} {
		dir := t.TempDir()
		simulate(t, dir, workers).finish(t)
		sameFiles(t, files(t, dir), want)
	}
	// fixes when kills are meant to come; the machine adds its own chance
	rng := rand.New(rand.NewPCG(7, 7))
	t.Run("killed", func(t *testing.T) {
		dir, killed := t.TempDir(), 0
		for universes := 0; universes < simulations; universes += rng.IntN(4) {
			if simulate(t, dir, "2").stop(t, dir, universes, time.Duration(rng.IntN(30))*time.Millisecond,
				syscall.SIGKILL) {
				killed++
			}
		}
		if killed < 3 {
			t.Errorf("%d kills found the process at work, want several", killed)
		}
		t.Logf("%d kills", killed)
		simulate(t, dir, "2").finish(t)
		sameFiles(t, files(t, dir), want)
	})
	t.Run("interrupted", func(t *testing.T) {
		dir := t.TempDir()
		p := simulate(t, dir, "2")
		if !p.stop(t, dir, 3, 0, os.Interrupt) {
			t.Fatal("the process was done before it was interrupted")
		}
		if code, text := p.ProcessState.ExitCode(), p.errors.String(); code != failed ||
			!strings.Contains(text, "what is done is saved") || strings.Count(text, "\n") != 1 {
			t.Errorf("exit status %d and %q, want %d and one line that says that work is saved", code,
				text, failed)
		}
		if len(files(t, dir)) < 3+3 {
			t.Error("what was done is not there")
		}
		simulate(t, dir, "2").finish(t)
		sameFiles(t, files(t, dir), want)
	})
	t.Run("killed while cleaning up", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(unbroken)); err != nil {
			t.Fatal(err)
		}
		left := filepath.Join(dir, "Maps_Mcdm_FastPM_LH_z=0.00.npy.partial")
		if err := os.Mkdir(left, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(left, "simulation-000000.f32"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		simulate(t, dir, "2").finish(t)
		sameFiles(t, files(t, dir), want)
	})
}

// TestTwoSimulateOneDirectory: of two processes that make the same set of one directory, one makes
// it and the other, if they meet, ends with exit status 1 and one line that names the first; given
// again, it finds the set made.
func TestTwoSimulateOneDirectory(t *testing.T) {
	unbroken := t.TempDir()
	simulate(t, unbroken, "1").finish(t)
	want := files(t, unbroken)
	rng := rand.New(rand.NewPCG(11, 11))
	refused := 0
	for range 3 {
		dir := t.TempDir()
		first := simulate(t, dir, "1")
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
		second := simulate(t, dir, "1")
		<-first.ended
		<-second.ended
		one, other := first, second
		if !one.ProcessState.Success() { // the second may have been faster
			one, other = other, one
		}
		if one.finish(t); !other.ProcessState.Success() {
			refused++
			other.fails(t, "process "+strconv.Itoa(one.Process.Pid)+" ", "darkfield simulate --set LH",
				dir, "give the same command again")
			if n := strings.Count(other.errors.String(), "\n"); n != 1 {
				t.Errorf("%d lines, want one: %s", n, other.errors.String())
			}
			simulate(t, dir, "1").finish(t)
		}
		sameFiles(t, files(t, dir), want)
	}
	t.Logf("%d refused", refused)
	if refused == 0 {
		t.Error("the two never met")
	}
}

// TestTwoSetsOneDirectory: processes that make different sets of one directory do not see each
// other.
func TestTwoSetsOneDirectory(t *testing.T) {
	together, apart := t.TempDir(), t.TempDir()
	sets := []string{"LH", "CV"}
	var processes []*process
	for _, set := range sets {
		simulateSet(t, set, apart, "1").finish(t)
		processes = append(processes, simulateSet(t, set, together, "1"))
	}
	for _, p := range processes {
		p.finish(t)
	}
	sameFiles(t, files(t, together), files(t, apart))
}

// TestSimulateUmask: the files of a set are for whom the umask says.
func TestSimulateUmask(t *testing.T) {
	for mask, want := range map[int]fs.FileMode{0o077: 0o600, 0o002: 0o664} {
		dir := t.TempDir()
		old := syscall.Umask(mask)
		p := simulate(t, dir, "2")
		syscall.Umask(old)
		p.finish(t)
		for name := range files(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode() != want {
				t.Errorf("umask %#o: %s has mode %v (%v), want %v", mask, name, info.Mode(), err, want)
			}
		}
	}
}
