package training

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/tracking"
	"darkfield/pkg/unet"
)

const (
	side        = 8
	childDir    = "DARKFIELD_TEST_TRAIN_IN" // makes the test binary a training process, to be killed
	childStages = "DARKFIELD_TEST_STAGES"   // of it; empty: an ordinary run
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		var err error
		if os.Getenv(childStages) == "" {
			_, err = Run(context.Background(), newBackend(), job(dir))
		} else {
			_, err = RunStages(context.Background(), newBackend(), dir, stages(), Stage.begin)
		}
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// newBackend opens the backend that needs no plugin, or the one that $GOMLX_BACKEND names.
func newBackend() compute.Backend {
	open := backend.Open
	if os.Getenv(compute.ConfigEnvVar) == "" {
		open = func() (compute.Backend, error) { return compute.NewWithConfig("go:ops_sequential") }
	}
	b, err := open()
	if err != nil {
		panic(err)
	}
	return b
}

// waves are maps whose mean is their first parameter and whose wavelength is their second.
func waves(n int, first uint64) Source { return wavesOf(side, n, first) }

func wavesOf(side, n int, first uint64) Source {
	return Source{Len: n, Fill: func(i int, dst []float32) ([2]float32, error) {
		rng := rand.New(rand.NewPCG(first, uint64(i)))
		theta := [2]float32{rng.Float32(), rng.Float32()}
		for p := range dst {
			x := float64(p%side) / float64(side)
			dst[p] = theta[0] - 0.5 + 0.3*float32(math.Sin(2*math.Pi*(1+float64(theta[1]))*x))
		}
		return theta, nil
	}}
}

func job(dir string) Job {
	network := unet.Default().WithDim(8)
	network.Multipliers = []int{1, 2}
	return Job{
		Dir: dir,
		Config: Config{
			Seed: 4, Steps: 24, Batch: 4, LearningRate: 1e-3, EMADecay: 0.99, Loss: Huber,
			Weighting: diffusion.Uniform, Prediction: diffusion.PredictEpsilon,
			CheckpointEvery: 3, ValidateEvery: 12, ValidationMaps: 8, LogEvery: 2, Keep: 2,
		},
		Manifest: checkpoint.Manifest{
			Network: network, Schedule: diffusion.PaperName, Prior: cosmology.CAMELSPrior(), Scaling: field.Scaling{Min: 9, Max: 15},
			Data: checkpoint.Data{Suite: "waves", Set: "LH", Side: side, BoxSide: 25},
		},
		Data: Data{Side: side, Train: waves(10, 1), Validation: waves(6, 2)},
	}
}

func train(t *testing.T, ctx context.Context, j Job) (Result, error) {
	t.Helper()
	b := newBackend()
	defer b.Finalize()
	return Run(ctx, b, j)
}

// last returns the bytes of the file that a run resumes from: weights, averages and Adam's moments.
func last(t *testing.T, dir string) []byte {
	t.Helper()
	raw, err := os.ReadFile(directory(dir).resume())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// values returns the metrics of a run without their times.
func values(t *testing.T, dir string) []tracking.Record {
	t.Helper()
	records, err := tracking.Read(MetricsPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		records[i].Time = time.Time{}
		delete(records[i].Values, tracking.StepsPerSecond)
		delete(records[i].Values, tracking.DataWait)
	}
	return records
}

// TestKilledAtAnyMoment: a run killed again and again ends with the bytes of an unbroken one.
func TestKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	unbroken, killed, seed := killAgainAndAgain(t, child)
	if !bytes.Equal(last(t, unbroken), last(t, killed)) {
		t.Errorf("seed %d: after kills the training state differs from an unbroken run's", seed)
	}
	want, got := values(t, unbroken), values(t, killed)
	if len(want) != len(got) {
		t.Fatalf("seed %d: %d records, want %d", seed, len(got), len(want))
	}
	for i := range want {
		// A record averages the loss since the one before; of the steps before the checkpoint nothing is left.
		if want[i].Step != got[i].Step || want[i].Values[tracking.ValidationMSE] != got[i].Values[tracking.ValidationMSE] {
			t.Errorf("seed %d: record %d is %v, want %v", seed, i, got[i], want[i])
		}
	}
	if left, _ := filepath.Glob(filepath.Join(killed, "*", "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// killAgainAndAgain runs a training process to its end in one directory, and in another one kills it at random moments before it may
// end, too.
func killAgainAndAgain(t *testing.T, child func(dir string) *exec.Cmd) (unbroken, killed string, seed uint64) {
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
			case <-time.After(time.Duration(rng.Float64() * float64(whole) * 2 / 3)):
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

// TestCancelled: a cancelled run writes where it is, and goes on to the same bytes.
func TestCancelled(t *testing.T) {
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
	if !errors.Is(err, context.Canceled) || r.Step < 8 || r.Checkpoint != directory(broken.Dir).step(r.Step) {
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

// TestLearns: in sixty steps the error of the predicted noise falls far below that of predicting none, by every recipe.
func TestLearns(t *testing.T) {
	for name, recipe := range map[string]func(*Config){
		"the paper's": func(*Config) {},
		"min-SNR":     func(c *Config) { c.Weighting, c.EMAWidth = diffusion.MinSNR, 0.1 },
		"v, clipped": func(c *Config) {
			c.Prediction, c.Weighting, c.Loss, c.ClipNorm = diffusion.PredictV, diffusion.EvenV, MeanSquare, 0.5
		},
	} {
		j := job(t.TempDir())
		j.Config.Steps, j.Config.CheckpointEvery, j.Config.EMADecay, j.Config.LearningRate = 60, 60, 0.9, 6e-3
		recipe(&j.Config)
		r, err := train(t, context.Background(), j)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: mean squared error %.3f", name, r.ValidationMSE)
		if !(r.ValidationMSE < 0.5) {
			t.Errorf("%s: mean squared error of the noise = %g after %d steps, want < 0.5", name, r.ValidationMSE, r.Step)
		}
	}
}

// TestClip: a gradient of length 5 in two tensors becomes one of length 1 in the same direction; a short one stays.
func TestClip(t *testing.T) {
	b := newBackend()
	defer b.Finalize()
	for most, want := range map[float64][2]float32{0: {3, 4}, 1: {0.6, 0.8}, 10: {3, 4}} {
		exec := graph.MustNewExec(b, func(x, y *graph.Node) []*graph.Node { return ClipNorm([]*graph.Node{x, y}, most) })
		out, err := exec.Call([]float32{3, 0}, []float32{4})
		if err != nil {
			t.Fatal(err)
		}
		x, y := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
		if math.Abs(float64(x[0]-want[0])) > 1e-6 || math.Abs(float64(y[0]-want[1])) > 1e-6 {
			t.Errorf("clipped at %g: %g and %g, want %v", most, x[0], y[0], want)
		}
	}
}

// TestEMAWidth: the average's weights of past steps have the standard deviation that was asked for, as a share of all steps.
func TestEMAWidth(t *testing.T) {
	c := Default()
	for _, width := range []float64{0.02, 0.1, 0.25} {
		c.EMAWidth = width
		const steps = 20_000
		weights := make([]float64, steps+1)
		for n := 1; n <= steps; n++ {
			weights[n] = 1 - c.decay(n)
		}
		var at, share []float64
		left := 1.0
		for n := steps; n >= 1; n-- {
			at, share = append(at, float64(n)/steps), append(share, left*weights[n])
			left *= 1 - weights[n]
		}
		mean := stat.Mean(at, share)
		if got := math.Sqrt(stat.MomentAbout(2, at, mean, share)); math.Abs(got/width-1) > 1e-3 { // steps are discrete
			t.Errorf("width %.4f, want %g", got, width)
		}
	}
}

// TestRunsAway: numbers that leave their range end the run, and the last good checkpoint stays.
func TestRunsAway(t *testing.T) {
	j := job(t.TempDir())
	reads := 0
	fill := j.Data.Train.Fill
	j.Data.Train.Fill = func(i int, dst []float32) ([2]float32, error) {
		theta, err := fill(i, dst)
		if reads++; reads > 8*j.Config.Batch {
			dst[0] = float32(math.NaN())
		}
		return theta, err
	}
	_, err := train(t, context.Background(), j)
	if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), directory(j.Dir).step(6)) {
		t.Fatalf("error %v, want one that names the checkpoint of step 6", err)
	}
	for _, path := range []string{directory(j.Dir).step(6), directory(j.Dir).resume()} {
		c, err := checkpoint.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range c.Tensors {
			for _, x := range a.Data {
				if !finite(float64(x)) {
					t.Fatalf("%s of %s holds %g", name, path, x)
				}
			}
		}
	}
}

// TestRefusals: what cannot go on is refused in one line that says what to do, and nothing changes.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	first := job(dir)
	first.Config.Steps = 3
	if _, err := train(t, context.Background(), first); err != nil {
		t.Fatal(err)
	}
	whole := last(t, dir)
	broken := errors.New("disk on fire")
	for name, c := range map[string]struct {
		change func(*Job)
		want   []string
	}{
		"another rate":         {func(j *Job) { j.Config.LearningRate = 5e-4 }, []string{dir, "training.learning_rate is 0.001 there and 0.0005 now", "another directory"}},
		"another architecture": {func(j *Job) { j.Manifest.Network = j.Manifest.Network.WithDim(16) }, []string{dir, "manifest.network.dim is 8 there and 16 now"}},
		"fewer steps":          {func(j *Job) { j.Config.Steps = 2 }, []string{dir, "3 steps, more than Steps = 2"}},
		"bad setting":          {func(j *Job) { j.Config.Batch = 0 }, []string{"Batch = 0, want >= 1"}},
		"odd side":             {func(j *Job) { j.Data.Side, j.Manifest.Data.Side = 9, 9 }, []string{"9 pixels a side"}},
		"nothing to learn":     {func(j *Job) { j.Data.Train.Len = 0 }, []string{"0 maps to train"}},
		"unreadable map": {func(j *Job) {
			j.Data.Train.Fill = func(int, []float32) ([2]float32, error) { return [2]float32{}, broken }
		}, []string{"map for step 4", "disk on fire"}},
		"foreign weights": {func(j *Job) { j.Dir, j.Initial = t.TempDir(), unet.Weights{} }, []string{"initial weights do not fit"}},
		"file in the way": {func(j *Job) { j.Dir = filepath.Join(directory(dir).config(), "run") }, []string{"config.yaml"}},
	} {
		j := job(dir)
		c.change(&j)
		_, err := train(t, context.Background(), j)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, want := range append(c.want, "training: ") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %q", name, err)
		}
		if !bytes.Equal(whole, last(t, dir)) {
			t.Fatalf("%s: the training state changed", name)
		}
	}
}

// TestStateOfAnotherNetwork: a training state that does not fit is named, with what it holds.
func TestStateOfAnotherNetwork(t *testing.T) {
	j := job(t.TempDir())
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Load(directory(j.Dir).resume())
	if err != nil {
		t.Fatal(err)
	}
	delete(c.Tensors, checkpoint.AdamV+"final_conv.1.bias")
	if err := checkpoint.Save(directory(j.Dir).resume(), c.Manifest, c.Tensors); err != nil {
		t.Fatal(err)
	}
	j.Config.Steps++
	if _, err = train(t, context.Background(), j); err == nil || !strings.Contains(err.Error(), "final_conv.1.bias is missing") {
		t.Errorf("error %v, want one that names the missing tensor", err)
	}
}

// TestOneProcessADirectory: a second run in a directory is refused while the first one goes.
func TestOneProcessADirectory(t *testing.T) {
	j := job(t.TempDir())
	release, err := directory(j.Dir).lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train(t, context.Background(), j); err == nil || !strings.Contains(err.Error(), "another process is training in "+j.Dir) {
		t.Errorf("error %v, want one that says that another process is there", err)
	}
	release()
	if _, err := train(t, context.Background(), j); err != nil {
		t.Error(err)
	}
}

func TestRates(t *testing.T) {
	c := Default()
	c.Warmup, c.CosineTo = 10, 110
	for n, want := range map[int]float64{1: 0.1, 10: 1, 60: 0.505, 110: 0.01, 500: 0.01} {
		if got := c.rate(n) / c.LearningRate; math.Abs(got-want) > 1e-12 {
			t.Errorf("rate of step %d is %g of the highest, want %g", n, got, want)
		}
	}
	if got := c.decay(1); got != 2.0/11 {
		t.Errorf("decay of step 1 = %g, want 2/11", got)
	}
	if got := c.decay(1e6); got != c.EMADecay {
		t.Errorf("decay in the end = %g, want %g", got, c.EMADecay)
	}
}

// TestEvenTimes: each map's time lies in its own part of the schedule, and all times come.
func TestEvenTimes(t *testing.T) {
	schedule := diffusion.Paper()
	j := job("")
	j.Config.EvenTimes, j.Config.Batch = true, 4
	d := &drawer{Config: j.Config, data: j.Data, schedule: schedule}
	low, high := math.Inf(1), math.Inf(-1)
	for n := 1; n <= 2000; n++ {
		for k, index := range d.draw(n).index {
			if part := int(index) * 4 / schedule.Steps(); part != k {
				t.Fatalf("step %d: map %d has time %g, in part %d", n, k, index, part)
			}
			low, high = min(low, float64(index)), max(high, float64(index))
		}
	}
	if low > 5 || high < 994 {
		t.Errorf("times of 8000 maps lie in %g…%g, want nearly 0…999", low, high)
	}
}

// TestBatches: a batch follows from the seed and the step alone, every map comes once an epoch, and validation is fixed.
func TestBatches(t *testing.T) {
	schedule := diffusion.Paper()
	j := job("")
	a, b := &drawer{Config: j.Config, data: j.Data, schedule: schedule}, &drawer{Config: j.Config, data: j.Data, schedule: schedule}
	for n := 1; n < 7; n++ {
		a.draw(n)
	}
	x, y := a.draw(7), b.draw(7)
	for i := range x.x0 {
		if x.x0[i] != y.x0[i] || x.epsilon[i] != y.epsilon[i] {
			t.Fatal("the batch of step 7 depends on the batches before it")
		}
	}
	seen := map[int]int{}
	for p := range 3 * j.Data.Train.Len {
		seen[b.at(p)]++
	}
	for i := range j.Data.Train.Len {
		if seen[i] != 3 {
			t.Errorf("map %d came %d times in 3 epochs", i, seen[i])
		}
	}
	v, err := a.validationBatches()
	if err != nil {
		t.Fatal(err)
	}
	w, _ := b.validationBatches()
	if len(v) != 2 || v[1].epsilon[5] != w[1].epsilon[5] || v[0].index[2] != w[0].index[2] {
		t.Error("validation batches are not fixed")
	}
}

// TestSelect: the newest checkpoint serves until one is marked, also after a later one is written; a marked one that is gone is named.
func TestSelect(t *testing.T) {
	j := job(t.TempDir())
	j.Config.Steps, j.Config.Keep, j.Config.ValidateEvery = 6, 0, 6
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	all, err := Checkpoints(j.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != all[1] {
		t.Errorf("before a choice: %s (%v), want the newest, %s", best, err, all[1])
	}
	if err := Select(j.Dir, all[0]); err != nil {
		t.Fatal(err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != all[0] {
		t.Errorf("after a choice: %s (%v), want %s", best, err, all[0])
	}
	if err := os.Remove(all[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := BestCheckpoint(j.Dir); err == nil || !strings.Contains(err.Error(), "selected.txt") {
		t.Errorf("a choice that is gone: error %v, want it to name selected.txt", err)
	}
}
