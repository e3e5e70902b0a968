package training

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/tracking"
	"darkfield/pkg/unet"
)

const (
	side     = 8
	childDir = "DARKFIELD_TEST_TRAIN_IN" // makes the test binary a training in stages, to be killed
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if _, err := RunStages(context.Background(), newBackend(), dir, stages(),
			Stage.begin); err != nil {
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
	return Source{Len: n, Fill: func(i int, dst []float32) ([]float32, error) {
		rng := rand.New(rand.NewPCG(first, uint64(i)))
		theta := []float32{rng.Float32(), rng.Float32()}
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
			Network: network, Schedule: diffusion.PaperName, Prior: cosmology.CAMELSPrior(),
			Scaling: field.Scaling{Min: 9, Max: 15},
			Data:    checkpoint.Data{Suite: "waves", Set: "LH", Side: side, BoxSide: 25},
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
