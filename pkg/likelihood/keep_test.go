package likelihood

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/cosmology"
)

// TestInterpolantsAreKept: what was written and read again is the same everywhere, on one patch
// and on several.
func TestInterpolantsAreKept(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	// few leave nothing for a check
	few, all := Interpolation{Tolerance: 0.05, Evaluations: fewest(1)}, DefaultInterpolation()
	single := Interpolation{Tolerance: 0.05, Evaluations: 28} // of two degrees
	for _, c := range []struct {
		pixels
		Interpolation
	}{
		{pixels{truth: prior.Min, n: 10, terms: 3}, few},
		{pixels{truth: prior.Min, n: 10, terms: 3}, single},
		{pixels{truth: cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}, n: 4000, terms: 2, noise: 1}, all},
	} {
		in, err := Interpolate(context.Background(), c.at, WholePrior(prior, 2), c.Interpolation, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var back Interpolant
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		grid := WholePrior(prior, 33)
		if d := cmp.Diff(in.On(grid), back.On(grid)); d != "" {
			t.Errorf("%d patches: %s", len(in.patches), d)
		}
		if d := cmp.Diff(in.Probable(5), back.Probable(5)); d != "" || in.Error != back.Error ||
			in.Evaluations != back.Evaluations || in.Within != back.Within {
			t.Errorf("kept as %+v", back)
		}
	}
}

func TestDamagedInterpolants(t *testing.T) {
	const good = `{"patches":[{"low":{"omega_m":0.1,"sigma_8":0.6},"high":{"omega_m":0.5,"sigma_8":1},"degree":1,"values":[[1,2,3,4]]}]}`
	if err := json.Unmarshal([]byte(good), new(Interpolant)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"degree":1`, `"degree":5`},
		{`,4]`, `]`},
		{`"omega_m":0.1`, `"omega_m":0`},
		{`"sigma_8":1`, `"sigma_8":0.6`},
		{`[[1,2,3,4]]`, `[]`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%q is not in the file", change[0])
		}
		if err := json.Unmarshal([]byte(bad), new(Interpolant)); err == nil ||
			!strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s in place of %s: error %v", change[1], change[0], err)
		}
	}
	if err := json.Unmarshal([]byte(`{}`), new(Interpolant)); err == nil {
		t.Error("an empty interpolant was accepted")
	}
}
