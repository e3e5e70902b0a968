package suite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/camels"
)

const gridName = "Grids_Mcdm_IllustrisTNG_LH_8_z=0.0.npy"

// grids writes grids of 8³ voxels beside a table of as many rows as Ω_m, each of the mean density
// that dark matter of it has, times scale. set may change voxels [simulation][x][y][z].
func grids(t *testing.T, name string, omegaM []float64, scale float64,
	set func(values [][]float32),
) string {
	t.Helper()
	const n = 8
	rng := rand.New(rand.NewPCG(7, 7))
	values := make([][]float32, len(omegaM))
	table := "# Omega_m sigma_8 A_SN1\n"
	for sim, om := range omegaM {
		table += fmt.Sprintf("%g 0.8 1.5\n", om)
		sum := 0.0
		values[sim] = make([]float32, n*n*n)
		for i := range values[sim] {
			v := math.Exp(2 * rng.NormFloat64())
			sum += v
			values[sim][i] = float32(v)
		}
		for i := range values[sim] {
			values[sim][i] *= float32((om - 0.049) * 2.7754e11 * scale * n * n * n / sum)
		}
	}
	if set != nil {
		set(values)
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }",
		len(omegaM), n, n, n)
	dict += strings.Repeat(" ", 63-(10+len(dict))%64) + "\n"
	raw := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
	raw = append(raw, dict...)
	for _, v := range values {
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	err := errors.Join(os.WriteFile(path, raw, 0o600),
		os.WriteFile(filepath.Join(dir, "params_LH_IllustrisTNG.txt"), []byte(table), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProject: maps open as a suite of CMD's with the grids' parameters, their mean over an axis
// is the mean density times the thickness, and the table keeps its columns.
func TestProject(t *testing.T) {
	omegaM := []float64{0.1, 0.5, 0.3}
	path, out := grids(t, gridName, omegaM, 1, nil), filepath.Join(t.TempDir(), "maps")
	calls := 0
	r, err := Project(context.Background(), ProjectConfig{Grids: path, Dir: out, Slabs: 5},
		func(done, all int) { calls++ })
	if err != nil {
		t.Fatal(err)
	}
	if r.Simulations != 3 || r.Maps != 45 || r.Cells != 8 || r.Thickness != 5 || calls != 3 {
		t.Errorf("%+v after %d calls", r, calls)
	}
	if math.Abs(r.MeanRatio[0]-1) > 1e-5 || math.Abs(r.MeanRatio[1]-1) > 1e-5 {
		t.Errorf("mean over expected %v, want 1", r.MeanRatio)
	}
	s, err := camels.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := s.Sets[camels.LH]
	for sim, om := range omegaM {
		if p := m.Params(sim); p.OmegaM != om || p.Sigma8 != 0.8 {
			t.Errorf("simulation %d has %v", sim, p)
		}
		maps, err := m.Simulation(sim)
		if err != nil {
			t.Fatal(err)
		}
		for axis := range 3 {
			mean := 0.0
			for _, x := range maps[5*axis : 5*axis+5] {
				mean += x.Mean() / 5
			}
			// (Ω_m − Ω_b) ρ_c times 5 Mpc/h, to the rounding of float32 pixels
			if want := (om - 0.049) * 2.7754e11 * 5; math.Abs(mean/want-1) > 1e-5 {
				t.Errorf("simulation %d axis %d: mean surface density %g, want %g", sim, axis, mean, want)
			}
		}
	}
	table, err := os.ReadFile(filepath.Join(out, "params_LH_IllustrisTNG.txt"))
	if err != nil || !strings.Contains(string(table), "A_SN1") ||
		!strings.Contains(string(table), "0.5 0.8 1.5") {
		t.Errorf("the table is %q (%v)", table, err)
	}
}

// TestProjectGoesOn: a call that stops after a simulation goes on and ends with the same bytes as
// one that does not stop, and a longer one adds to a shorter one.
func TestProjectGoesOn(t *testing.T) {
	path := grids(t, gridName, []float64{0.2, 0.3, 0.4}, 1, nil)
	file := "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy"
	read := func(dir string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	run := func(c ProjectConfig, ctx context.Context, progress func(int, int)) error {
		c.Grids, c.Slabs = path, 5
		_, err := Project(ctx, c, progress)
		return err
	}
	whole, broken, grown := t.TempDir(), t.TempDir(), t.TempDir()
	if err := run(ProjectConfig{Dir: whole}, context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := run(ProjectConfig{Dir: broken}, ctx, func(int, int) { cancel() }); !errors.Is(err,
		context.Canceled) {
		t.Fatalf("a cancelled call ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(broken, file)); err == nil {
		t.Error("an unfinished file has its name already")
	}
	for _, c := range []ProjectConfig{
		{Dir: broken},
		{Dir: grown, Sims: 1},
		{Dir: grown},
		{Dir: grown},
	} {
		if err := run(c, context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(whole); !slices.Equal(read(broken), want) || !slices.Equal(read(grown), want) {
		t.Error("maps differ from those of an unbroken call")
	}
	if err := run(ProjectConfig{Dir: whole, Cells: 4}, context.Background(), nil); err == nil ||
		!strings.Contains(err.Error(), `"side: 8" there, "side: 4" now`) {
		t.Errorf("maps of another side mix: %v", err)
	}
}

// TestThinnerSlabs: of eight slabs five are taken, and a map has an eighth of the mass above it.
func TestThinnerSlabs(t *testing.T) {
	path, out := grids(t, "Grids_Mcdm_IllustrisTNG_LH_8_z=0.00.NPY", []float64{0.3}, 1,
		func(v [][]float32) {
			// uniform, so that a slab's surface density is the density times its thickness
			for i := range v[0] {
				v[0][i] = 0.251 * 2.7754e11
			}
		}), t.TempDir()
	if _, err := Project(context.Background(), ProjectConfig{
		Grids: path, Dir: out, Slabs: 8,
		Cells: 4,
	}, nil); err != nil {
		t.Fatal(err)
	}
	s, err := camels.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := s.Sets[camels.LH].Map(7)
	if want := 0.251 * 2.7754e11 * 25 / 8; err != nil || math.Abs(m.Mean()/want-1) > 1e-6 {
		t.Errorf("mean %g (%v), want %g", m.Mean(), err, want)
	}
}

// TestProjectRefuses: what cannot become maps is named with the remedy, and nothing is left behind.
func TestProjectRefuses(t *testing.T) {
	om := []float64{0.3, 0.4}
	for name, c := range map[string]struct {
		path   func(t *testing.T) string
		slabs  int
		cells  int
		wanted string
	}{
		"another unit": {
			func(t *testing.T) string { return grids(t, gridName, om, 1e-10, nil) }, 5, 0,
			"mean density is 6.966, but Ω_m = 0.3 says 6.966e+10",
		},
		"a grid of zeros": {func(t *testing.T) string {
			return grids(t, gridName, om, 1, func(v [][]float32) { clear(v[1]) })
		}, 5, 0, "grid 1: all its voxels are 0"},
		"NaN": {func(t *testing.T) string {
			return grids(t, gridName, om, 1, func(v [][]float32) { v[1][64+2*8+3] = float32(math.NaN()) })
		}, 5, 0, "grid 1: voxel (x=1, y=2, z=3) is NaN"},
		"a negative density": {func(t *testing.T) string {
			return grids(t, gridName, om, 1, func(v [][]float32) { v[0][0] = -1 })
		}, 5, 0, "grid 0: voxel (x=0, y=0, z=0) is -1"},
		"temperatures": {
			func(t *testing.T) string {
				return grids(t, strings.Replace(gridName, "Mcdm", "T", 1), om, 1, nil)
			}, 5, 0, "no density per volume",
		},
		"another redshift": {
			func(t *testing.T) string {
				return grids(t, strings.Replace(gridName, "z=0.0", "z=1.5", 1), om, 1, nil)
			}, 5, 0, "redshift 1.5",
		},
		"another name": {
			func(t *testing.T) string { return grids(t, "cube.npy", om, 1, nil) }, 5, 0,
			"rename it",
		},
		"too few slabs": {
			func(t *testing.T) string { return grids(t, gridName, om, 1, nil) }, 3, 0,
			"3 slabs, want 5",
		},
		"a side": {
			func(t *testing.T) string { return grids(t, gridName, om, 1, nil) }, 5, 3,
			"want a divisor of the 8",
		},
		"another table": {func(t *testing.T) string {
			path := grids(t, gridName, om, 1, nil)
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "params_LH_IllustrisTNG.txt"),
				[]byte("0.3 0.8\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, 5, 0, "2 grids, but"},
		"truncated": {func(t *testing.T) string {
			path := grids(t, gridName, om, 1, nil)
			if err := os.Truncate(path, 2000); err != nil {
				t.Fatal(err)
			}
			return path
		}, 5, 0, "truncated"},
		"a table": {func(t *testing.T) string {
			return filepath.Join(filepath.Dir(grids(t, gridName, om, 1, nil)), "params_LH_IllustrisTNG.txt")
		}, 5, 0, "a table of numbers, want a .npy file of 3-D grids"},
	} {
		out := filepath.Join(t.TempDir(), "maps")
		_, err := Project(context.Background(), ProjectConfig{
			Grids: c.path(t), Dir: out, Slabs: c.slabs,
			Cells: c.cells,
		}, nil)
		if err == nil || !strings.Contains(err.Error(), c.wanted) {
			t.Errorf("%s: %v, want %q", name, err, c.wanted)
		}
		if _, err := camels.Open(out); err == nil {
			t.Errorf("%s: maps were written", name)
		}
	}
	path := grids(t, gridName, om, 1, nil)
	if _, err := Project(context.Background(), ProjectConfig{
		Grids: path, Dir: filepath.Dir(path),
		Slabs: 5,
	}, nil); err == nil || !strings.Contains(err.Error(), "not by a projection") {
		t.Errorf("the directory of the grids: %v", err)
	}
}
