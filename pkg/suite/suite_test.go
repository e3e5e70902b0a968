package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/nbody"
)

func tiny(dir string, set camels.Set, sims int) Config {
	n := nbody.Default()
	n.Particles, n.Steps, n.Pixels, n.Neighbours = 16, 4, 32, 32
	return Config{Dir: dir, Set: set, Sims: sims, Cells: 16, Seed: 1, NBody: n}
}

// read returns all files of a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(raw)
	}
	return out
}

func equal(t *testing.T, a, b map[string]string) {
	t.Helper()
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs", name)
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d and %d files", len(a), len(b))
	}
}

// TestInterruptedGivesTheSameFiles: any number of workers, interruptions and growth end in the
// same bytes.
func TestInterruptedGivesTheSameFiles(t *testing.T) {
	straight, broken, grown := t.TempDir(), t.TempDir(), t.TempDir()
	c := tiny(straight, camels.LH, 6)
	c.Workers = 1
	if err := Make(context.Background(), c, nil); err != nil {
		t.Fatal(err)
	}
	for _, c.Workers = range []int{2, 3} {
		c.Dir = t.TempDir()
		if err := Make(context.Background(), c, nil); err != nil {
			t.Fatal(err)
		}
		equal(t, read(t, straight), read(t, c.Dir))
	}
	c.Dir = broken
	for stop := 1; stop <= 5; stop += 2 {
		ctx, cancel := context.WithCancel(context.Background())
		err := Make(ctx, c, func(done, _ int) {
			if done >= stop {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error = %v, want it cancelled", err)
		}
	}
	for range 2 { // the second finds nothing to do
		if err := Make(context.Background(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, read(t, straight), read(t, broken))
	for _, sims := range []int{2, 6} {
		if err := Make(context.Background(), tiny(grown, camels.LH, sims), nil); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, read(t, straight), read(t, grown))
}

// TestParts: a set of parts that are made side by side is that of one call.
func TestParts(t *testing.T) {
	whole, c := tiny(t.TempDir(), camels.LH, 5), tiny(filepath.Join(t.TempDir(), "u"), camels.LH, 5)
	if err := Make(t.Context(), whole, nil); err != nil {
		t.Fatal(err)
	}
	missing := func(want ...int) {
		t.Helper()
		if got, err := Missing(c); err != nil || !slices.Equal(got, want) {
			t.Errorf("missing %v (%v), want %v", got, err, want)
		}
	}
	missing(0, 1, 2, 3, 4)
	if _, err := os.Stat(c.Dir); err == nil {
		t.Error("to ask for what is missing made the directory")
	}
	var wait sync.WaitGroup
	for _, part := range []int{0, 1} {
		wait.Go(func() {
			c := c
			c.Only = func(sim int) bool { return sim%3 == part }
			if err := Make(t.Context(), c, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	missing(2)
	other := c
	other.Seed++
	if _, err := Missing(other); err == nil || !strings.Contains(err.Error(), "made otherwise") {
		t.Errorf("what is missing of another set: %v", err)
	}
	if err := Make(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
	missing()
	equal(t, read(t, whole.Dir), read(t, c.Dir))
}

// TestStoppedBeforeSettings: a call that got no further than the README is completed by the next.
func TestStoppedBeforeSettings(t *testing.T) {
	straight, broken := t.TempDir(), t.TempDir()
	if err := Make(context.Background(), tiny(straight, camels.CV, 1), nil); err != nil {
		t.Fatal(err)
	}
	obstacle := filepath.Join(broken, "README.txt")
	if err := os.Mkdir(obstacle, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Make(context.Background(), tiny(broken, camels.CV, 1), nil); err == nil ||
		!strings.Contains(err.Error(), obstacle) {
		t.Fatalf("error = %v, want one that names the README", err)
	}
	os.Remove(obstacle)
	if err := Make(context.Background(), tiny(broken, camels.CV, 1), nil); err != nil {
		t.Fatal(err)
	}
	equal(t, read(t, straight), read(t, broken))
}

func TestOtherSettingsAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := Make(context.Background(), tiny(dir, camels.CV, 1), nil); err != nil {
		t.Fatal(err)
	}
	c := tiny(dir, camels.CV, 1)
	c.NBody.Steps = 5
	err := Make(context.Background(), c, nil)
	if err == nil || !strings.Contains(err.Error(), "steps: 4") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names the steps", err)
	}
}

// TestOtherSimulatorsAreRefused: a set begun with the first version of the simulator, which wrote
// no version, cannot be continued, and the error says so instead of naming a setting.
func TestOtherSimulatorsAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := Make(context.Background(), tiny(dir, camels.CV, 1), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "universe_CV.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("simulator_version: %d\n", nbody.Version)
	for now, want := range map[string]string{
		"": "version 1 of", "simulator_version: 99\n": "version 99 of",
	} {
		other := strings.Replace(string(text), line, now, 1)
		if other == string(text) {
			t.Fatalf("%s does not say %q", path, line)
		}
		if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Make(context.Background(), tiny(dir, camels.CV, 2), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error = %v, want one that names %s and says %q", err, path, want)
		}
	}
}

// TestSettingsFromWindows: settings that a Windows editor saved again are the same settings.
func TestSettingsFromWindows(t *testing.T) {
	dir := t.TempDir()
	if err := Make(context.Background(), tiny(dir, camels.CV, 1), nil); err != nil {
		t.Fatal(err)
	}
	path := settings(dir, camels.CV)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("\ufeff"), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Make(context.Background(), tiny(dir, camels.CV, 1), nil); err != nil {
		t.Error(err)
	}
	if c, ok, err := Settings(dir, camels.CV); !ok || err != nil ||
		c.NBody.Steps != tiny(dir, camels.CV, 1).NBody.Steps {
		t.Errorf("%+v, %v, %v", c, ok, err)
	}
}

func TestUnwritableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Make(context.Background(), tiny(filepath.Join(file, "below"), camels.CV, 1), nil); err ==
		nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error = %v, want one that names %s", err, file)
	}
}

// TestOnePVariesOneParameter: from end to end of the prior with the fiducial model in the middle,
// in as many values as are asked for.
func TestOnePVariesOneParameter(t *testing.T) {
	for _, values := range []int{3, 5, 11} {
		dir := t.TempDir()
		if err := Make(context.Background(), tiny(dir, camels.OneP, 2*values), nil); err != nil {
			t.Fatal(err)
		}
		s, err := camels.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		variations, err := s.Sets[camels.OneP].OneParameter()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct{ low, high, fiducial float64 }{{0.1, 0.5, 0.3}, {0.6, 1, 0.8}} {
			v := variations[i]
			if len(v.Values) != values || v.Values[0] != want.low || v.Values[values-1] != want.high ||
				v.Values[v.Fiducial] != want.fiducial || 2*v.Fiducial != values-1 {
				t.Errorf("%s varies as %v, fiducial %d", v.Name, v.Values, v.Fiducial)
			}
		}
	}
	for _, n := range []int{2, 4, 8, 11, 12, 20} {
		if _, err := Design(camels.OneP, n, 1); err == nil ||
			!strings.Contains(err.Error(), "odd number of values") {
			t.Errorf("%d simulations: %v", n, err)
		}
	}
}

// TestSobolFillsThePrior: each cell of the 8×8 grid holds exactly one of the first 64 points,
// whatever the shift.
func TestSobolFillsThePrior(t *testing.T) {
	universes, err := Design(camels.LH, 64, 9)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]int]bool{}
	for _, u := range universes {
		x := cosmology.CAMELSPrior().Unit(u.Params)
		seen[[2]int{int(8 * x[0]), int(8 * x[1])}] = true
	}
	if len(seen) != 64 {
		t.Errorf("64 points fill %d of 64 cells", len(seen))
	}
}

// bandPower is the power of the overdensity of maps in the modes 2.5 < |n| <= 4.5, k ≈ 0.9 h/Mpc.
func bandPower(maps []field.Map) float64 {
	sum := 0.0
	for _, m := range maps {
		n, mean := m.Box.Cells, m.Mean()
		for ky := -4; ky <= 4; ky++ {
			for kx := -4; kx <= 4; kx++ {
				if k := math.Hypot(float64(kx), float64(ky)); k <= 2.5 || k > 4.5 {
					continue
				}
				var re, im float64
				for i, v := range m.Values {
					s, c := math.Sincos(2 * math.Pi * float64(ky*(i/n)+kx*(i%n)) / float64(n))
					re, im = re+(float64(v)/mean-1)*c, im+(float64(v)/mean-1)*s
				}
				sum += re*re + im*im
			}
		}
	}
	return sum
}

// TestResponse: the power at k ≈ 0.9 h/Mpc responds to the parameters as in a full simulation
// code: values and tolerances (10 % for σ_8, 15 % for Ω_m) are the project's acceptance numbers,
// for a mean over 5 seeds. One seed, which is what runs by default, scatters by about 10 % more;
// DARKFIELD_ACCEPTANCE=1 takes five.
func TestResponse(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 25 s of universes")
	}
	seeds, slack := 1, 0.1
	if os.Getenv("DARKFIELD_ACCEPTANCE") == "1" {
		seeds, slack = 5, 0
	}
	c := nbody.Default()
	power := func(p cosmology.Params) float64 {
		sum := 0.0
		for seed := range uint64(seeds) {
			maps, err := nbody.Universe(context.Background(), c, p, seed, 32)
			if err != nil {
				t.Fatal(err)
			}
			sum += bandPower(maps)
		}
		return sum
	}
	fiducial := power(cosmology.Fiducial)
	for _, r := range []struct {
		p               cosmology.Params
		want, tolerance float64
	}{
		{cosmology.Params{OmegaM: 0.3, Sigma8: 0.6}, 0.56, 0.1},
		{cosmology.Params{OmegaM: 0.3, Sigma8: 1.0}, 1.50, 0.1},
		{cosmology.Params{OmegaM: 0.1, Sigma8: 0.8}, 0.53, 0.15},
		{cosmology.Params{OmegaM: 0.5, Sigma8: 0.8}, 1.23, 0.15},
	} {
		got := power(r.p) / fiducial
		t.Logf("P(%v)/P(fiducial) = %.3f, want %.2f", r.p, got, r.want)
		if math.Abs(got/r.want-1) > r.tolerance+slack {
			t.Errorf("P(%v)/P(fiducial) = %.3f, want %.2f within %.0f %%", r.p, got, r.want,
				100*(r.tolerance+slack))
		}
	}
}

// TestOnePointDistribution: 256² maps of 100 LH boxes have log10 values of mean 10.98 ± 0.05 and
// deviation 0.52 ± 0.03; CAMELS has 10.971 and 0.509. By default the first 6 boxes, which the
// Sobol sequence spreads over the prior, with 0.1 and 0.06.
func TestOnePointDistribution(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 30 s of universes")
	}
	boxes, slack := 6, 2.0
	if os.Getenv("DARKFIELD_ACCEPTANCE") == "1" {
		boxes, slack = 100, 1
	}
	c := tiny(t.TempDir(), camels.LH, boxes)
	c.NBody, c.Cells = nbody.Default(), 256
	if err := Make(context.Background(), c, nil); err != nil {
		t.Fatal(err)
	}
	s, err := camels.Open(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var sum, squares, n float64
	for i := range s.Sets[camels.LH].Len() {
		m, err := s.Sets[camels.LH].Map(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range m.Values {
			l := math.Log10(float64(v))
			sum, squares, n = sum+l, squares+l*l, n+1
		}
	}
	mean, deviation := sum/n, math.Sqrt(squares/n-sum*sum/n/n)
	t.Logf("log10 of %d boxes: mean %.3f, standard deviation %.3f", boxes, mean, deviation)
	if math.Abs(mean-10.98) > 0.05*slack || math.Abs(deviation-0.52) > 0.03*slack {
		t.Errorf("log10 has mean %.3f and standard deviation %.3f, want 10.98 ± %.2f and 0.52 ± %.2f",
			mean, deviation, 0.05*slack, 0.03*slack)
	}
}

// TestControl: each round has one universe at each parameter, no phases twice, none of a set of
// the same seed, and more rounds may follow.
func TestControl(t *testing.T) {
	params := []cosmology.Params{{OmegaM: 0.2, Sigma8: 0.7}, {OmegaM: 0.4, Sigma8: 0.9}}
	control := func(each int) Config {
		c := tiny(t.TempDir(), camels.LH, each*len(params))
		c.Control = Control{Params: params, Each: each}
		return c
	}
	c := control(3)
	universes, err := c.design()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	lh, err := Design(camels.LH, 6, c.Seed)
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range append(universes, lh...) {
		if i < len(universes) && u.Params != params[i%2] {
			t.Errorf("universe %d is at %v, want %v", i, u.Params, params[i%2])
		}
		if seen[u.Seed] {
			t.Errorf("universe %d has the phases of one before it", i)
		}
		seen[u.Seed] = true
	}
	if err := Make(context.Background(), control(1), nil); err != nil {
		t.Fatal(err)
	}
	c.Sims++
	if _, err := c.design(); err == nil {
		t.Error("a control of 2 parameters in 7 simulations was accepted")
	}
	text, err := os.ReadFile(filepath.Join(plain(t), "universe_LH.yaml"))
	if err != nil || strings.Contains(string(text), "control") {
		t.Errorf("a set without a control says in its settings (%v):\n%s", err, text)
	}
}

// TestResponses: all parameters of a round share phases that no other round nor the 1P set has,
// and more rounds may follow.
func TestResponses(t *testing.T) {
	params := ResponseParams()
	responses := func(rounds int) Config {
		c := tiny(t.TempDir(), camels.OneP, rounds*len(params))
		c.Responses = true
		return c
	}
	c := responses(3)
	universes, err := c.design()
	if err != nil {
		t.Fatal(err)
	}
	onep, err := Design(camels.OneP, 22, c.Seed)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{onep[0].Seed: true}
	for i, u := range universes {
		first := universes[i/len(params)*len(params)]
		if u.Params != params[i%len(params)] || u.Seed != first.Seed {
			t.Errorf("universe %d is %+v, want %v with the phases of its round, %d", i, u,
				params[i%len(params)], first.Seed)
		}
		if i%len(params) == 0 && seen[u.Seed] {
			t.Errorf("round %d has the phases of another", i/len(params))
		}
		seen[u.Seed] = true
	}
	c.Sims++
	if _, err := c.design(); err == nil {
		t.Error("a round that is not whole was accepted")
	}
	small := responses(1)
	if err := Make(context.Background(), small, nil); err != nil {
		t.Fatal(err)
	}
	s, err := camels.Open(small.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	varied, err := s.Sets[camels.OneP].OneParameter()
	if err != nil || len(varied) != 2 || len(varied[0].Rows) != 3 || varied[1].Rows[1] != 2 {
		t.Errorf("the reader finds %+v, %v", varied, err)
	}
	small.Sims *= 2
	if _, err := small.check(); err != nil {
		t.Errorf("responses cannot grow: %v", err)
	}
	if err := small.settle(); err != nil {
		t.Errorf("responses cannot grow: %v", err)
	}
	back, ok, err := Settings(small.Dir, camels.OneP)
	if err != nil || !ok || !back.Responses || back.Seed != small.Seed || back.NBody != small.NBody {
		t.Errorf("settings come back as %+v, %v, %v", back, ok, err)
	}
	if _, ok, err := Settings(small.Dir, camels.LH); ok || err != nil {
		t.Errorf("settings of a set that is not there: %v, %v", ok, err)
	}
}

// plain makes a set without a control.
func plain(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := Make(context.Background(), tiny(dir, camels.LH, 1), nil); err != nil {
		t.Fatal(err)
	}
	return dir
}
