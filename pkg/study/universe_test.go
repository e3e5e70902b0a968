package study

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// The universe of these tests: log10 maps of white noise of mean 11 + (Ω_m − 0.3) and standard
// deviation 0.1·σ_8/0.8. Its spectra, histograms, 1P response and likelihood have closed forms,
// and its perfect emulator is itself.

const testCells = 16

func testMean(p cosmology.Params) float64      { return 11 + p.OmegaM - 0.3 }
func testDeviation(p cosmology.Params) float64 { return 0.1 * p.Sigma8 / 0.8 }

func testBox(cells int) field.Box { return field.Box{Side: 25, Cells: cells} }

func testMap(p cosmology.Params, box field.Box, seed uint64, index int) field.LogMap {
	rng := rand.New(rand.NewPCG(seed, uint64(index)))
	m := field.LogMap{Box: box, Values: make([]float32, box.Pixels())}
	for i := range m.Values {
		m.Values[i] = float32(testMean(p) + testDeviation(p)*rng.NormFloat64())
	}
	return m
}

// latin returns n parameters spread over the prior.
func latin(n int) []cosmology.Params {
	out := make([]cosmology.Params, n)
	for i := range out {
		u := cosmology.UnitParams{(float64(i) + 0.5) / float64(n), math.Mod(0.5+0.618034*float64(i), 1)}
		out[i] = cosmology.CAMELSPrior().Params(u)
	}
	return out
}

// onePTable varies each parameter over 5 values around the fiducial.
func onePTable() []cosmology.Params {
	var out []cosmology.Params
	for i := range 5 {
		out = append(out, cosmology.Params{OmegaM: float64(i+1) / 10, Sigma8: 0.8})
	}
	for i := range 5 {
		out = append(out, cosmology.Params{OmegaM: 0.3, Sigma8: float64(i+6) / 10})
	}
	return out
}

// writeSet writes one set of the test universe; all rows share phases where shared is set, as 1P
// sets do.
func writeSet(t *testing.T, dir string, set camels.Set, cells int, params []cosmology.Params,
	shared bool,
) {
	t.Helper()
	writeSeeded(t, dir, set, cells, params, func(sim int) uint64 {
		if shared {
			return 1
		}
		return uint64(1000 + sim)
	})
}

// writeSeeded is writeSet with phases of a seed for each row.
func writeSeeded(t *testing.T, dir string, set camels.Set, cells int, params []cosmology.Params,
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
			maps[i] = testMap(p, testBox(cells), seed(sim), i).Linear()
		}
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

// counted is a perfect emulator of the test universe that counts the maps it makes.
type counted struct {
	made int
	// bias is added to every log10 pixel's deviation from its mean, as a factor.
	stretch float64
}

func (c *counted) sample(_ context.Context, start int, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	out := make([]field.LogMap, len(params))
	for i, p := range params {
		out[i] = testMap(p, testBox(testCells), seed^0xabcdef, start+i)
		for j, v := range out[i].Values {
			out[i].Values[j] = float32(testMean(p) + c.stretch*(float64(v)-testMean(p)))
		}
	}
	c.made += len(params)
	if progress != nil {
		progress(len(params), len(params))
	}
	return out, nil
}

// exactTerms is the exact −log L of a map, scaled down for higher terms; the seed shifts it by a
// constant that must not matter.
func exactTerms(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms {
	return func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(thetas))
		for i, p := range thetas {
			nll := 0.0
			for _, v := range m.Values {
				z := (float64(v) - testMean(p)) / testDeviation(p)
				nll += z*z/2 + math.Log(testDeviation(p))
			}
			for _, t := range terms {
				out[i] = append(out[i], nll/float64(1+t)+float64(seed))
			}
		}
		return out, nil
	}
}

// open makes a source on a written directory: simulations 1, 3, 5, … are held out.
func open(t *testing.T, dir string, emulator *counted) Source {
	t.Helper()
	suite, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { suite.Close() })
	s := Source{
		Suite: suite, Prior: cosmology.CAMELSPrior(), Box: testBox(testCells), Hash: "0123456789abcdef",
		Network: "fedcba9876543210", Step: 1200, Sampler: "exact",
		Sample: emulator.sample, Terms: exactTerms, Cache: t.TempDir(),
	}
	for sim := 1; sim < 200; sim += 2 {
		s.Validation = append(s.Validation, sim)
	}
	return s
}

// smallConfig is a study that takes a second.
func smallConfig() Config {
	c := Default()
	c.ValidationParams, c.MapsPerParam, c.OnePSeeds, c.InferenceMaps, c.HistogramBins = 6,
		20, 15, 10, 40
	c.Terms = []int{0, 2, 5}
	return c
}
