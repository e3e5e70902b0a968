package cosmology

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"
)

// sample is one line of CAMB's numbers that the table does not hold.
type sample struct{ omegaM, k, transfer, power float64 } // power is NaN beyond 10 h/Mpc

// samples reads testdata/camb.csv, which pkg/cosmology/camb/transfer.py writes; σ_8 = 0.8.
func samples(t *testing.T) []sample {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "camb.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []sample
	for _, row := range rows[1:] {
		v := [4]float64{3: math.NaN()}
		for i, cell := range row {
			if i == 3 && cell == "" {
				continue
			}
			if v[i], err = strconv.ParseFloat(cell, 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, sample{v[0], v[1], v[2], v[3]})
	}
	return out
}

// worst is the largest relative difference from CAMB, and where.
type worst struct{ difference, omegaM, k float64 }

func (w *worst) add(got, want float64, s sample) {
	if d := math.Abs(got/want - 1); d > w.difference || math.IsNaN(d) {
		*w = worst{d, s.omegaM, s.k}
	}
}

func (w worst) String() string {
	return fmt.Sprintf("%.3f %% at Ω_m = %g, k = %g h/Mpc", 100*w.difference, w.omegaM, w.k)
}

// TestTransferAgainstCAMB compares with numbers that are not in the table. CAMB itself is
// converged to 0.03 % in T, 0.06 % in P; its own interpolation between wavenumbers adds to its
// normalised power.
func TestTransferAgainstCAMB(t *testing.T) {
	prior := CAMELSPrior()
	var transfer, power, small, outside, fitted, fittedFiducial worst
	universes := 0
	var tr Transfer
	var shipped, fit LinearPower
	last := 0.0
	for _, s := range samples(t) {
		if s.omegaM != last {
			c := New(Params{OmegaM: s.omegaM, Sigma8: 0.8})
			var err error
			if tr, err = NewTransfer(c); err != nil {
				t.Fatal(err)
			}
			shipped, fit = NewLinearPower(c), NewEisensteinHuPower(c)
			last = s.omegaM
			universes++
		}
		got := tr.At(s.k)
		switch {
		case s.omegaM < prior.Min.OmegaM || s.omegaM > prior.Max.OmegaM:
			// T itself passes through 0 where nearly all matter is baryons.
			outside.add(1+(got-s.transfer)/math.Max(math.Abs(s.transfer), 0.02), 1, s)
			continue
		case s.k > 10:
			small.add(got*got, s.transfer*s.transfer, s)
			continue
		}
		transfer.add(got, s.transfer, s)
		power.add(shipped.At(s.k), s.power, s)
		fitted.add(fit.At(s.k), s.power, s)
		if s.omegaM == Fiducial.OmegaM {
			fittedFiducial.add(fit.At(s.k), s.power, s)
		}
	}
	if universes < 8 {
		t.Fatalf("compared at %d Ω_m, want 8 or more", universes)
	}
	t.Logf("over the prior, k < 10 h/Mpc: transfer function %v; power %v", transfer, power)
	t.Logf("over the prior, 10 < k < 60 h/Mpc: transfer function squared %v", small)
	t.Logf("outside the prior: transfer function %v", outside)
	t.Logf("Eisenstein and Hu's power: %v; of the fiducial universe %v", fitted, fittedFiducial)
	for _, c := range []struct {
		name string
		worst
		least, most float64
	}{
		{"transfer function over the prior, k < 10 h/Mpc", transfer, 0, 0.0015},
		{"power over the prior, k < 10 h/Mpc", power, 0, 0.003},
		{"transfer function squared, k > 10 h/Mpc", small, 0, 0.003},
		{"transfer function outside the prior", outside, 0, 0.01},
		{"Eisenstein and Hu's power over the prior", fitted, 0.1, 0.25},
		{"Eisenstein and Hu's power of the fiducial universe", fittedFiducial, 0.01, 0.05},
	} {
		if !(c.difference >= c.least && c.difference <= c.most) {
			t.Errorf("%s: CAMB's differs by %v, want %g to %g %%", c.name, c.worst, 100*c.least, 100*c.most)
		}
	}
}

// TestTransferLimits: T → 1 at large scales, and nothing jumps where the table begins and ends.
func TestTransferLimits(t *testing.T) {
	for _, om := range []float64{0.06, 0.1, 0.3, 1} {
		tr, err := NewTransfer(New(Params{OmegaM: om, Sigma8: 0.8}))
		if err != nil {
			t.Fatal(err)
		}
		if got := tr.At(0); got != 1 {
			t.Errorf("Ω_m = %g: T(0) = %g, want 1", om, got)
		}
		if got := tr.At(1e-5); !scalar.EqualWithinAbs(got, 1, 1e-4) {
			t.Errorf("Ω_m = %g: T(1e-5) = %g, want 1", om, got)
		}
		for _, x := range []float64{tr.first, tr.last} {
			k := x / tr.horizon
			below, above := tr.At(k*(1-1e-9)), tr.At(k*(1+1e-9))
			if !scalar.EqualWithinRel(below, above, 1e-7) {
				t.Errorf("Ω_m = %g: T jumps from %.10g to %.10g at k = %g h/Mpc", om, below, above, k)
			}
		}
		if end := tr.last / tr.horizon; end < 60 {
			t.Errorf("Ω_m = %g: the table ends at k = %g h/Mpc, want 60 or more", om, end)
		}
		k := 2 * tr.last / tr.horizon
		if slope := math.Log(tr.At(2*k)/tr.At(k)) / math.Ln2; !(slope > -2 && slope < -1.7) {
			t.Errorf("Ω_m = %g: dlnT/dlnk beyond the table is %g, want the ln(k)/k² of cold matter", om,
				slope)
		}
	}
}

// TestPowerIsSmoothInOmegaM: dlnP/dlnΩ_m, by which maps answer to Ω_m, is the same from steps of
// 0.25 % and of 1 %. Where half the matter is baryons the third derivative of lnP reaches 75,
// which leaves 75·0.01²/6 = 0.0013; a jump of 10⁻⁵ anywhere adds 0.002 and more.
func TestPowerIsSmoothInOmegaM(t *testing.T) {
	at := func(lnOmegaM float64) LinearPower {
		return NewLinearPower(New(Params{OmegaM: math.Exp(lnOmegaM), Sigma8: 0.8}))
	}
	for om := 0.1; om <= 0.5; om *= 1.1 {
		u := math.Log(om)
		fine, coarse := [2]LinearPower{at(u - 0.0025), at(u + 0.0025)},
			[2]LinearPower{at(u - 0.01), at(u + 0.01)}
		for k := 0.01; k < 60; k *= 1.5 {
			a, b := math.Log(fine[1].At(k)/fine[0].At(k))/0.005,
				math.Log(coarse[1].At(k)/coarse[0].At(k))/0.02
			if math.Abs(a-b) > 0.002 {
				t.Errorf("Ω_m = %.3f, k = %.3g: dlnP/dlnΩ_m = %.4f with 0.25 %%, %.4f with 1 %%", om, k, a, b)
			}
		}
	}
}

func TestPowerIsNormalised(t *testing.T) {
	for name, power := range map[string]func(Cosmology) LinearPower{
		"CAMB":              NewLinearPower,
		"Eisenstein and Hu": NewEisensteinHuPower,
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := Params{
					OmegaM: rapid.Float64Range(0.06, 1).Draw(t, "OmegaM"),
					Sigma8: rapid.Float64Range(0.2, 2).Draw(t, "Sigma8"),
				}
				if got := power(New(p)).Sigma(8); !scalar.EqualWithinRel(got, p.Sigma8, 1e-9) {
					t.Fatalf("σ_8 of the spectrum = %g, want %g", got, p.Sigma8)
				}
			})
		})
	}
}

// TestTransferKnowsItsUniverses: a universe that is not in the table is refused, one with another
// slope is not.
func TestTransferKnowsItsUniverses(t *testing.T) {
	fiducial := New(Fiducial)
	for _, c := range []struct {
		change func(c *Cosmology)
		want   string // in the error; "" for none
	}{
		{func(c *Cosmology) { c.NS = 1 }, ""},
		{func(c *Cosmology) { c.OmegaM = 0.0491 }, ""},
		{func(c *Cosmology) { c.OmegaM = 1 }, ""},
		{func(c *Cosmology) { c.H = 0.7 }, "h = 0.7"},
		{func(c *Cosmology) { c.OmegaB = 0.05 }, "Ω_b = 0.05"},
		{func(c *Cosmology) { c.OmegaM = 0.049 }, "Ω_m = 0.049"},
		{func(c *Cosmology) { c.OmegaM = 1.01 }, "Ω_m = 1.01"},
		{func(c *Cosmology) { c.OmegaM = math.NaN() }, "Ω_m = NaN"},
	} {
		u := fiducial
		c.change(&u)
		_, err := NewTransfer(u)
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error = %v, want one line with %q", u, err, c.want)
		}
	}
}

// TestTransferTableIsOfTheseUniverses: the first line of the table names the fixed parameters of
// New, and the columns are Chebyshev's nodes between Ω_b and 1, without which the polynomial
// through them would run wild.
func TestTransferTableIsOfTheseUniverses(t *testing.T) {
	first, _, _ := strings.Cut(transferCSV, "\n")
	c := New(Fiducial)
	for _, want := range []string{
		"CAMB 2", "make transfer-table", fmt.Sprintf("h = %g,", c.H),
		fmt.Sprintf("Omega_b = %g,", c.OmegaB), "T_CMB = 2.7255 K",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the first line of the table does not say %q: %s", want, first)
		}
	}
	nodes := transfers().logOmegaM
	for i, u := range nodes {
		want := math.Log(c.OmegaB) / 2 * (1 + math.Cos(math.Pi*(float64(i)+0.5)/float64(len(nodes))))
		if !scalar.EqualWithinAbs(u, want, 1e-5) {
			t.Errorf("column %d: ln Ω_m = %g, want %g", i+1, u, want)
		}
	}
}

func TestTransferTablesThatAreBroken(t *testing.T) {
	good := "x,0.1,0.2\n1,1,1\n2,0.9,0.9\n3,0.8,0.8\n4,0.7,0.7\n"
	if _, err := parseTransfers(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"no rows":      {good, "x,0.1,0.2\n", "5 rows"},
		"a word":       {"0.9,0.9", "0.9,nine", `"nine"`},
		"no number":    {"0.9,0.9", "0.9,NaN", `"NaN"`},
		"falling x":    {"3,", "2,", "x = 2 in row 4"},
		"falling Ω_m":  {"0.2", "0.1", "column 3 has Ω_m = 0.1"},
		"a lost value": {"0.8,0.8", "0.8", "wrong number of fields"},
	} {
		if _, err := parseTransfers(strings.Replace(good, c.old, c.with, 1)); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error = %v, want %q", name, err, c.want)
		}
	}
}

func TestLagrangeIsExactForPolynomials(t *testing.T) {
	nodes := []float64{-1, 0.5, 2, 4}
	cubic := func(x float64) float64 { return 1 + x*(2-x*(3-x)) }
	for _, x := range append(slices.Clone(nodes), -0.3, 1.7, 3) {
		sum := 0.0
		for i, share := range lagrange(nodes, x) {
			sum += share * cubic(nodes[i])
		}
		if !scalar.EqualWithinAbsOrRel(sum, cubic(x), 1e-12, 1e-12) {
			t.Errorf("at %g: %g, want %g", x, sum, cubic(x))
		}
	}
}

func TestPowerAllocatesNothing(t *testing.T) {
	p := NewLinearPower(New(Fiducial))
	if n := testing.AllocsPerRun(100, func() { p.At(0.3) }); n != 0 {
		t.Errorf("At allocates %g times", n)
	}
}

func BenchmarkNewLinearPower(b *testing.B) {
	for b.Loop() {
		NewLinearPower(New(Fiducial))
	}
}

func BenchmarkPowerAt(b *testing.B) {
	p := NewLinearPower(New(Fiducial))
	for b.Loop() {
		p.At(0.3)
	}
}

// TestEisensteinHuLimits: T → 1 at large scales and falls to the ln(k)/k² of cold dark matter at
// small ones, times the baryons' drag; the sound horizon agrees with the paper's shorter fit
// (equation 26), which is good to 2 %.
func TestEisensteinHuLimits(t *testing.T) {
	tr := NewEisensteinHu(New(Params{OmegaM: 0.3, Sigma8: 0.8}))
	if got := tr.At(1e-5); !scalar.EqualWithinAbs(got, 1, 1e-3) {
		t.Errorf("T(1e-5) = %g, want 1", got)
	}
	om, ob := 0.3*0.6711*0.6711, 0.049*0.6711*0.6711
	if want := 44.5 * math.Log(9.83/om) / math.Sqrt(1+10*math.Pow(ob, 0.75)); !scalar.EqualWithinRel(
		tr.s, want, 0.02) {
		t.Errorf("sound horizon = %g Mpc, want %g", tr.s, want)
	}
	slope := math.Log(tr.At(200)/tr.At(100)) / math.Ln2
	if slope > -1.8 || slope < -2 {
		t.Errorf("dlnT/dlnk at k = 100–200 h/Mpc is %g, want just above −2", slope)
	}
}

func ExampleLinearPower() {
	p := NewLinearPower(New(Fiducial))
	fmt.Printf("P(0.1 h/Mpc) = %.0f (Mpc/h)³, σ_8 = %.2f\n", p.At(0.1), p.Sigma(8))
	// Output: P(0.1 h/Mpc) = 5323 (Mpc/h)³, σ_8 = 0.80
}
