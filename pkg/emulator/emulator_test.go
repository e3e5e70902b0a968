package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

const side = 8

// open writes a checkpoint of random weights and opens it on the backend that needs no plugin.
// Its averaged weights are those of the seed average, or missing where that is 0.
func open(t *testing.T, seed, average uint64) *Emulator {
	t.Helper()
	return openAs(t, seed, average, nil)
}

// newBackend returns the backend that needs no plugin.
func newBackend(t *testing.T) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// openAs is open with another manifest, where change is not nil, and with power correction.
func openAs(t *testing.T, seed, average uint64, change func(*checkpoint.Manifest),
	transfers ...PowerCorrection,
) *Emulator {
	t.Helper()
	network := unet.Default().WithDim(8)
	network.Multipliers = []int{1, 2}
	m := checkpoint.Manifest{
		Version: checkpoint.Version, Network: network, Schedule: diffusion.PaperName,
		Prior: cosmology.CAMELSPrior(), Scaling: field.Scaling{Min: 9, Max: 15},
		Data: checkpoint.Data{Suite: "none", Set: "LH", Side: side, BoxSide: 25},
	}
	if change != nil {
		change(&m)
	}
	tensors := checkpoint.Tensors{}
	for name, a := range m.Network.Init(seed) {
		tensors[checkpoint.Weights+name] = a
	}
	if average != 0 {
		for name, a := range m.Network.Init(average) {
			tensors[checkpoint.EMA+name] = a
		}
	}
	for _, tr := range transfers {
		tr.Put(tensors)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := checkpoint.Save(path, m, tensors); err != nil {
		t.Fatal(err)
	}
	e, err := Open(newBackend(t), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

var few = []cosmology.Params{
	{OmegaM: 0.1, Sigma8: 0.6},
	{OmegaM: 0.3, Sigma8: 0.8},
	{OmegaM: 0.5, Sigma8: 1},
	{OmegaM: 0.2, Sigma8: 0.9},
	{OmegaM: 0.3, Sigma8: 0.8},
}

func sample(t *testing.T, e *Emulator, params []cosmology.Params, seed uint64,
	c SampleConfig,
) []field.LogMap {
	t.Helper()
	maps, err := e.Sample(context.Background(), params, seed, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return maps
}

// TestRaw: maps made without those before them are the same, but for rounding in batches of other
// sizes.
func TestRaw(t *testing.T) {
	e, c := open(t, 1, 0), SampleConfig{Sampler: DDIM, Steps: 2, Batch: 2}
	all := sample(t, e, few, 1, c)
	last, err := e.Raw(context.Background(), 1, few[1:], 1, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range last {
		if same, other := worst(m, all[i+1]), worst(m, all[i]); same > 1e-3*other {
			t.Errorf("map %d made without those before it is off by %g, map %d by %g", i+1, same, i, other)
		}
	}
}

// worst returns the largest difference of two maps' pixels.
func worst(a, b field.LogMap) float64 {
	out := 0.0
	for i := range a.Values {
		out = math.Max(out, math.Abs(float64(a.Values[i])-float64(b.Values[i])))
	}
	return out
}

// TestMapsDoNotDependOnTheBatch: map i follows from the seed, i and its parameters alone.
func TestMapsDoNotDependOnTheBatch(t *testing.T) {
	e := open(t, 1, 0)
	for _, c := range []SampleConfig{
		{Sampler: "ddim", Steps: 3, Batch: 5},
		{Sampler: "ddim", Steps: 3, Eta: 1, Batch: 5},
		{Sampler: "dpm++", Steps: 3, Batch: 5},
		{Sampler: "dpm++", Steps: 3, Eta: 1, Batch: 5},
		{Sampler: "dpm++", Steps: 3, Eta: 1, Batch: 5, OnDevice: true},
	} {
		whole := sample(t, e, few, 7, c)
		c.Batch = 2 // the last one is filled up
		parts := sample(t, e, few, 7, c)
		for i := range few {
			// An untrained network's maps reach hundreds of dex, of which float32 keeps six or seven digits.
			if d, largest := worst(whole[i], parts[i]),
				worst(whole[i], field.LogMap{Values: make([]float32, side*side)}); d > 3e-6*largest {
				t.Errorf("%s: map %d differs by %g of %g dex between batches of 5 and 2", c, i, d, largest)
			}
		}
		if worst(whole[1], whole[4]) < 1e-3 {
			t.Errorf("%s: two maps at the same parameters share their noise", c)
		}
		if other := sample(t, e, few[:1], 8, c); worst(other[0], whole[0]) < 1e-3 {
			t.Errorf("%s: another seed gave the same map", c)
		}
	}
}

// TestAveragedWeightsComeFirst: maps come from the averaged weights where a checkpoint has them.
func TestAveragedWeightsComeFirst(t *testing.T) {
	c := SampleConfig{Sampler: "ddim", Steps: 2, Batch: 1}
	averaged, plain, other := sample(t, open(t, 1, 2), few[:1], 7, c),
		sample(t, open(t, 2, 0), few[:1], 7, c), sample(t, open(t, 1, 0), few[:1], 7, c)
	if d := worst(averaged[0], plain[0]); d != 0 {
		t.Errorf("averaged weights gave a map %g dex from the one of those weights alone", d)
	}
	if worst(averaged[0], other[0]) < 1e-3 {
		t.Error("other weights gave the same map")
	}
}

// TestTerms: all θ share the noise of a term, terms do not depend on the batch, and they are
// those of the bound.
func TestTerms(t *testing.T) {
	e := open(t, 1, 0)
	m := sample(t, e, few[:1], 3, SampleConfig{Sampler: "ddim", Steps: 2, Batch: 1})[0]
	terms := []diffusion.Term{0, 5, 800}
	evaluate := func(batch int) [][]float64 {
		f, err := e.Terms(m, terms, []uint64{11}, batch)
		if err != nil {
			t.Fatal(err)
		}
		out, err := f(context.Background(), few)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	whole, parts := evaluate(5), evaluate(2)
	for i := range few {
		for k, term := range terms {
			if w, p := whole[i][k], parts[i][k]; !(math.Abs(w-p) <= 1e-4*math.Abs(w)+1e-4) {
				t.Errorf("θ %d, term %d: %g in a batch of 5, %g of 2", i, term, w, p)
			}
		}
	}
	if math.Abs(whole[1][1]/whole[4][1]-1) > 1e-5 {
		t.Errorf("the same θ twice gave %g and %g: the noise differs", whole[1][1], whole[4][1])
	}
	if whole[0][1] == whole[1][1] {
		t.Error("the terms do not depend on θ")
	}
}

// TestAugmentedTerms: with a seed of diffusion.Augmented a term is that of the map and its noise in
// an augmentation, which differs between terms and mirror images; maps that are not periodic are
// not shifted.
func TestAugmentedTerms(t *testing.T) {
	e := open(t, 1, 0)
	m := sample(t, e, few[1:2], 1, SampleConfig{Sampler: DDIM, Steps: 2, Batch: 1})[0]
	n := m.Box.Cells
	for _, periodic := range []bool{true, false} {
		e.manifest.Data.Periodic = periodic
		var augmentations []field.Augmentation
		for _, term := range []diffusion.Term{0, 3, 40} {
			for _, seed := range []uint64{
				diffusion.Augmented(2),
				diffusion.Antithetic(diffusion.Augmented(2)),
			} {
				augmentation := e.augmentation(diffusion.AugmentationSource(seed, term))
				if shifted := augmentation.ShiftY != 0 || augmentation.ShiftX != 0; shifted && !periodic {
					t.Errorf("a map that is not periodic is shifted: %+v", augmentation)
				}
				augmentations = append(augmentations, augmentation)
				plain := seed &^ diffusion.Augmented(0)
				x0, draws, err := e.draws(m, []diffusion.Term{term}, []uint64{plain}, 1)
				if err != nil {
					t.Fatal(err)
				}
				draws[0].X0, draws[0].Epsilon = augmentation.Apply(x0, n),
					augmentation.Apply(draws[0].Epsilon, n)
				want, err := e.schedule.BoundTerms(context.Background(), e.denoiser(1), draws, x0,
					[]float32{0.5, 0.5}, 2, 1)
				if err != nil {
					t.Fatal(err)
				}
				score, err := e.Terms(m, []diffusion.Term{term}, []uint64{seed}, 1)
				if err != nil {
					t.Fatal(err)
				}
				got, err := score(context.Background(), []cosmology.Params{{OmegaM: 0.3, Sigma8: 0.8}})
				if err != nil || got[0][0] != want[0][0] {
					t.Errorf("term %d of seed %x is %v (%v), want %g", term, seed, got, err, want[0][0])
				}
			}
		}
		slices.SortFunc(augmentations,
			func(a, b field.Augmentation) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		if different := slices.Compact(augmentations); periodic && len(different) < 5 ||
			len(different) < 2 {
			t.Errorf("periodic %v: only %d different augmentations of 6 draws", periodic, len(different))
		}
	}
}

// TestSeedsAreAveraged: a pass with two seeds gives the mean of one pass with each.
func TestSeedsAreAveraged(t *testing.T) {
	e := open(t, 1, 0)
	m := sample(t, e, few[:1], 3, SampleConfig{Sampler: "ddim", Steps: 2, Batch: 1})[0]
	evaluate := func(seeds ...uint64) float64 {
		f, err := e.Terms(m, []diffusion.Term{0, 3}, seeds, 3)
		if err != nil {
			t.Fatal(err)
		}
		out, err := f(context.Background(), few)
		if err != nil {
			t.Fatal(err)
		}
		return out[2][1]
	}
	if both, want := evaluate(4, 5), (evaluate(4)+evaluate(5))/2; math.Abs(both/want-1) > 1e-5 {
		t.Errorf("two seeds together give %g, their mean is %g", both, want)
	}
}

// TestNameTellsSamplersApart: kept maps are found by it, so that a setting that it left out would
// find those of another.
func TestNameTellsSamplersApart(t *testing.T) {
	base := SampleConfig{Sampler: DPM, Steps: 25, Eta: 1, Batch: 20}
	names := map[string]bool{base.String(): true}
	for i := range reflect.TypeFor[SampleConfig]().NumField() {
		c := base
		switch v := reflect.ValueOf(&c).Elem().Field(i); v.Kind() {
		case reflect.String:
			v.SetString(
				map[string]string{
					"Sampler":   DDIM,
					"Spacing":   string(diffusion.UniformTime),
					"Precision": string(network.BFloat16),
				}[reflect.TypeFor[SampleConfig]().Field(i).Name])
		case reflect.Float64:
			v.SetFloat(0.5)
		case reflect.Bool:
			v.SetBool(true)
		default:
			v.SetInt(7)
		}
		if c.Batch == base.Batch && names[c.String()] { // maps do not depend on the batch
			t.Errorf("%+v and another sampler are both called %q", c, c)
		}
		names[c.String()] = true
	}
}

// TestSame: a spacing that is the sampler's own and a bound that bounds nothing change no map.
func TestSame(t *testing.T) {
	e := open(t, 1, 0)
	params := []cosmology.Params{{OmegaM: 0.3, Sigma8: 0.8}}
	for _, pair := range [][2]SampleConfig{
		{
			{Sampler: DPM, Steps: 3, Eta: 1, Batch: 2},
			{Sampler: DPM, Steps: 3, Eta: 1, Batch: 2, Spacing: diffusion.DPMSpacing},
		},
		{{Sampler: DDIM, Steps: 3, Batch: 2}, {
			Sampler: DDIM, Steps: 3, ChurnMin: 250, Batch: 2,
			Spacing: diffusion.DDIMSpacing,
		}},
		{{Sampler: DDIM, Steps: 3, Batch: 2}, {Sampler: DDIM, Steps: 3, Batch: 2, Trapezoid: true}},
	} {
		if !pair[0].Same(pair[1]) {
			t.Errorf("%+v and %+v are told apart", pair[0], pair[1])
		}
		var maps [2][]field.LogMap
		for i, c := range pair {
			var err error
			if maps[i], err = e.Sample(context.Background(), params, 1, c, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(maps[0][0].Values, maps[1][0].Values) {
			t.Errorf("%+v and %+v make different maps", pair[0], pair[1])
		}
	}
}

// TestSamplingWith: what a manifest names replaces the defaults, and must make sense.
func TestSamplingWith(t *testing.T) {
	want := DefaultSampling()
	if got, err := want.With(nil); err != nil || got != want {
		t.Errorf("without a word: %+v, %v; want the defaults", got, err)
	}
	want.ChurnMin = 250
	if got, err := DefaultSampling().With(json.RawMessage(`{"eta_above": 250}`)); err != nil ||
		got != want {
		t.Errorf("a bound alone: %+v, %v; want %+v", got, err, want)
	}
	if c := (SampleConfig{Sampler: DPM, Steps: 3}); c.Same(SampleConfig{
		Sampler: DPM, Steps: 3, Trapezoid: true,
	}) {
		t.Error("DPM-Solver++ with and without a trapezoidal step are not told apart")
	}
	want.Trapezoid = true
	if got, err := DefaultSampling().With(
		json.RawMessage(`{"eta_above": 250, "trapezoid": true}`)); err != nil ||
		got != want {
		t.Errorf("a trapezoidal step: %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{`{"eta": 2}`, `{"sampler": "euler"}`, `{"above": 250}`, `[]`} {
		if got, err := DefaultSampling().With(json.RawMessage(text)); err == nil {
			t.Errorf("%s became %+v, want an error", text, got)
		}
	}
}

// TestSamplersAreCheckedAlike: what is out of range for one sampler is so for all, whether or not
// it uses the setting, and every fault is named.
func TestSamplersAreCheckedAlike(t *testing.T) {
	for _, sampler := range []string{DDPM, DDIM, DPM} {
		good := SampleConfig{
			Sampler: sampler, Steps: 10, Eta: 1, ChurnMin: 5,
			Spacing: diffusion.UniformTime, Batch: 1,
		}
		if err := good.Validate(); err != nil {
			t.Errorf("%s: %v", sampler, err)
		}
		for want, spoil := range map[string]func(*SampleConfig){
			"SampleConfig.Batch = 0":       func(c *SampleConfig) { c.Batch = 0 },
			"SampleConfig.Steps = -5":      func(c *SampleConfig) { c.Steps = -5 },
			"SampleConfig.Steps = 0":       func(c *SampleConfig) { c.Steps = 0 },
			"SampleConfig.Steps = 1001":    func(c *SampleConfig) { c.Steps = 1001 },
			"SampleConfig.Eta = -0.1":      func(c *SampleConfig) { c.Eta = -0.1 },
			"SampleConfig.Eta = NaN":       func(c *SampleConfig) { c.Eta = math.NaN() },
			"SampleConfig.ChurnMin = 1001": func(c *SampleConfig) { c.ChurnMin = 1001 },
			"SampleConfig.ChurnMin = -1":   func(c *SampleConfig) { c.ChurnMin = -1 },
			`SampleConfig.Spacing = "nonsense"`: func(c *SampleConfig) {
				c.Spacing, c.Steps = "nonsense", 0
			},
		} {
			c := good
			spoil(&c)
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want it to say %q", sampler, err, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	e := open(t, 1, 0)
	good := SampleConfig{Sampler: "ddim", Steps: 2, Batch: 2}
	outside := []cosmology.Params{{OmegaM: 0.3, Sigma8: 1.2}}
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"θ outside the prior": {func() error {
			_, err := e.Sample(context.Background(), outside, 1, good, nil)
			return err
		}, "σ_8 = 1.2"},
		"an unknown sampler": {
			func() error { return SampleConfig{Sampler: "euler", Steps: 2, Batch: 1}.Validate() }, "euler",
		},
		"half of ddpm's": {
			func() error { return SampleConfig{Sampler: "ddpm", Steps: 2, Eta: 0.5, Batch: 1}.Validate() },
			"Eta = 0.5",
		},
		"no batch": {
			func() error { return SampleConfig{Sampler: "ddim", Steps: 2}.Validate() },
			"Batch = 0",
		},
		"too many steps": {
			func() error { return SampleConfig{Sampler: "ddim", Steps: 5000, Batch: 1}.Validate() }, "5000",
		},
		"a map of another side": {func() error {
			_, err := e.Terms(field.LogMap{Box: field.Box{Side: 25, Cells: 16}}, []diffusion.Term{0},
				[]uint64{1}, 1)
			return err
		}, "16 pixels a side, the network was trained on 8"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error = %v, want one that says %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Sample(ctx, few, 1, good, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled sampling returned %v", err)
	}
}
