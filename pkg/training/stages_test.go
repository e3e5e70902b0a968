package training

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/tracking"
	"darkfield/pkg/unet"
)

// stages are two trainings of one network, on maps of 8² and of 16² pixels.
func stages() []Job {
	coarse, fine := job(""), job("")
	coarse.Manifest.Network.Conditioning, coarse.Manifest.Network.Rings = unet.ScaleShift, 5
	coarse.Manifest.Network.Hidden = 12
	fine.Manifest.Network = coarse.Manifest.Network
	fine.Data = Data{Side: 16, Train: wavesOf(16, 10, 1), Validation: wavesOf(16, 6, 2)}
	fine.Manifest.Data.Side = 16
	coarse.Config.Steps, coarse.Config.Keep = 10, 0
	fine.Config.Steps, fine.Config.LearningRate = 6, 5e-4
	for _, c := range []*Config{&coarse.Config, &fine.Config} {
		c.CheckpointEvery, c.ValidateEvery = 2, 3
	}
	return []Job{coarse, fine}
}

func (s Stage) begin() (Result, error) { return s.Begin() }

func trainStages(t *testing.T, ctx context.Context, dir string, jobs []Job,
	do func(Stage) (Result, error),
) (Result, error) {
	t.Helper()
	b := newBackend()
	defer b.Finalize()
	return RunStages(ctx, b, dir, jobs, do)
}

// TestStagesKilledAtAnyMoment: two stages killed again and again, also between them, end with the
// bytes of unbroken ones.
func TestStagesKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	unbroken, killed, seed := killAgainAndAgain(t)
	for i := range stages() {
		a, b := StageDirs(unbroken, 2)[i], StageDirs(killed, 2)[i]
		if !bytes.Equal(last(t, a), last(t, b)) {
			t.Errorf("seed %d: the training state of stage %d differs from an unbroken run's", seed, i+1)
		}
		if diff := cmp.Diff(values(t, a), values(t, b)); diff != "" {
			t.Errorf("seed %d: the metrics of stage %d: %s", seed, i+1, diff)
		}
	}
}

// TestStagesInterrupted: a run interrupted inside its stages and between them goes on to the same
// bytes, whatever is marked in the first stage after the second has begun; and the second starts
// from the averaged weights of the first.
func TestStagesInterrupted(t *testing.T) {
	unbroken, broken := t.TempDir(), t.TempDir()
	want, err := trainStages(t, context.Background(), unbroken, stages(), Stage.begin)
	if err != nil || want.Step != 6 || filepath.Dir(filepath.Dir(want.Checkpoint)) != filepath.Join(
		unbroken, "stage-2") {
		t.Fatalf("unbroken: %+v, %v", want, err)
	}
	cut := func(stage, step int) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		jobs := stages()
		jobs[stage].Report = func(p Progress) {
			if p.Step == step {
				cancel()
			}
		}
		if r, err := trainStages(t, ctx, broken, jobs, Stage.begin); !errors.Is(err, context.Canceled) ||
			r.Step < step {
			t.Fatalf("cut at step %d of stage %d: %+v, %v", step, stage+1, r, err)
		}
	}
	cut(0, 4)
	cut(0, stages()[0].Config.Steps) // between the stages
	if got := Stages(broken); len(got) != 1 {
		t.Fatalf("stages on disk before the second has begun: %v", got)
	}
	cut(1, 3)
	if err := os.WriteFile(directory(StageDirs(broken, 2)[0]).selected(),
		[]byte("step-00000006.safetensors\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []int
	r, err := trainStages(t, context.Background(), broken, stages(), func(s Stage) (Result, error) {
		r, err := s.Begin()
		seen = append(seen, r.Step)
		return r, err
	})
	if err != nil || r.Step != 6 || r.Resumed < 3 || !slices.Equal(seen, []int{10, 6}) {
		t.Fatalf("resumed: %+v, %v; stages ended at steps %v", r, err, seen)
	}
	for i := range stages() {
		if !bytes.Equal(last(t, StageDirs(unbroken, 2)[i]), last(t, StageDirs(broken, 2)[i])) {
			t.Errorf("stage %d of an interrupted run differs from an unbroken one's", i+1)
		}
	}
	if best, err := BestCheckpoint(broken); err != nil || best != r.Checkpoint {
		t.Errorf("best checkpoint %s (%v), want the last stage's, %s", best, err, r.Checkpoint)
	}
	first, err := checkpoint.Load(directory(StageDirs(broken, 2)[0]).step(10))
	if err != nil {
		t.Fatal(err)
	}
	second, err := checkpoint.Load(r.Checkpoint)
	if err != nil || second.Manifest.Origin != first.Hash || first.Manifest.Origin != "" {
		t.Errorf("the second stage says that it comes from %q (%v), want %q", second.Manifest.Origin,
			err, first.Hash)
	}
}

// TestStageStartsFromSelected: the checkpoint that is marked when the next stage begins is the
// one it starts from, averaged.
func TestStageStartsFromSelected(t *testing.T) {
	dir := t.TempDir()
	jobs := stages()
	first := StageDirs(dir, 2)[0]
	ctx, cancel := context.WithCancel(context.Background())
	_, err := trainStages(t, ctx, dir, jobs, func(s Stage) (Result, error) {
		defer cancel()
		return s.Begin()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := Select(first, directory(first).step(6)); err != nil {
		t.Fatal(err)
	}
	if got := CurrentStage(dir); got != first {
		t.Errorf("current stage %s, want %s", got, first)
	}
	j := jobs[1]
	j.Dir = StageDirs(dir, 2)[1]
	if err := j.startFrom(first); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Load(directory(first).step(6))
	if err != nil {
		t.Fatal(err)
	}
	name := "final_conv.1.bias"
	if got, want := j.Initial[name].Data[0], c.Tensors[checkpoint.EMA+name].Data[0]; got != want ||
		want == c.Tensors[name].Data[0] {
		t.Errorf("starts from %g, want the averaged %g (unaveraged: %g)", got, want,
			c.Tensors[name].Data[0])
	}
	if err := os.WriteFile(directory(first).step(6), last(t, first), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.startFrom(first); err == nil ||
		!strings.Contains(err.Error(), "step-00000006.safetensors") ||
		!strings.Contains(err.Error(), "restore it") {
		t.Errorf("another file in the place of the one it started from: error %v", err)
	}
}

// TestStagesRefused: what does not fit a run that is there, or what a later stage would be
// refused for, is refused at once.
func TestStagesRefused(t *testing.T) {
	staged, single := t.TempDir(), t.TempDir()
	short := func(jobs []Job) []Job {
		for i := range jobs {
			jobs[i].Config.Steps, jobs[i].Config.ValidateEvery = 2, 2
		}
		return jobs
	}
	if _, err := trainStages(t, context.Background(), staged, short(stages()),
		Stage.begin); err != nil {
		t.Fatal(err)
	}
	if _, err := trainStages(t, context.Background(), single, short(stages()[:1]),
		Stage.begin); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(directory(single).resume()); err != nil {
		t.Errorf("a run in one stage lies elsewhere: %v", err)
	}
	for name, c := range map[string]struct {
		dir    string
		change func([]Job) []Job
		want   string
	}{
		"one stage in a run of two": {
			staged, func(j []Job) []Job { return j[:1] },
			"holds a run in stages",
		},
		"two stages in a run of one": {single, func(j []Job) []Job { return j }, "holds a run in " +
			"one stage, 2 are asked for"},
		"longer first stage": {
			staged, func(j []Job) []Job { j[0].Config.Steps = 3; return j },
			"training.steps is 2 there and 3 now",
		},
		"another first stage": {
			staged, func(j []Job) []Job { j[0].Config.Batch = 2; return j },
			"stage-1 holds a run with another configuration (training.batch",
		},
		"another second stage": {
			staged, func(j []Job) []Job { j[1].Config.Batch = 2; return j },
			"stage-2 holds a run with another configuration (training.batch",
		},
		"a bad second stage": {
			t.TempDir(), func(j []Job) []Job { j[1].Config.Batch = 0; return j }, "Batch = 0",
		},
		"another scale": {
			t.TempDir(),
			func(j []Job) []Job { j[1].Manifest.Scaling = field.Scaling{Min: 8, Max: 15}; return j },
			"stage 2 has the scaling",
		},
		"another network": {
			t.TempDir(),
			func(j []Job) []Job { j[1].Manifest.Network = j[1].Manifest.Network.WithDim(16); return j },
			"stage 2 has the network",
		},
		"another output of the network": {
			t.TempDir(), func(j []Job) []Job { j[1].Config.Prediction = diffusion.PredictV; return j },
			"stage 2 has the prediction",
		},
	} {
		began := false
		_, err := trainStages(t, context.Background(), c.dir, c.change(short(stages())),
			func(s Stage) (Result, error) {
				began = began || c.dir != staged
				return s.Begin()
			})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line that says %q", name, err, c.want)
		}
		if began {
			t.Errorf("%s: refused only after a stage had begun", name)
		}
	}
	more := short(stages())
	more[1].Config.Steps = 4
	if r, err := trainStages(t, context.Background(), staged, more, Stage.begin); err != nil ||
		r.Step != 4 || r.Resumed != 2 {
		t.Errorf("a longer last stage: %+v, %v", r, err)
	}
}

// TestHalveAt: the rate is halved after whole passes over the maps, and a run says so in its
// metrics.
func TestHalveAt(t *testing.T) {
	j := job(t.TempDir())
	// 10 maps, 4 a step: epochs end after 2.5, 5 and 7.5 steps
	j.Config.HalveAt, j.Config.LogEvery, j.Config.Steps = []Milestone{Count(2), Count(3)}, 1, 9
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	for _, r := range values(t, j.Dir) {
		want := 1.0
		if r.Step > 5 {
			want = 0.5
		}
		if r.Step > 8 {
			want = 0.25
		}
		if got := r.Values[tracking.LearningRate] / j.Config.LearningRate; got != want {
			t.Errorf("step %d: %g of the rate, want %g", r.Step, got, want)
		}
	}
	for _, bad := range [][]Milestone{
		{Count(0)},
		{Count(3), Count(3)},
		{Count(4), Count(2)},
		{Count(1), Percent(50)},
		{Percent(60), Percent(50)},
		{Percent(101)},
	} {
		j.Config.HalveAt = bad
		if err := j.Config.Validate(); err == nil || !strings.Contains(err.Error(), "HalveAt") {
			t.Errorf("HalveAt %v: error %v", bad, err)
		}
	}
}
