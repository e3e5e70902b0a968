package inference

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/heldout/whitenoise"
	"darkfield/pkg/likelihood"
)

// smallBound is two terms, one of which stands for three.
func smallBound() BoundConfig {
	return BoundConfig{
		Quadrature:    diffusion.Quadrature{Terms: []diffusion.Term{0, 2}, Weights: []float64{1, 3}},
		Seeds:         2,
		Interpolation: likelihood.Interpolation{Tolerance: 0.05, Evaluations: 98},
	}
}

// counting counts the maps that terms are asked of, one after the other.
func counting(terms Terms, maps *int) Terms {
	var last *float32
	return func(m field.LogMap, t []diffusion.Term, seed uint64) likelihood.Terms {
		if &m.Values[0] != last {
			last = &m.Values[0]
			*maps++
		}
		return terms(m, t, seed)
	}
}

// universeOf writes a set and opens it.
func universeOf(t *testing.T, simulations int) Likelihood {
	t.Helper()
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(simulations), false)
	return Likelihood{Data: whitenoise.Open(t, dir), Terms: whitenoise.ExactTerms}
}

// TestBoundIsTheWeightedSumOfTerms: of the test universe, term t is the exact −ln L over 1 + t,
// and 1 for t = 0 and 3·⅓ for t = 2 add up to twice that. Seeds shift a term by a constant.
func TestBoundIsTheWeightedSumOfTerms(t *testing.T) {
	s := Likelihood{
		Data: heldout.Data{Prior: cosmology.CAMELSPrior()}, Terms: whitenoise.ExactTerms,
	}
	truth := cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}
	m := whitenoise.Map(truth, whitenoise.Box(whitenoise.Cells), 1, 0)
	c := smallBound()
	c.Interpolation.Evaluations = 300
	b, err := s.BoundOf(ctx, c, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Terms.Within || b.Pixels != whitenoise.Cells*whitenoise.Cells {
		t.Fatalf("bound of %d pixels, within its tolerance: %v", b.Pixels, b.Terms.Within)
	}
	// within a sigma
	grid := likelihood.Grid{OmegaM: []float64{0.295, 0.3, 0.305}, Sigma8: []float64{0.77, 0.8, 0.83}}
	exact, err := likelihood.Evaluate(ctx, whitenoise.ExactTerms(m, []diffusion.Term{0}, 1), grid,
		nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := likelihood.Sum(b.Terms.On(grid))
	for i := range sum.NLL {
		got, want := sum.NLL[i]-sum.NLL[0], 2*(exact[0].NLL[i]-exact[0].NLL[0])
		if math.Abs(got-want) > 2*c.Interpolation.Tolerance { // of −2Δln L, for two terms
			t.Errorf("%v: %.4f nats above the first point, want %.4f", grid.Points()[i], got, want)
		}
	}
}

// TestBoundsAreKept: whatever is cut off a file is made again, nothing else is, and the bounds
// are those of an unbroken run.
func TestBoundsAreKept(t *testing.T) {
	s := universeOf(t, 3)
	maps, asked := s.Suite.Sets[camels.LH], 0
	s.Terms = counting(whitenoise.ExactTerms, &asked)
	dir := t.TempDir()
	run := func() string {
		t.Helper()
		asked = 0
		bounds, err := s.Bounds(ctx, smallBound(), maps, []int{0, 2}, dir, "bounds", nil)
		if err != nil {
			t.Fatal(err)
		}
		return asJSON(t, bounds)
	}
	want := run()
	if asked != 4 {
		t.Fatalf("%d maps were evaluated, want two of each of two simulations", asked)
	}
	path := onlyFile(t, dir)
	whole := readFile(t, path)
	lines := strings.SplitAfter(whole, "\n")
	for _, cut := range []struct {
		keep, again int
	}{
		{len(whole), 0},
		{len(whole) - 1, 1},
		{len(whole) - len(lines[3])/2, 1},
		{len(lines[0]) + 1, 3},
		{len(lines[0]), 3},
		{3, 4},
		{0, 4},
	} {
		if err := os.WriteFile(path, []byte(whole[:cut.keep]), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := run(); got != want {
			t.Errorf("%d of %d bytes kept: other bounds", cut.keep, len(whole))
		}
		if asked != cut.again {
			t.Errorf("%d of %d bytes kept: %d maps evaluated again, want %d", cut.keep, len(whole),
				asked, cut.again)
		}
		if readFile(t, path) != whole {
			t.Errorf("%d of %d bytes kept: another file", cut.keep, len(whole))
		}
	}
	if err := os.WriteFile(path, []byte("{}\n"+whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bounds(ctx, smallBound(), maps, []int{0}, dir, "bounds", nil); err == nil ||
		!strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "delete the file") {
		t.Errorf("a damaged line: error %v", err)
	}
}

// TestBoundsAreKeptByContent: other settings, weights of a network, changes, and other universes at
// the same parameters are evaluated anew; the same maps under other numbers are not.
func TestBoundsAreKeptByContent(t *testing.T) {
	s := universeOf(t, 3)
	dir := t.TempDir()
	evaluated := func(what string, s Likelihood, c BoundConfig, change *Change, sim, want int) {
		t.Helper()
		asked, maps := 0, s.Suite.Sets[camels.LH]
		s.Terms = counting(s.Terms, &asked)
		bounds, err := s.Bounds(ctx, c, maps, []int{sim}, dir, "bounds", change)
		if err != nil || asked != want {
			t.Errorf("%s: %d maps were evaluated, %v, want %d", what, asked, err, want)
		}
		for _, b := range bounds {
			if b.Simulation != sim || b.Truth != maps.Params(sim) {
				t.Errorf("%s: simulation %d at %v", what, b.Simulation, b.Truth)
			}
		}
	}
	make := func(what string, s Likelihood, c BoundConfig, change *Change) {
		t.Helper()
		evaluated(what, s, c, change, 1, 2)
		evaluated(what+", again", s, c, change, 1, 0)
	}
	make("first", s, smallBound(), nil)
	seeds := smallBound()
	seeds.Seeds = 1
	make("one seed", s, seeds, nil)
	network := s
	network.Checkpoint.Network = "another"
	make("another network", network, smallBound(), nil)
	make("smoothed", s, smallBound(), Observed{Beam: 1}.Change())
	make("with noise", s, smallBound(), Observed{Noise: 0.1}.Change())
	renumbered := t.TempDir()
	params := whitenoise.Spread(3)
	slices.Reverse(params)
	whitenoise.WriteSeeded(t, renumbered, camels.LH, whitenoise.Cells, params,
		func(sim int) uint64 { return uint64(1000 + 2 - sim) })
	evaluated("renumbered", Likelihood{
		Data: whitenoise.Open(t, renumbered), Terms: whitenoise.ExactTerms,
	}, smallBound(), nil, 1, 0)
	other := t.TempDir()
	whitenoise.WriteSeeded(t, other, camels.LH, whitenoise.Cells, whitenoise.Spread(3),
		func(sim int) uint64 { return uint64(7 + sim) })
	make("other phases", Likelihood{
		Data: whitenoise.Open(t, other), Terms: whitenoise.ExactTerms,
	}, smallBound(), nil)
}

// TestInterruptedBoundsAreKept: the maps before the break are not lost.
func TestInterruptedBoundsAreKept(t *testing.T) {
	s := universeOf(t, 3)
	broken, cancel := context.WithCancel(ctx)
	defer cancel()
	asked, maps := 0, s.Suite.Sets[camels.LH]
	exact := counting(whitenoise.ExactTerms, &asked)
	s.Terms = func(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms {
		of := exact(m, terms, seed)
		return func(c context.Context, thetas []cosmology.Params) ([][]float64, error) {
			values, err := of(c, thetas)
			if asked == 3 {
				cancel()
			}
			if c.Err() != nil {
				return nil, c.Err()
			}
			return values, err
		}
	}
	dir := t.TempDir()
	if _, err := s.Bounds(broken, smallBound(), maps, []int{0, 1, 2}, dir, "bounds", nil); err ==
		nil || !strings.Contains(err.Error(), "map 0 of simulation 1") {
		t.Fatalf("error %v, want one that names the map", err)
	}
	if n := strings.Count(readFile(t, onlyFile(t, dir)), "\n"); n != 2 {
		t.Errorf("%d bounds kept, want the 2 before the break", n)
	}
}

func TestBoundConfigFaults(t *testing.T) {
	c := BoundConfig{Seeds: -1}
	err := c.Validate()
	for _, want := range []string{
		"BoundConfig.Quadrature", "BoundConfig.Seeds = -1, want >= 1",
		"Interpolation.Tolerance",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to name %s", err, want)
		}
	}
}

// TestTermsOfAnotherSchedule: the paper's terms stand for 1000 steps; with a schedule of 2000 they
// would be other noise levels, and half of the bound.
func TestTermsOfAnotherSchedule(t *testing.T) {
	s := Likelihood{
		Data:  heldout.Data{Prior: cosmology.CAMELSPrior()},
		Terms: whitenoise.ExactTerms, Steps: 2000,
	}
	m := whitenoise.Map(cosmology.Fiducial, whitenoise.Box(whitenoise.Cells), 1, 0)
	_, err := s.BoundOf(ctx, DefaultBound(), m, nil)
	if err == nil || !strings.Contains(err.Error(), "stand for 1000, the checkpoint's variance "+
		"schedule has 2000 steps") {
		t.Errorf("error = %v, want both numbers", err)
	}
	s.Steps = 1000
	if _, err := s.BoundOf(ctx, DefaultBound(), m, nil); err != nil {
		t.Error(err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d files in %s, %v, want one", len(entries), dir, err)
	}
	return filepath.Join(dir, entries[0].Name())
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestAntitheticPairsAreAveraged: a term is the mean over seeds and their antithetic partners.
func TestAntitheticPairsAreAveraged(t *testing.T) {
	bySeed := map[uint64]float64{1: 2, 2: 5, diffusion.Antithetic(1): 30, diffusion.Antithetic(2): 70}
	s := Likelihood{
		Data: heldout.Data{Prior: cosmology.CAMELSPrior()},
		Terms: func(_ field.LogMap, terms []diffusion.Term,
			seed uint64,
		) likelihood.Terms {
			return func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
				out := make([][]float64, len(thetas))
				for i := range out {
					for _, term := range terms {
						out[i] = append(out[i], bySeed[seed]*float64(1+term))
					}
				}
				return out, nil
			}
		},
	}
	c := smallBound()
	c.Quadrature.Antithetic = true
	values, err := s.overSeeds(field.LogMap{}, c)(ctx, []cosmology.Params{{OmegaM: 0.3, Sigma8: 0.8}})
	if err != nil {
		t.Fatal(err)
	}
	if mean := (2. + 5 + 30 + 70) / 4; math.Abs(values[0][0]-mean) > 1e-12 ||
		math.Abs(values[0][1]-3*mean) > 1e-12 {
		t.Errorf("terms %v, want %v and %v", values[0], mean, 3*mean)
	}
}
