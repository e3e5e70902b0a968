package emulator

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/unet"
)

// TestOwnSchedule: variances in the manifest are used. Those of the paper give the paper's maps to
// the bit; others give other maps, under another hash, so that no cache mixes them up.
func TestOwnSchedule(t *testing.T) {
	own := func(betas []float64) *Emulator {
		return openAs(t, 1, 0, func(m *checkpoint.Manifest) {
			m.Schedule, m.Betas = diffusion.OwnName,
				betas
		})
	}
	var paper, other []float64
	for i := range diffusion.Paper().Steps() {
		paper = append(paper, diffusion.Paper().Beta(diffusion.Step(i+1)))
	}
	for i := range 40 {
		other = append(other, 0.001+0.005*float64(i))
	}
	named, copied, short := open(t, 1, 0), own(paper), own(other)
	if n := short.Schedule().Steps(); n != 40 {
		t.Errorf("%d steps, want 40", n)
	}
	c := SampleConfig{Sampler: DDIM, Steps: 4, Batch: 1}
	want, got, changed := sample(t, named, few[:1], 1, c), sample(t, copied, few[:1], 1, c), sample(t,
		short, few[:1], 1, c)
	if !slices.Equal(got[0].Values, want[0].Values) {
		t.Error("the paper's variances give other maps than the paper's schedule")
	}
	if slices.Equal(changed[0].Values, want[0].Values) {
		t.Error("another schedule gives the same maps")
	}
	for _, of := range []func(*Emulator) string{(*Emulator).Hash, (*Emulator).NetworkHash} {
		if a, b := of(named), of(short); a == b {
			t.Errorf("one hash %.8s for two schedules", a)
		}
	}
	if named.Hash() != named.NetworkHash() || short.Hash() != short.NetworkHash() {
		t.Error("without a power correction both hashes are one")
	}
	if _, err := (SampleConfig{
		Sampler: DDIM, Steps: 50,
		Batch: 1,
	}).sampler(short.schedule); err == nil || !strings.Contains(err.Error(), "40") {
		t.Errorf("error = %v, want 50 steps of 40 refused", err)
	}
}

// TestOtherConditions: a network of six parameters is refused when it is opened, not at its first
// step.
func TestOtherConditions(t *testing.T) {
	network := unet.Default().WithDim(8)
	network.Multipliers, network.ConditionDim = []int{1, 2}, 6
	path := filepath.Join(t.TempDir(), "six.safetensors")
	err := checkpoint.Save(path, checkpoint.Manifest{
		Version: checkpoint.Version, Network: network, Schedule: diffusion.PaperName,
		Prior: cosmology.CAMELSPrior(), Scaling: field.Scaling{
			Min: 9,
			Max: 15,
		},
		Data: checkpoint.Data{Suite: "none", Set: "LH", Side: side, BoxSide: 25},
	}, network.Init(1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(newBackend(t), path)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(),
		"conditioned on 6 parameters, but the prior names 2") {
		t.Errorf("error = %v, want the file and both numbers", err)
	}
}
