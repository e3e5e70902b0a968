package camels

import (
	"path/filepath"
	"reflect"
	"testing"

	"darkfield/pkg/cosmology"
)

// fourColumns is a set of three simulations with a table and a description of four parameters.
func fourColumns(t *testing.T, parameters string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	d := Description{Suite: "Mine", BoxSide: 100, Unit: "overdensity", LogRange: [2]float64{-1, 3}}
	write(t, dir, d, LH, params(3))
	put(t, filepath.Join(dir, "params_LH_Mine.txt"), []byte("# h Omega_m sigma_8 $n_s$ seed\n"+
		"0.6 0.1 0.7 0.9 1\n0.7 0.2 0.8 1.0 2\n0.8 0.55 0.9 1.1 3\n"))
	put(t, filepath.Join(dir, DescriptionFile), []byte("suite: Mine\nbox_side_mpc_h: 100\n"+
		"unit: overdensity\nlog_range: [-1, 3]\n"+parameters))
	return dir
}

// TestParameters: the description names the columns and their ranges, in its own order, after Ω_m
// and σ_8, and comes back from a file that it is written to.
func TestParameters(t *testing.T) {
	dir := fourColumns(t, "parameters:\n  N_s: [0.8, 1.2]\n  sigma_8: [0.6, 1]\n  h: [0.5, 0.9]\n"+
		"  Omega_m: [0.1, 0.6]\n")
	want := cosmology.Prior{Further: []string{"N_s", "h"}}
	want.Min, want.Max = want.At([]float64{0.1, 0.6, 0.8, 0.5}), want.At([]float64{0.6, 1, 1.2, 0.9})
	for range 2 {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := s.Description.Prior(); !reflect.DeepEqual(got, want) {
			t.Errorf("prior %+v, want %+v", got, want)
		}
		if got, want := s.Sets[LH].Params(2), want.At([]float64{0.55, 0.9, 1.1, 0.8}); got != want {
			t.Errorf("simulation 2 has %v, want %v", got, want)
		}
		if err := writeDescription(dir, s.Description); err != nil {
			t.Fatal(err)
		}
	}
	text := "parameters: {omega_m: [0.1, 0.6], sigma_8: [0.6, 1], N_s: [0.8, 1.2], h: [0.5, 0.9]}"
	if got := ParametersOf(want); got != text {
		t.Errorf("%s, want %s", got, text)
	}
}

// TestWriterOfParameters: a set of more parameters is written with all of them, and goes on.
func TestWriterOfParameters(t *testing.T) {
	dir := t.TempDir()
	prior := Parameters(cosmology.CAMELSPrior().With("n_s", 0.8, 1.2))
	d := Description{Suite: "Mine", BoxSide: 25, Unit: "K", Parameters: &prior}
	all := params(3)
	for i := range all {
		all[i].Further = cosmology.FurtherOf(0.9 + 0.1*float64(i))
	}
	write(t, dir, d, LH, all[:2])
	write(t, dir, d, LH, all)
	if err := writeDescription(dir, d); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, p := range all {
		if got := s.Sets[LH].Params(i); got != p {
			t.Errorf("simulation %d has %v, want %v", i, got, p)
		}
	}
	all[0].Further = cosmology.FurtherOf(1.1)
	_, err = NewWriter(dir, d, "Mcdm", LH, 8, all)
	complains(t, err, "params_LH_Mine.txt row 0", "another directory")
}

// TestBadParameters: what is wrong with parameters is said in one line with the file.
func TestBadParameters(t *testing.T) {
	const two = "omega_m: [0.1, 0.6], sigma_8: [0.6, 1]"
	for text, words := range map[string][]string{
		"{omega_m: [0.1, 0.6]}":                 {DescriptionFile, "parameters has no sigma_8"},
		"{" + two + ", n_s: [1]}":               {DescriptionFile, "parameters.n_s = [1]", "[low, high]"},
		"{" + two + ", n_s: high}":              {DescriptionFile, "parameters want a map"},
		"[" + two + "]":                         {DescriptionFile, "parameters want a map"},
		"{" + two + ", Om: [0, 1]}":             {DescriptionFile, "omega_m and parameters.Om are one"},
		"{" + two + ", n_s: [1, 2], ns: [0,1]}": {DescriptionFile, "n_s and parameters.ns are one"},
		"{" + two + ", n_s: [1.2, 0.8]}":        {DescriptionFile, "n_s from 1.2 to 0.8"},
		"{" + two + ", w0: [-2, 0]}": {
			"params_LH_Mine.txt has no column w0", DescriptionFile, "h, Omega_m, sigma_8, $n_s$",
		},
		"{" + two + ", n_s: [0.95, 1.2]}": {
			"params_LH_Mine.txt row 0", "n_s = 0.9 lies outside", "1 of 3 rows",
			"parameters: {omega_m: [0.1, 0.6], sigma_8: [0.6, 1], n_s: [0.95, 1.2]}",
		},
	} {
		_, err := Open(fourColumns(t, "parameters: "+text+"\n"))
		complains(t, err, words...)
	}
	_, err := Open(fourColumns(t, ""))
	complains(t, err, "row 2", "Ω_m = 0.55", DescriptionFile, "omega_m: [0.1, 0.5]")
}
