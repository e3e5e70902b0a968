package training

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"darkfield/pkg/cosmology"
)

// TestCancelled: a cancelled run writes where it is, and goes on to the same bytes, with two
// parameters and with four.
func TestCancelled(t *testing.T) {
	t.Run("two parameters", func(t *testing.T) { cancelled(t, job) })
	t.Run("four parameters", func(t *testing.T) { cancelled(t, jobOfFour) })
}

// jobOfFour is job with two more parameters, which the maps do not depend on.
func jobOfFour(dir string) Job {
	j := job(dir)
	j.Manifest.Prior = cosmology.CAMELSPrior().With("h", 0.5, 0.9).With("w", -1, 1)
	j.Manifest.Network.ConditionDim, j.Config.LogTheta = 4, true
	for _, s := range []*Source{&j.Data.Train, &j.Data.Validation} {
		fill := s.Fill
		s.Fill = func(i int, dst []float32) ([]float32, error) {
			theta, err := fill(i, dst)
			return append(theta, float32(i%3)/2, float32(i%5)/4), err
		}
	}
	return j
}

func cancelled(t *testing.T, job func(dir string) Job) {
	t.Helper()
	unbroken, broken := job(t.TempDir()), job(t.TempDir())
	if _, err := train(t, context.Background(), unbroken); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	broken.Report = func(p Progress) {
		if p.Step == 8 {
			cancel()
		}
	}
	r, err := train(t, ctx, broken)
	if !errors.Is(err, context.Canceled) || r.Step < 8 ||
		r.Checkpoint != directory(broken.Dir).step(r.Step) {
		t.Fatalf("cancelled at step 8: %+v, %v", r, err)
	}
	broken.Report = nil
	again, err := train(t, context.Background(), broken)
	if err != nil || again.Resumed != r.Step || again.Step != 24 {
		t.Fatalf("resumed: %+v, %v", again, err)
	}
	if !bytes.Equal(last(t, unbroken.Dir), last(t, broken.Dir)) {
		t.Error("a cancelled and resumed run differs from an unbroken one")
	}
	paths, err := Checkpoints(broken.Dir)
	if err != nil || len(paths) != 2 {
		t.Errorf("kept %v, %v, want the newest 2", paths, err)
	}
}

// killAgainAndAgain runs a training process to its end in one directory, and in another one kills
// it at random moments before it may end, too.
func killAgainAndAgain(t *testing.T) (unbroken, killed string, seed uint64) {
	t.Helper()
	unbroken, killed = t.TempDir(), t.TempDir()
	start := time.Now()
	if out, err := child(unbroken).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(start)
	seed = uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	kills := 0
	for attempt := 0; ; attempt++ {
		c := child(killed)
		var said bytes.Buffer
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		var err error
		if attempt < 12 {
			select {
			case err = <-ended:
			case <-time.After(time.Duration(rng.Float64() * float64(whole) / 3)):
				c.Process.Kill()
				<-ended
				kills++
				continue
			}
		} else {
			err = <-ended
		}
		if err != nil {
			t.Fatalf("seed %d, after %d kills: %v\n%s", seed, kills, err, said.String())
		}
		break
	}
	t.Logf("seed %d: %d kills, an unbroken run took %v", seed, kills, whole)
	if kills == 0 {
		t.Fatal("no run was killed")
	}
	return unbroken, killed, seed
}

func child(dir string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	return c
}
