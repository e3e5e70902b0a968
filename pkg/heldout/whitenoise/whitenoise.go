// Package whitenoise is a universe for tests: log10 maps of white noise of mean 11 + (Ω_m − 0.3)
// and standard deviation 0.1·σ_8/0.8. Its spectra, histograms, 1P response and likelihood have
// closed forms, and its perfect emulator is itself.
package whitenoise

import (
	"context"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
)

// Cells is the side of maps that the emulator makes.
const Cells = 16

// Mean is that of log10 pixels.
func Mean(p cosmology.Params) float64 { return 11 + p.OmegaM - 0.3 }

// Deviation is their standard deviation.
func Deviation(p cosmology.Params) float64 { return 0.1 * p.Sigma8 / 0.8 }

// Box is 25 Mpc/h a side.
func Box(cells int) field.Box { return field.Box{Side: 25, Cells: cells} }

// Map is one map; it depends on all four arguments alone.
func Map(p cosmology.Params, box field.Box, seed uint64, index int) field.LogMap {
	rng := rand.New(rand.NewPCG(seed, uint64(index)))
	m := field.LogMap{Box: box, Values: make([]float32, box.Pixels())}
	for i := range m.Values {
		m.Values[i] = float32(Mean(p) + Deviation(p)*rng.NormFloat64())
	}
	return m
}

// Spread returns n parameters spread over the prior.
func Spread(n int) []cosmology.Params {
	out := make([]cosmology.Params, n)
	for i := range out {
		u := cosmology.UnitParams{(float64(i) + 0.5) / float64(n), math.Mod(0.5+0.618034*float64(i), 1)}
		out[i] = cosmology.CAMELSPrior().Params(u)
	}
	return out
}

// OnePTable varies each parameter over 5 values around the fiducial.
func OnePTable() []cosmology.Params {
	var out []cosmology.Params
	for i := range 5 {
		out = append(out, cosmology.Params{OmegaM: float64(i+1) / 10, Sigma8: 0.8})
	}
	for i := range 5 {
		out = append(out, cosmology.Params{OmegaM: 0.3, Sigma8: float64(i+6) / 10})
	}
	return out
}

// WriteSet writes one set of the test universe; all rows share phases where shared is set, as 1P
// sets do.
func WriteSet(t *testing.T, dir string, set camels.Set, cells int, params []cosmology.Params,
	shared bool,
) {
	t.Helper()
	WriteSeeded(t, dir, set, cells, params, func(sim int) uint64 {
		if shared {
			return 1
		}
		return uint64(1000 + sim)
	})
}

// WriteSeeded is WriteSet with phases of a seed for each row.
func WriteSeeded(t *testing.T, dir string, set camels.Set, cells int, params []cosmology.Params,
	seed func(sim int) uint64,
) {
	t.Helper()
	desc := camels.Description{
		Suite: "Whitenoise", BoxSide: 25, Periodic: true,
		Unit: "(Msun/h)/(Mpc/h)^2", LogRange: [2]float64{9, 13},
	}
	text := "{suite: Whitenoise, box_side_mpc_h: 25, periodic: true, unit: \"(Msun/h)/(Mpc/h)^2\", " +
		"log_range: [9, 13]}\n"
	err := os.WriteFile(filepath.Join(dir, camels.DescriptionFile), []byte(text), 0o666)
	if err != nil {
		t.Fatal(err)
	}
	w, err := camels.NewWriter(dir, desc, "Mcdm", set, cells, params)
	if err != nil {
		t.Fatal(err)
	}
	for sim, p := range params {
		maps := make([]field.Map, camels.MapsPerSimulation)
		for i := range maps {
			maps[i] = Map(p, Box(cells), seed(sim), i).Linear()
		}
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

// Counted is a perfect emulator of the test universe that counts the maps it makes.
type Counted struct {
	Made int
	// what the deviation of every log10 pixel from its mean is multiplied by
	Stretch float64
}

// Sample is an evaluate.Sample.
func (c *Counted) Sample(_ context.Context, start int, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	out := make([]field.LogMap, len(params))
	for i, p := range params {
		out[i] = Map(p, Box(Cells), seed^0xabcdef, start+i)
		for j, v := range out[i].Values {
			out[i].Values[j] = float32(Mean(p) + c.Stretch*(float64(v)-Mean(p)))
		}
	}
	c.Made += len(params)
	if progress != nil {
		progress(len(params), len(params))
	}
	return out, nil
}

// ExactTerms is the exact −log L of a map, scaled down for higher terms; the seed shifts it by a
// constant that must not matter.
func ExactTerms(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms {
	return func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(thetas))
		for i, p := range thetas {
			nll := 0.0
			for _, v := range m.Values {
				z := (float64(v) - Mean(p)) / Deviation(p)
				nll += z*z/2 + math.Log(Deviation(p))
			}
			for _, t := range terms {
				out[i] = append(out[i], nll/float64(1+t)+float64(seed))
			}
		}
		return out, nil
	}
}

// Open returns the data of a written directory: simulations 1, 3, 5, … are held out.
func Open(t *testing.T, dir string) heldout.Data {
	t.Helper()
	suite, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, suite)
	d := heldout.Data{
		Suite: suite, Prior: cosmology.CAMELSPrior(), Box: Box(Cells),
		Checkpoint: heldout.Checkpoint{
			Hash: "0123456789abcdef", Network: "fedcba9876543210", Step: 1200,
		},
	}
	for sim := 1; sim < 200; sim += 2 {
		d.Validation = append(d.Validation, sim)
	}
	return d
}

// WithControl writes and opens the data of 24 simulations, and a control of two other universes for
// each held-out one.
func WithControl(t *testing.T) (heldout.Data, *camels.Maps) {
	t.Helper()
	dir, other := t.TempDir(), t.TempDir()
	params := Spread(24)
	WriteSet(t, dir, camels.LH, Cells, params, false)
	var held []cosmology.Params
	for sim := 1; sim < len(params); sim += 2 {
		held = append(held, params[sim], params[sim])
	}
	slices.Reverse(held) // no row has the phases of the simulation that it is compared with
	WriteSet(t, other, camels.LH, Cells, held, false)
	control, err := camels.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, control)
	return Open(t, dir), control.Sets[camels.LH]
}

// Split returns data with simulations 0, 4, 8, … for training, the odd ones for validation and the
// rest for tests.
func Split(d heldout.Data, sims int) heldout.Data {
	d.Train, d.Test = nil, nil
	for sim := 0; sim < sims; sim += 2 {
		if sim%4 == 0 {
			d.Train = append(d.Train, sim)
		} else {
			d.Test = append(d.Test, sim)
		}
	}
	return d
}

// ResponseSet writes realisations of a fiducial model and both ends of each parameter; the reader
// must find the rows by their parameters, so every other round stands backwards.
func ResponseSet(t *testing.T, realisations int) *camels.Maps {
	t.Helper()
	round := []cosmology.Params{
		{OmegaM: 0.1, Sigma8: 0.8},
		{OmegaM: 0.5, Sigma8: 0.8},
		cosmology.Fiducial,
		{OmegaM: 0.3, Sigma8: 0.6},
		{OmegaM: 0.3, Sigma8: 1},
	}
	var params []cosmology.Params
	for i := range realisations {
		params = append(params, round...)
		if i%2 == 1 {
			slices.Reverse(params[len(params)-len(round):])
		}
	}
	dir := t.TempDir()
	WriteSeeded(t, dir, camels.OneP, Cells, params,
		func(sim int) uint64 { return uint64(500 + sim/len(round)) })
	s, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, s)
	return s.Sets[camels.OneP]
}

// closeAfter closes a suite at the end of a test.
func closeAfter(t *testing.T, suite *camels.Suite) {
	t.Cleanup(func() {
		if err := suite.Close(); err != nil {
			t.Error(err)
		}
	})
}

// CheckCSV writes and reads a table and counts its rows.
func CheckCSV(t *testing.T, write func(string) error, rows int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new", "table.csv")
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) != rows+1 {
		t.Errorf("%d rows, want %d below the header: %v", len(all), rows, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind beside the table: %v", left)
	}
}
