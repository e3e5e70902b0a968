package dataset

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/unet"
)

const cells = 32

// write makes a set of n universes of random maps and opens it.
func write(t *testing.T, set camels.Set, n int) *camels.Suite {
	t.Helper()
	return writeOf(t, set, n, cosmology.CAMELSPrior())
}

// writeOf is write with the parameters of a prior, a quarter of its width from its lower ends but
// for Ω_m.
func writeOf(t *testing.T, set camels.Set, n int, prior cosmology.Prior) *camels.Suite {
	t.Helper()
	dir := t.TempDir()
	desc := camels.CMD(camels.FastPM)
	if len(prior.Further) > 0 {
		of := camels.Parameters(prior)
		desc.Parameters = &of
		err := os.WriteFile(filepath.Join(dir, camels.DescriptionFile),
			[]byte(camels.ParametersOf(prior)), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	params := make([]cosmology.Params, n)
	for i := range params {
		u := cosmology.UnitParams(slices.Repeat([]float64{0.25}, prior.Len()))
		u[0] = (float64(i) + 0.5) / float64(n)
		params[i] = prior.Params(u)
	}
	w, err := camels.NewWriter(dir, desc, "Mcdm", set, cells, params)
	if err != nil {
		t.Fatal(err)
	}
	for sim := range params {
		rng := rand.New(rand.NewPCG(1, uint64(sim)))
		maps := make([]field.Map, camels.MapsPerSimulation)
		for i := range maps {
			maps[i] = field.Map{
				Box:    field.Box{Side: desc.BoxSide, Cells: cells},
				Values: make([]float32, cells*cells),
			}
			for p := range maps[i].Values {
				maps[i].Values[p] = float32(1e11 * math.Exp(rng.NormFloat64()))
			}
		}
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	s, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestPrepare: training sees each map of its simulations averaged down, in logarithms and scaled,
// with its own parameters.
func TestPrepare(t *testing.T) {
	const side = 16
	s := write(t, camels.LH, 10)
	data, manifest, err := Prepare(s, unet.New(unet.Width(8)), side, 1)
	if err != nil {
		t.Fatal(err)
	}
	split := manifest.Data.Split
	if data.Train.Len != 15*len(split.Train) || data.Validation.Len != 15*len(split.Validation) {
		t.Errorf("%d and %d maps, want 15 for each simulation of %v and %v", data.Train.Len,
			data.Validation.Len, split.Train, split.Validation)
	}
	all := slices.Sorted(slices.Values(slices.Concat(split.Train, split.Validation, split.Test)))
	if !slices.Equal(all, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("the split %+v does not hold every simulation once", split)
	}
	if manifest.Data.Side != side || manifest.Data.Unit != s.Description.Unit {
		t.Errorf("manifest %+v does not describe the maps", manifest.Data)
	}

	const i = 17 // map 2 of the second training simulation
	sim := split.Train[1]
	m, err := s.Sets[camels.LH].Map(15*sim + 2)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, side*side)
	theta, err := data.Train.Fill(i, dst)
	if err != nil {
		t.Fatal(err)
	}
	if want := (float64(sim) + 0.5) / 10; math.Abs(float64(theta[0])-want) > 1e-4 ||
		math.Abs(float64(theta[1])-0.25) > 1e-4 {
		t.Errorf("θ = %v, want %g and 0.25", theta, want)
	}
	mean := (float64(m.Values[0]) + float64(m.Values[1]) + float64(m.Values[cells]) +
		float64(m.Values[cells+1])) / 4
	scaling := manifest.Scaling
	if want := 2*(math.Log10(mean)-scaling.Min)/(scaling.Max-scaling.Min) -
		1; math.Abs(float64(dst[0])-want) > 1e-5 {
		t.Errorf("first pixel = %g, want %g", dst[0], want)
	}
}

// TestPrepareFurtherParameters: the manifest has the names and ranges that the description gives,
// the network takes as many, and a map comes with all of them.
func TestPrepareFurtherParameters(t *testing.T) {
	s := writeOf(t, camels.LH, 6, cosmology.CAMELSPrior().With("n_s", 0.8, 1.2).With("h", 0.5, 0.9))
	data, manifest, err := Prepare(s, unet.New(unet.Width(8)), 16, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Prior.Names(); !slices.Equal(got, []string{"omega_m", "sigma_8", "n_s", "h"}) ||
		manifest.Network.ConditionDim != 4 || manifest.Conditioned() != nil {
		t.Errorf("a manifest of %v with a network of %d", got, manifest.Network.ConditionDim)
	}
	theta, err := data.Train.Fill(0, make([]float32, 16*16))
	if err != nil || len(theta) != 4 || math.Abs(float64(theta[2])-0.25) > 1e-6 ||
		math.Abs(float64(theta[3])-0.25) > 1e-6 {
		t.Errorf("θ = %v (%v), want 0.25 for n_s and h", theta, err)
	}
}

// TestConcurrentReads: maps come the same from the file and from memory, to many goroutines.
func TestConcurrentReads(t *testing.T) {
	const side = 16
	data, _, err := Prepare(write(t, camels.LH, 6), unet.New(unet.Width(8)), side, 1)
	if err != nil {
		t.Fatal(err)
	}
	first := make([][]float32, data.Train.Len)
	for i := range first {
		first[i] = make([]float32, side*side)
		if _, err := data.Train.Fill(i, first[i]); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			dst := make([]float32, side*side)
			for i := range first {
				if _, err := data.Train.Fill(i, dst); err != nil || !slices.Equal(dst, first[i]) {
					t.Errorf("map %d came back changed (%v)", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	lh := write(t, camels.LH, 4)
	network := unet.New(unet.Width(8))
	for name, c := range map[string]struct {
		suite *camels.Suite
		side  int
		want  string
	}{
		"a side that cannot be halved thrice": {lh, 20, "multiple of 8"},
		"a side that does not divide":         {lh, 24, "cannot be averaged to 24"},
		"larger than the maps":                {lh, 64, "cannot be averaged to 64"},
		"no LH set":                           {write(t, camels.CV, 4), 16, "no LH set"},
		"too few to split": {
			write(t, camels.LH, 2), 16,
			"holds 2 simulations, want at least 3",
		},
	} {
		_, _, err := Prepare(c.suite, network, c.side, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error = %v, want one line that says %q", name, err, c.want)
		}
	}
}

// TestMeasuredRange: a field whose log range nobody knows is refused until the range of its
// training maps is put in; then training sees values from −1 to 1, and the manifest says of which
// field.
func TestMeasuredRange(t *testing.T) {
	s := write(t, "SB28", 10) // no LH, which may be
	s.Field, s.Description.LogRange = "Mgas", [2]float64{}
	network := unet.New(unet.Width(8))
	if _, _, err := Prepare(s, network, cells, 1); err == nil ||
		!strings.Contains(err.Error(), "Mgas") || !strings.Contains(err.Error(), "log_range") {
		t.Errorf("error = %v, want one that says what to write", err)
	}
	r, err := MeasureRange(context.Background(), s, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Description.LogRange = r
	data, manifest, err := Prepare(s, network, cells, 1)
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Data.Field != "Mgas" || manifest.Data.Set != "SB28" ||
		manifest.Scaling != (field.Scaling{Min: r[0], Max: r[1]}) {
		t.Errorf("manifest %+v, %+v", manifest.Data, manifest.Scaling)
	}
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	dst := make([]float32, cells*cells)
	for i := range data.Train.Len {
		if _, err := data.Train.Fill(i, dst); err != nil {
			t.Fatal(err)
		}
		low, high = min(low, slices.Min(dst)), max(high, slices.Max(dst))
	}
	// The range is rounded outwards to 0.001, and log10 to float32.
	slack := float32(2*0.001/(r[1]-r[0]) + 1e-6)
	if low < -1-1e-6 || low > -1+slack || high > 1+1e-6 || high < 1-slack {
		t.Errorf("training sees %g to %g, want −1 to 1 within %g", low, high, slack)
	}
}
