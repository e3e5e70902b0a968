package validation

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/interp"

	"darkfield/pkg/cosmology"
)

// CAMB holds tables of CAMB's spectra today.
type CAMB struct {
	Provenance string // version, date and settings, as the file says
	Universes  []CAMBUniverse
}

// CAMBUniverse holds the tables of one universe, by rising k.
type CAMBUniverse struct {
	Params   cosmology.Params
	K        []float64 // h/Mpc
	Transfer []float64 // of all matter, 1 at small k
	Linear   []float64 // (Mpc/h)³
	HMcode   []float64 // nonlinear, (Mpc/h)³
}

var cambColumns = []string{
	"omega_m", "sigma_8", "k_h_per_mpc", "transfer", "linear_mpc3_per_h3",
	"hmcode_mpc3_per_h3",
}

// ReadCAMB reads a file that pkg/cosmology/camb/tables.py wrote.
func ReadCAMB(path string) (CAMB, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return CAMB{}, fmt.Errorf("validation: CAMB's tables: %w; `make validate-universe` writes them",
			err)
	}
	out, err := parseCAMB(raw)
	if err != nil {
		return CAMB{}, fmt.Errorf("validation: CAMB's tables: %s: %w; `make validate-universe` writes "+
			"them anew", path, err)
	}
	return out, nil
}

func parseCAMB(raw []byte) (CAMB, error) {
	first, _, _ := strings.Cut(string(raw), "\n")
	out := CAMB{Provenance: strings.TrimSpace(strings.TrimPrefix(first, "#"))}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comment, r.FieldsPerRecord = '#', len(cambColumns)
	rows, err := r.ReadAll()
	if err != nil {
		return out, err
	}
	if len(rows) < 2 || strings.Join(rows[0], ",") != strings.Join(cambColumns, ",") {
		return out, fmt.Errorf("want the columns %s and numbers below", strings.Join(cambColumns, ","))
	}
	for i, row := range rows[1:] {
		var v [6]float64
		for j, cell := range row {
			if v[j], err = strconv.ParseFloat(cell, 64); err != nil || !(v[j] > 0) || math.IsInf(v[j], 0) {
				return out, fmt.Errorf("row %d: %s = %q, want a positive number", i+1, cambColumns[j], cell)
			}
		}
		p := cosmology.Params{OmegaM: v[0], Sigma8: v[1]}
		if n := len(out.Universes); n == 0 || out.Universes[n-1].Params != p {
			out.Universes = append(out.Universes, CAMBUniverse{Params: p})
		}
		u := &out.Universes[len(out.Universes)-1]
		if n := len(u.K); n > 0 && v[2] <= u.K[n-1] {
			return out, fmt.Errorf("row %d: k = %g, want it larger than the one above", i+1, v[2])
		}
		u.K, u.Transfer, u.Linear, u.HMcode = append(u.K, v[2]), append(u.Transfer, v[3]),
			append(u.Linear, v[4]), append(u.HMcode, v[5])
	}
	for _, u := range out.Universes {
		if len(u.K) < 10 {
			return out, fmt.Errorf("%v has %d wavenumbers, want 10 or more", u.Params, len(u.K))
		}
	}
	if _, err := out.universe(cosmology.Fiducial); err != nil {
		return out, err
	}
	return out, nil
}

// universe returns the tables of one universe.
func (c CAMB) universe(p cosmology.Params) (CAMBUniverse, error) {
	for _, u := range c.Universes {
		if u.Params == p {
			return u, nil
		}
	}
	return CAMBUniverse{}, fmt.Errorf("there is no universe %v", p)
}

// on interpolates values, given at u.K, at each k by a cubic spline of the logarithms; k must lie
// in the table.
func (u CAMBUniverse) on(values, k []float64) []float64 {
	x, y := make([]float64, len(u.K)), make([]float64, len(u.K))
	for i := range x {
		x[i], y[i] = math.Log(u.K[i]), math.Log(values[i])
	}
	var curve interp.NaturalCubic
	if err := curve.Fit(x, y); err != nil {
		panic(fmt.Sprintf("validation: interpolation: %v", err)) // parseCAMB made x rise
	}
	out := make([]float64, len(k))
	for i, v := range k {
		out[i] = math.Exp(curve.Predict(math.Log(v)))
	}
	return out
}
