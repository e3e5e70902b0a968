package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// tiny is a training that takes seconds: the network of width 8 on 90 maps of 32² pixels.
type tiny struct {
	data, run string        // of a run that nothing broke
	whole     time.Duration // that it took
	want      outcome
}

const tinySteps = 4

func newTiny(t *testing.T) tiny {
	t.Helper()
	dir := t.TempDir()
	r := tiny{data: filepath.Join(dir, "u"), run: filepath.Join(dir, "r")}
	start(t, "simulate", "--set", "LH", "--sims", "6", "--side", "32", "--particles", "16",
		"--time-steps",
		"5", "--pixels", "32", "--neighbours", "32", "--out", r.data).finish(t)
	begun := time.Now()
	r.train(t, r.run).finish(t)
	r.whole, r.want = time.Since(begun), outcomeOf(t, r.run)
	if n := len(r.want.metrics); n != tinySteps {
		t.Fatalf("%d records, want one a step", n)
	}
	return r
}

// train starts or resumes the same training in a directory. Each step ends with a checkpoint.
func (r tiny) train(t *testing.T, run string) *process {
	t.Helper()
	return start(t, "train", "--data", r.data, "--run", run, "--preset", "smoke", "--batch", "1",
		"--steps", strconv.Itoa(tinySteps), "--checkpoint-every", "1", "--keep", "3")
}

// outcome is all of a run that has to be the same: checkpoints and settings by name, metrics
// without times.
type outcome struct {
	files   map[string]string
	metrics []tracking.Record
}

func outcomeOf(t *testing.T, run string) outcome {
	t.Helper()
	out := outcome{files: files(t, run)}
	for name := range out.files {
		// these show times
		if name == "metrics.jsonl" || strings.HasPrefix(name, "figures"+string(filepath.Separator)) {
			delete(out.files, name)
		}
	}
	var err error
	if out.metrics, err = tracking.Read(training.MetricsPath(run)); err != nil {
		t.Fatal(err)
	}
	for i := range out.metrics {
		out.metrics[i].Time = time.Time{}
		delete(out.metrics[i].Values, tracking.StepsPerSecond)
		delete(out.metrics[i].Values, tracking.DataWait)
	}
	return out
}

func sameTraining(t *testing.T, got, want outcome) {
	t.Helper()
	sameFiles(t, got.files, want.files)
	if diff := cmp.Diff(want.metrics, got.metrics); diff != "" {
		t.Error(diff)
	}
}

// TestTrainSurvives breaks a training in every way that it has to survive.
func TestTrainSurvives(t *testing.T) {
	r := newTiny(t)
	t.Run("kills", r.killed)
	t.Run("a full disk", r.onFullDisk)
	t.Run("an interrupt on a full disk", r.interruptedOnFullDisk)
	t.Run("sampling to a full disk", r.sampledToFullDisk)
	t.Run("an interrupt", r.interrupted)
	t.Run("sampling again", r.sampledAgain)
}

// killsEnv says how many kills a training has to survive; without it there are two.
//
//	DARKFIELD_KILLS=20 go test ./pkg/cmd/darkfield -run TrainSurvives/kills -v
//
// GOMLX_BACKEND=xla:cpu has them at the backend that users have, where each process compiles for
// a minute first.
const killsEnv = "DARKFIELD_KILLS"

// kills counts kills of processes at work, and of them those inside a checkpoint write: where a
// half-written file was left.
type kills struct{ all, inside int }

// killed: a training that is killed with SIGKILL again and again, half of the times inside the
// write of a checkpoint and else at any moment, ends with the bytes of an unbroken one. A run
// that ends before it was killed often enough is compared and begun anew.
func (r tiny) killed(t *testing.T) {
	want := kills{all: 2, inside: 1}
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil && n > 0 {
		want = kills{all: n, inside: (n + 1) / 2}
	}
	seed := uint64(time.Now().UnixNano())
	// says when kills are meant to come; the machine adds its own chance
	rng := rand.New(rand.NewPCG(seed, 0))
	var done kills
	lives := 0
	for ; done.all < want.all || done.inside < want.inside; lives++ {
		run := filepath.Join(t.TempDir(), "r")
		for attempt := 0; ; attempt++ {
			p := r.train(t, run)
			enough := done.all >= want.all && done.inside >= want.inside
			if enough || attempt > 3*tinySteps {
				p.finish(t)
				break
			}
			if done.inside < want.inside && rng.IntN(2) == 0 || done.all >= want.all {
				p.untilWriting(t, run, 1+rng.IntN(4), rng.Int64N(4<<20))
			} else {
				moment := time.Now().Add(time.Duration(rng.Float64() * float64(r.whole)))
				p.until(func() bool { return time.Now().After(moment) })
			}
			if !p.kill() {
				p.finish(t)
				break
			}
			done.all++
			if len(partials(t, filepath.Join(run, "checkpoints"))) > 0 {
				done.inside++
			}
		}
		sameTraining(t, outcomeOf(t, run), r.want)
	}
	t.Logf("seed %d: %d kills, %d of them inside a checkpoint write, in %d runs; an unbroken one "+
		"took %v", seed, done.all, done.inside, lives, r.whole.Round(time.Millisecond))
}

// untilWriting waits for the n-th checkpoint file that a training writes, and for so many bytes
// of it.
func (p *process) untilWriting(t *testing.T, run string, n int, size int64) {
	t.Helper()
	var seen []string
	p.until(func() bool {
		for _, f := range partials(t, filepath.Join(run, "checkpoints")) {
			if !slices.Contains(seen, f) {
				seen = append(seen, f)
			}
			if info, err := os.Stat(f); err == nil && len(seen) >= n && info.Size() >= size {
				return true
			}
		}
		return len(seen) > n
	})
}
