package camels

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// lay puts 15 maps of a name and a table of another name into a directory.
func lay(t *testing.T, dir, maps, table string) {
	t.Helper()
	put(t, filepath.Join(dir, maps),
		append(npyHeader(15, 2, 2), appendFloats(nil, make([]float32, 60))...))
	if table != "" {
		put(t, filepath.Join(dir, table), []byte("0.3 0.8 1 1 1 1\n"))
	}
}

// TestNamesOfCMD: the file names that CMD and CAMELS use, old and new, are found with the unit of
// their field.
func TestNamesOfCMD(t *testing.T) {
	for _, c := range []struct {
		maps, table string
		suite       string
		field       string
		set         Set
		unit        string
		known       bool // log range
	}{
		{
			"Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy", "params_LH_IllustrisTNG.txt", "IllustrisTNG", "Mcdm", LH,
			SurfaceDensity, true,
		},
		{"Maps_Mcdm_SIMBA_LH_z=0.00.npy", "params_SIMBA.txt", "SIMBA", "Mcdm", LH, SurfaceDensity, true},
		{
			"Maps_Mgas_Astrid_1P_z=0.00.npy", "params_1P_Astrid.txt", "Astrid", "Mgas", OneP,
			SurfaceDensity, false,
		},
		{
			"Maps_Mtot_Nbody_IllustrisTNG_LH_z=0.00.npy", "params_LH_Nbody_IllustrisTNG.txt",
			"Nbody_IllustrisTNG", "Mtot", LH, SurfaceDensity, false,
		},
		{
			"Maps_Mtot_Nbody_SIMBA_LH_z=0.00.npy", "params_LH_SIMBA.txt", "Nbody_SIMBA", "Mtot", LH,
			SurfaceDensity, false,
		},
		{
			"Maps_Mtot_Nbody_Astrid_CV_z=0.00.npy", "params_Astrid.txt", "Nbody_Astrid", "Mtot", CV,
			SurfaceDensity, false,
		},
		{
			"Maps_T_IllustrisTNG_SB28_z=0.00.npy", "CosmoAstroSeed_IllustrisTNG_L25n256_SB28.txt",
			"IllustrisTNG", "T", "SB28", "K", false,
		},
		{
			"Maps_B_IllustrisTNG_EX_z=0.00.npy", "params_EX_IllustrisTNG.txt", "IllustrisTNG", "B",
			EX, "G", false,
		},
		{
			"Maps_MgFe_IllustrisTNG_BE_z=0.00.npy", "params_BE_IllustrisTNG.txt", "IllustrisTNG", "MgFe", BE,
			"dimensionless", false,
		},
		{"Maps_Vgas_SIMBA_SB_z=0.00.npy", "params_SB_SIMBA.txt", "SIMBA", "Vgas", "SB", "km/s", false},
		{
			"Maps_Mcdm_FastPM_LH_z=0.00.npy", "params_LH_FastPM.txt", "FastPM", "Mcdm", LH,
			SurfaceDensity, true,
		},
	} {
		dir := t.TempDir()
		lay(t, dir, c.maps, c.table)
		s, err := Open(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		d := s.Description
		if d.Suite != c.suite || s.Field != c.field || !s.Has(c.set) || d.Unit != c.unit ||
			d.HasRange() != c.known {
			t.Errorf("%s: suite %s, field %s, sets %v, %+v", c.maps, d.Suite, s.Field, order(s.Sets), d)
		}
		s.Close()
		os.Remove(filepath.Join(dir, c.table))
		_, err = Open(dir)
		complains(t, err, dir, "params_"+string(c.set)+"_"+c.suite+".txt")
	}
}

func TestFieldsOfCMD(t *testing.T) {
	if len(cmdFields) != 13 {
		t.Errorf("%d fields, want the 13 of CMD", len(cmdFields))
	}
	for name := range cmdFields {
		if err := ofCMD("IllustrisTNG", name).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := ofCMD("SIMBA", "Mstar"); d.Offset != 1 || !d.Surface() {
		t.Errorf("Mstar is %+v, want an offset of 1", d)
	}
	dir := t.TempDir()
	lay(t, dir, "Maps_Soot_SIMBA_LH_z=0.00.npy", "params_SIMBA.txt")
	_, err := Open(dir)
	complains(t, err, "Soot", DescriptionFile, "unit: K")
	put(t, filepath.Join(dir, DescriptionFile), []byte("unit: K\nlog_range: [1, 2]\n"))
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := s.Description; d.Unit != "K" || d.LogRange != [2]float64{1, 2} || d.BoxSide != 25 ||
		d.Suite != "SIMBA" {
		t.Errorf("described as %+v, want what the file says and CMD's box", d)
	}
}

// TestSpread: LH is what is trained on, a Sobol set where it is missing, and nothing else.
func TestSpread(t *testing.T) {
	for _, c := range []struct {
		sets []Set
		want Set
	}{
		{[]Set{"SB28", CV, LH}, LH},
		{[]Set{"SB28", OneP}, "SB28"},
		{[]Set{CV, OneP, EX, BE}, ""},
	} {
		s := Suite{Sets: map[Set]*Maps{}}
		for _, set := range c.sets {
			s.Sets[set] = &Maps{}
		}
		if got, ok := s.TrainingSet(); got != c.want || ok != (c.want != "") {
			t.Errorf("of %v, %q is trained on, want %q", c.sets, got, c.want)
		}
	}
	if got := fmt.Sprint(order(map[Set]int{"SB28": 0, BE: 0, "SB": 0, LH: 0, CV: 0})); got !=
		"[LH CV BE SB SB28]" {
		t.Errorf("order %s", got)
	}
}
