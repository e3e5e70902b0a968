package training

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"darkfield/pkg/backend"
	"darkfield/pkg/tracking"
)

// severalDevices opens the plugin for the CPU, which shows four devices.
func severalDevices(t *testing.T) compute.Backend {
	t.Helper()
	t.Setenv("GOMLX_BACKEND", "xla:cpu")
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// devicesJob is a training of 50 steps, of a network that is compiled fast.
func devicesJob(dir string, devices int) Job {
	j := job(dir)
	j.Manifest.Network.NoAttention = true
	j.Config.Devices, j.Config.Steps, j.Config.Fused, j.Config.ClipNorm = devices, 50, true, 0.5
	j.Config.CheckpointEvery, j.Config.ValidateEvery = 25, 25
	return j
}

// TestDevices: two and four devices that share batches have the losses and the validation error of
// one, and a run goes on with another number of them. Weights are not compared: where a gradient is
// nothing but rounding, Adam takes full steps in its direction.
func TestDevices(t *testing.T) {
	b := severalDevices(t)
	records := map[int][]tracking.Record{}
	for _, devices := range []int{1, 2, 4} {
		j := devicesJob(t.TempDir(), devices)
		if devices == 4 { // the first half on two
			half := j
			half.Config.Devices, half.Config.Steps = 2, 25
			if _, err := Run(context.Background(), b, half); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Run(context.Background(), b, j); err != nil {
			t.Fatal(err)
		}
		records[devices] = values(t, j.Dir)
	}
	for _, devices := range []int{2, 4} {
		if len(records[devices]) != len(records[1]) {
			t.Fatalf("%d devices: %d records, want %d", devices, len(records[devices]), len(records[1]))
		}
		largest := map[string]float64{}
		for i, r := range records[1] {
			for _, name := range []string{tracking.Loss, tracking.ValidationMSE} {
				got := records[devices][i].Values[name]
				largest[name] = math.Max(largest[name], math.Abs(got-r.Values[name]))
			}
		}
		t.Logf("%d devices: differences %v", devices, largest)
		if !(largest[tracking.Loss] <= 1e-4 && largest[tracking.ValidationMSE] <= 1e-4) {
			t.Errorf("%d devices: differences %v, want at most 1e-4", devices, largest)
		}
	}
}

// TestDevicesThatCannotBe: one line says what does not fit, and nothing is written.
func TestDevicesThatCannotBe(t *testing.T) {
	b := severalDevices(t)
	for want, change := range map[string]func(*Config){
		"Batch = 4, want a multiple of Devices = 3":     func(c *Config) { c.Devices = 3 },
		"Devices = 64, but the backend has":             func(c *Config) { c.Devices, c.Batch = 64, 64 },
		"MicroBatch = 2, want 0 or -1 with Devices = 2": func(c *Config) { c.Devices, c.MicroBatch = 2, 2 },
		"Devices = -1, want >= 0":                       func(c *Config) { c.Devices = -1 },
	} {
		j := job(t.TempDir())
		change(&j.Config)
		_, err := Run(context.Background(), b, j)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line that says %q", err, want)
		}
		if exists(directory(j.Dir).config()) {
			t.Errorf("%s: a run was begun", want)
		}
	}
}
