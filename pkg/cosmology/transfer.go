package cosmology

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"gonum.org/v1/gonum/interp"
)

// transferCSV is written by pkg/cosmology/camb/transfer.py. Its first row holds Ω_m of each column
// after the first; each further row begins with x = k·soundHorizon(Ω_m), at which the row has T(k).
//
//go:embed transfer.csv
var transferCSV string

// Transfer is CAMB's transfer function of all matter today, for one universe, interpolated in a
// table.
//
// The interpolated quantity is the quotient of T and the transfer function of pressureless matter
// without baryons, which is bounded, as a function of k in units of the inverse sound horizon,
// where acoustic oscillations have the same place for every Ω_m. It is interpolated by a polynomial
// in ln Ω_m through all columns (Chebyshev nodes of Ω_b < Ω_m <= 1) and by a cubic spline in ln x.
//
// Below the table, which begins at k = 2e-4 to 4e-4 h/Mpc depending on Ω_m, the quotient goes to 1
// as k². Above it, beyond 70 to 130 h/Mpc, it keeps its last value.
type Transfer struct {
	horizon     float64 // scale of x, Mpc/h
	wavenumber  float64 // q of equation 10 of Eisenstein and Hu over k
	first, last float64 // x where the table begins and ends
	start       float64 // quotient at first
	quotient    interp.NotAKnotCubic
}

// NewTransfer interpolates the table for one universe. It returns an error unless h and Ω_b are
// those of New and Ω_b < Ω_m <= 1. The transfer function does not depend on n_s and σ_8.
func NewTransfer(c Cosmology) (Transfer, error) {
	if fixed := New(c.Params); c.H != fixed.H || c.OmegaB != fixed.OmegaB {
		return Transfer{}, fmt.Errorf("cosmology: CAMB's transfer functions are for h = %g and Ω_b = "+
			"%g, not for h = %g and Ω_b = %g: use NewEisensteinHu or make pkg/cosmology/transfer.csv anew",
			fixed.H, fixed.OmegaB, c.H, c.OmegaB)
	}
	if !(c.OmegaM > c.OmegaB && c.OmegaM <= 1) {
		return Transfer{}, fmt.Errorf("cosmology: CAMB's transfer functions are for %g < Ω_m <= 1, not "+
			"for Ω_m = %g", c.OmegaB, c.OmegaM)
	}
	table := transfers()
	t := Transfer{
		horizon: soundHorizon(c), wavenumber: reducedWavenumber(c), first: table.x[0],
		last: table.x[len(table.x)-1],
	}
	shares := lagrange(table.logOmegaM, math.Log(c.OmegaM))
	logX, quotients := make([]float64, len(table.x)), make([]float64, len(table.x))
	for i, x := range table.x {
		logX[i] = math.Log(x)
		for j, share := range shares {
			quotients[i] += share * table.quotients[i][j]
		}
	}
	if err := t.quotient.Fit(logX, quotients); err != nil {
		return Transfer{}, fmt.Errorf("cosmology: interpolate pkg/cosmology/transfer.csv: %w", err)
	}
	t.start = quotients[0]
	return t, nil
}

// At returns T(k), k in h/Mpc; T(0) = 1.
func (t Transfer) At(k float64) float64 {
	if k <= 0 {
		return 1
	}
	x := k * t.horizon
	smooth := pressureless(k*t.wavenumber, 1, 1)
	if x < t.first {
		return smooth * (1 + (t.start-1)*(x/t.first)*(x/t.first))
	}
	return smooth * t.quotient.Predict(math.Log(min(x, t.last)))
}

// soundHorizon returns the comoving sound horizon at the drag epoch in Mpc/h, by equation 26 of
// Eisenstein and Hu (1998), good to 2 %. The script that makes the table uses the same formula.
func soundHorizon(c Cosmology) float64 {
	om, ob := c.OmegaM*c.H*c.H, c.OmegaB*c.H*c.H
	return c.H * 44.5 * math.Log(9.83/om) / math.Sqrt(1+10*math.Pow(ob, 0.75))
}

// reducedWavenumber returns q/k in Mpc/h, q = k/(13.41 k_eq).
func reducedWavenumber(c Cosmology) float64 {
	return theta27 * theta27 / (13.41 * 7.46e-2 * c.OmegaM * c.H)
}

// transferTable is CAMB's transfer functions over that of pressureless matter.
type transferTable struct {
	logOmegaM []float64   // ln Ω_m, rising
	x         []float64   // k·soundHorizon, rising
	quotients [][]float64 // [x][Ω_m]
}

var transfers = sync.OnceValue(func() transferTable {
	t, err := parseTransfers(transferCSV)
	if err != nil {
		panic(fmt.Sprintf("cosmology: pkg/cosmology/transfer.csv: %v; `make transfer-table` makes it "+
			"anew", err))
	}
	return t
})

func parseTransfers(text string) (transferTable, error) {
	var t transferTable
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return t, err
	}
	if len(rows) < 5 || len(rows[0]) < 3 {
		return t, fmt.Errorf("want 5 rows and 3 columns or more")
	}
	var universes []Cosmology
	for i, row := range rows {
		var values []float64
		for j, cell := range row {
			if i+j == 0 {
				continue // the name of x
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return t, fmt.Errorf("row %d, column %d: %q, want a number", i+1, j+1, cell)
			}
			values = append(values, v)
		}
		if i == 0 {
			for j, om := range values {
				if !(om > 0) || j > 0 && om <= values[j-1] {
					return t, fmt.Errorf("column %d has Ω_m = %g, want it larger than the one before", j+2, om)
				}
				universes = append(universes, New(Params{OmegaM: om}))
				t.logOmegaM = append(t.logOmegaM, math.Log(om))
			}
			continue
		}
		x := values[0]
		if n := len(t.x); !(x > 0) || n > 0 && x <= t.x[n-1] {
			return t, fmt.Errorf("x = %g in row %d, want it larger than the one before", x, i+1)
		}
		t.x = append(t.x, x)
		quotients := values[1:]
		for j, u := range universes {
			quotients[j] /= pressureless(x/soundHorizon(u)*reducedWavenumber(u), 1, 1)
		}
		t.quotients = append(t.quotients, quotients)
	}
	return t, nil
}

// lagrange returns the weights with which the polynomial through the nodes is the sum of their
// values, at x.
func lagrange(nodes []float64, x float64) []float64 {
	out := make([]float64, len(nodes))
	for i, a := range nodes {
		out[i] = 1
		for j, b := range nodes {
			if i != j {
				out[i] *= (x - b) / (a - b)
			}
		}
	}
	return out
}
