package validation

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// tables are the ones that are kept in the repository.
func tables(t *testing.T) CAMB {
	t.Helper()
	c, err := ReadCAMB(filepath.Join("..", "..", "data", "validation", "camb.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSmokeReport runs every step in small: an interrupted run goes on, a second one reads, and
// all that needs no large simulation passes.
func TestSmokeReport(t *testing.T) {
	dir := t.TempDir()
	camb := tables(t)
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Run(ctx, Smoke(), camb, dir, func(float64) { cancel() }); err == nil {
		t.Fatal("a cancelled run reported")
	}
	kept, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(kept) == 0 {
		t.Error("an interrupted run kept nothing")
	}
	first, err := Run(context.Background(), Smoke(), camb, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	again, err := Run(context.Background(), Smoke(), camb, dir,
		func(float64) { t.Error("something was simulated twice") })
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range first.Rows {
		if !slices.Equal(row.Cells(), again.Rows[i].Cells()) {
			t.Errorf("measured %v, read %v", row, again.Rows[i])
		}
	}
	sections := map[string]bool{}
	for _, row := range first.Rows {
		sections[row.Section] = true
		if row.Verdict() == report.Miss || math.IsNaN(row.Value) || math.IsInf(row.Value, 0) {
			t.Errorf("%s: %g beside %g ± %g", row.Quantity, row.Value, row.Reference, row.Tolerance)
		}
		if row.Source == "" {
			t.Errorf("%s has a reference from nowhere", row.Quantity)
		}
	}
	if len(sections) != 10 {
		t.Errorf("sections: %v, want 10", sections)
	}
	checkPage(t, first)
}

func checkPage(t *testing.T, r *Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "below", "report")
	if err := r.WriteMarkdown(path+".md", []string{"A machine."},
		map[string]string{SectionPixels: "pixels.png"}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"A machine.", "too small to mean anything",
		"![Pixels of an LH set](pixels.png)", "CAMB 2.0.5", "| 10.971 |",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if err := r.WriteCSV(path + ".csv"); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(path + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(table, []byte("\n")); got != len(r.Rows)+1 {
		t.Errorf("%d lines of CSV for %d rows", got, len(r.Rows))
	}
}

// TestTransferRows: the power that universes begin with is judged at every Ω_m, the fit has rows
// of its own, and tables of other spectra miss.
func TestTransferRows(t *testing.T) {
	camb := tables(t)
	verdicts := func() (ours, fitted map[report.Verdict]int) {
		result, err := newTransfer(camb)
		if err != nil {
			t.Fatal(err)
		}
		ours, fitted = map[report.Verdict]int{}, map[report.Verdict]int{}
		for _, row := range result.rows() {
			if strings.Contains(row.Quantity, "Eisenstein and Hu") {
				fitted[row.Verdict()]++
			} else if strings.Contains(row.Quantity, "relative difference") {
				ours[row.Verdict()]++
			}
		}
		return ours, fitted
	}
	if ours, fitted := verdicts(); ours[report.Pass] != 6 || len(ours) != 1 ||
		fitted[report.Pass] != 2 || fitted[report.Shown] != 4 {
		t.Errorf("verdicts %v, of the fit %v, want 6 passes, and 2 beside 4 without", ours, fitted)
	}
	for _, u := range camb.Universes {
		for i := range u.K {
			u.Linear[i] *= math.Pow(u.K[i], 0.01)
		}
	}
	if ours, _ := verdicts(); ours[report.Miss] != 3 {
		t.Errorf("verdicts with another slope: %v, want 3 misses", ours)
	}
	camb.Universes[0].Params.OmegaM = 1.5
	if _, err := newTransfer(camb); err == nil || !strings.Contains(err.Error(), "Ω_m = 1.5") {
		t.Errorf("error = %v, want one that names Ω_m", err)
	}
}

// TestTablesAreOfToday: the linear power is that of the transfer function beside it, k^n_s T²;
// one of another time differs by up to 5 % because radiation slows the growth inside its horizon.
func TestTablesAreOfToday(t *testing.T) {
	for _, u := range tables(t).Universes {
		shape := func(i int) float64 {
			return u.Linear[i] / (math.Pow(u.K[i], cosmology.New(u.Params).NS) * u.Transfer[i] *
				u.Transfer[i])
		}
		for i, k := range u.K {
			if k < 10 && !scalar.EqualWithinRel(shape(i), shape(0), 2e-3) {
				t.Fatalf("%v: power over k^n_s T² is %.4f of that at k = %g h/Mpc at k = %g", u.Params,
					shape(i)/shape(0), u.K[0], k)
			}
		}
	}
}

// TestCAMBOn: the interpolation gives a power law back between the places of the table.
func TestCAMBOn(t *testing.T) {
	var u CAMBUniverse
	var law []float64
	for i := range 20 {
		k := 0.01 * math.Pow(1.3, float64(i))
		u.K, law = append(u.K, k), append(law, math.Pow(k, -1.5))
	}
	if got := u.on(law, []float64{0.123})[0]; !scalar.EqualWithinRel(got,
		math.Pow(0.123, -1.5), 1e-10) {
		t.Errorf("interpolated %g", got)
	}
}

// TestMatterCurve: boxes with twice the power of their linear modes lie at twice our linear
// theory over HMcode, without an error.
func TestMatterCurve(t *testing.T) {
	u, err := tables(t).universe(cosmology.Fiducial)
	if err != nil {
		t.Fatal(err)
	}
	linear := shells{K: []float64{0.02, 0.3}, P: []float64{100, 7}, Modes: []float64{6, 1000}}
	power := shells{K: linear.K, P: []float64{200, 14}, Modes: linear.Modes}
	got := newMatterCurve(u,
		[]largeBox{{Power: power, Linear: linear}, {Power: power, Linear: linear}})
	ours := cosmology.NewLinearPower(cosmology.New(u.Params))
	for i, k := range linear.K {
		want := 2 * ours.At(k) / u.on(u.HMcode, []float64{k})[0]
		if !scalar.EqualWithinRel(got.OverLinear[i], 2, 1e-12) ||
			!scalar.EqualWithinRel(got.OverHMcode[i], want, 1e-12) || got.HMError[i] > 1e-12 {
			t.Errorf("k = %g: %g over linear theory, %g ± %g over HMcode, want 2 and %g", k,
				got.OverLinear[i], got.OverHMcode[i], got.HMError[i], want)
		}
	}
}

func TestTablesThatAreBroken(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("..", "..", "data", "validation", "camb.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(good), "\n")
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "columns"},
		"other columns":  {"a,b,c,d,e,f\n1,2,3,4,5,6\n", "columns"},
		"no number":      {strings.Join(lines[:3], "") + "0.3,0.8,x,1,1,1\n", `k_h_per_mpc = "x"`},
		"negative power": {strings.Join(lines[:3], "") + "0.3,0.8,1,1,-1,1\n", "linear_mpc3_per_h3"},
		"cut":            {strings.Join(lines[:20], "") + "0.3,0.8", "fields"},
		"falling k":      {strings.Join(lines[:9], "") + lines[5], "want it larger"},
		"too few":        {strings.Join(lines[:6], ""), "want 10 or more"},
		"not fiducial":   {strings.ReplaceAll(string(good), "\n0.3,0.8,", "\n0.3,0.7,"), "no universe"},
	} {
		path := filepath.Join(t.TempDir(), "camb.csv")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadCAMB(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error = %v, want one line with %q", name, err, c.want)
		}
	}
	if _, err := ReadCAMB(filepath.Join(t.TempDir(), "none.csv")); err == nil ||
		!strings.Contains(err.Error(), "make validate-universe") {
		t.Errorf("error = %v", err)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	for name, c := range map[string]Config{"full": Full(), "quick": Quick(), "smoke": Smoke()} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := Smoke()
	c.Boxes, c.LargeSeeds, c.Sides, c.Large.Particles = 1, 0, []int{32, 48}, 17
	err := c.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Boxes = 1", "LargeSeeds = 0", "Sides = 48", "Particles = 17"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
}
