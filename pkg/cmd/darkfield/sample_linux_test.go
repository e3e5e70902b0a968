package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sampling starts a sampling of five maps, two at a time.
func (r tiny) sampling(t *testing.T, out string, more ...string) *process {
	t.Helper()
	return start(t,
		append([]string{
			"sample", "--checkpoint", r.run, "--omega-m", "0.3", "--sigma-8", "0.8", "-n",
			"5", "--sampler-steps", "4", "--chunk", "2", "--out", out,
		}, more...)...)
}

// batchesOf returns the batches that are kept of a file of maps, and the files that a kill left
// half-written.
func batchesOf(t *testing.T, out string) []string {
	t.Helper()
	found, err := filepath.Glob(out + ".*.partial/batch-*.npy")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sampledAgain: a sampling that is killed or interrupted at any moment goes on to the bytes of an
// unbroken one, says what is kept, and does not use what a call with other arguments left.
func (r tiny) sampledAgain(t *testing.T) {
	dir := t.TempDir()
	unbroken, other := filepath.Join(dir, "unbroken.npy"), filepath.Join(dir, "other.npy")
	begun := time.Now()
	r.sampling(t, unbroken).finish(t)
	whole := time.Since(begun)
	r.sampling(t, other, "--seed", "2").finish(t)
	want, err := os.ReadFile(unbroken)
	if err != nil {
		t.Fatal(err)
	}
	ends := func(t *testing.T, out string, want []byte, p *process) {
		t.Helper()
		p.finish(t)
		got, err := os.ReadFile(out)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes (%v), want the %d of an unbroken call", len(got), err, len(want))
		}
	}
	t.Run("killed", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "maps.npy")
		kills, resumed := 0, 0
		for attempt := range 5 { // at any moment, and twice when one more batch is there
			had := len(batchesOf(t, out))
			if had > 0 {
				resumed++
			}
			p := r.sampling(t, out)
			moment := time.Now().Add(time.Duration(rand.Float64() * float64(whole)))
			p.until(func() bool {
				more := len(batchesOf(t, out)) > had
				return attempt%2 == 1 && more || attempt%2 == 0 && (more || time.Now().After(moment))
			})
			if p.kill() {
				kills++
			}
		}
		ends(t, out, want, r.sampling(t, out))
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*.partial")); err != nil ||
			len(left) > 0 {
			t.Errorf("left behind: %v (%v)", left, err)
		}
		if resumed == 0 {
			t.Error("no call found batches")
		}
		t.Logf("%d kills, %d calls found batches; an unbroken one took %v", kills, resumed,
			whole.Round(time.Millisecond))
	})
	t.Run("interrupted", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "maps.npy")
		p := r.sampling(t, out)
		p.until(func() bool { return len(batchesOf(t, out)) > 0 })
		if err := p.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		p.fails(t, "interrupted; ", " of 5 maps are kept in "+out+".", "the same command makes the rest")
		kept := files(t, filepath.Dir(batchesOf(t, out)[0]))
		if len(kept) == 0 || strings.Contains(p.errors.String(), "note:") {
			t.Errorf("%d batches are kept: %s", len(kept), p.errors.String())
		}
		// Other arguments do not use them, and say so.
		wantOther, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		for _, arguments := range [][]string{{"--seed", "2"}, {"--seed", "2", "--chunk", "5"}} {
			q := r.sampling(t, out, arguments...)
			q.finish(t)
			if !strings.Contains(q.errors.String(), "holds batches of a call with other arguments") {
				t.Errorf("%v: nothing is said of the batches: %s", arguments, q.errors.String())
			}
			if got, err := os.ReadFile(out); len(arguments) == 2 &&
				(err != nil || !bytes.Equal(got, wantOther)) {
				t.Errorf("%v: other bytes than those of an unbroken call (%v)", arguments, err)
			}
		}
		sameFiles(t, files(t, filepath.Dir(batchesOf(t, out)[0])), kept)
		// One that is damaged is made again.
		if err := os.WriteFile(batchesOf(t, out)[0], []byte("no maps"), 0o600); err != nil {
			t.Fatal(err)
		}
		ends(t, out, want, r.sampling(t, out))
	})
	t.Run("interrupted at once", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "maps.npy")
		p := r.sampling(t, out, "--chunk", "5", "--sampler", "ddpm")
		time.Sleep(whole / 2)
		if err := p.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		p.fails(t, "interrupted; nothing is kept, the same command begins anew")
		if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v (%v)", left, err)
		}
	})
}

// interrupted: a training that is interrupted says at which step it goes on, and does.
func (r tiny) interrupted(t *testing.T) {
	run := filepath.Join(t.TempDir(), "r")
	p := r.train(t, run)
	latest := filepath.Join(run, "checkpoints", "latest.safetensors")
	if !p.until(func() bool { _, err := os.Stat(latest); return err == nil }) {
		t.Fatal(p.errors.String())
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.fails(t, "interrupted; the training is saved after step ",
		"; the same command goes on from there")
	r.train(t, run).finish(t)
	sameTraining(t, outcomeOf(t, run), r.want)
}
