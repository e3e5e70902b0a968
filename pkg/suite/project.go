package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/plaintext"
	"darkfield/pkg/safefile"
)

// slabsPerAxis is how many maps of each axis CMD's layout has of a simulation.
const slabsPerAxis = camels.MapsPerSimulation / 3

// ProjectConfig says which maps are made of a file of 3-D grids.
type ProjectConfig struct {
	Grids string // file
	Dir   string // of the maps
	Sims  int    // number of simulations, the first ones of the file; 0: all. May grow later
	Cells int    // pixels a side; 0: as many as voxels
	Slabs int    // along each axis, at least 5; of more, 5 evenly spaced ones are taken
}

// Projected describes the maps that Project made.
type Projected struct {
	Simulations int     `json:"simulations"`
	Maps        int     `json:"maps"`
	Cells       int     `json:"side"`
	Unit        string  `json:"unit"`
	Thickness   float64 `json:"slab_mpc_h"` // of a slab

	// MeanRatio is the least and the largest mean density of the projected grids over the one that
	// their Ω_m implies; zeros for fields without such a density, and where no grid was projected.
	MeanRatio [2]float64 `json:"mean_over_expected"`
}

// projection is the record beside the maps of how they were made.
type projection struct {
	Grids string  `yaml:"grids"` // name of the file
	Voxel int     `yaml:"voxels_a_side"`
	Cells int     `yaml:"side"`
	Slabs int     `yaml:"slabs"`
	Side  float64 `yaml:"box_side_mpc_h"`
}

// Project makes maps in CMD's layout of a file of 3-D grids: 15 maps per simulation, 5 slabs across
// each axis, as CAMELS cuts them, and the table of the grids. A grid is read plane by plane. Every
// finished simulation is kept, so that a cancelled or killed call loses only the one that was being
// read; the same call resumes. The mean density of grids of dark matter and of all matter is
// checked against Ω_m, which detects another unit. progress may be nil.
func Project(ctx context.Context, c ProjectConfig, progress func(done, all int),
) (out Projected, err error) {
	g, err := camels.OpenGrids(c.Grids)
	if err != nil {
		return out, err
	}
	defer g.Close()
	if c, err = c.complete(g); err != nil {
		return out, fmt.Errorf("project: %w", err)
	}
	params := make([]cosmology.Params, c.Sims)
	for i := range params {
		params[i] = g.Params(i)
	}
	if err := c.record(g); err != nil {
		return out, fmt.Errorf("project: %w", err)
	}
	w, err := camels.NewWriter(c.Dir, g.Description, g.Field, g.Set, c.Cells, params)
	if err != nil {
		return out, err
	}
	ratio := [2]float64{math.Inf(1), math.Inf(-1)}
	for sim := range params {
		if !w.Done(sim) {
			r, err := c.one(ctx, g, w, sim)
			if err != nil {
				return out, errors.Join(err, w.Close())
			}
			ratio = [2]float64{min(ratio[0], r), max(ratio[1], r)}
		}
		if progress != nil {
			progress(sim+1, c.Sims)
		}
	}
	if err := w.Finish(); err != nil {
		return out, err
	}
	if !(ratio[0] > 0) || math.IsInf(ratio[0], 0) {
		ratio = [2]float64{}
	}
	out = Projected{
		Simulations: c.Sims, Maps: c.Sims * camels.MapsPerSimulation, Cells: c.Cells,
		Unit:      g.Description.Unit,
		Thickness: g.Box().Side / float64(c.Slabs), MeanRatio: ratio,
	}
	return out, g.WriteTable(c.Dir, c.Sims)
}

// complete fills in the defaults that depend on the grids, and validates the rest.
func (c ProjectConfig) complete(g *camels.Grids) (ProjectConfig, error) {
	n := g.Box().Cells
	if c.Sims == 0 {
		c.Sims = g.Simulations()
	}
	if c.Cells == 0 {
		c.Cells = n
	}
	switch {
	case c.Sims < 1 || c.Sims > g.Simulations():
		return c, fmt.Errorf("%d simulations, want 1 to the %d of %s", c.Sims, g.Simulations(), c.Grids)
	case c.Cells < 1 || n%c.Cells != 0:
		return c, fmt.Errorf("side %d, want a divisor of the %d voxels of %s", c.Cells, n, c.Grids)
	case c.Slabs < slabsPerAxis || c.Slabs > n:
		return c, fmt.Errorf("%d slabs, want %d, which CMD's layout has along each axis, to the %d "+
			"voxels of %s; of more than %d, as many are taken",
			c.Slabs, slabsPerAxis, n, c.Grids, slabsPerAxis)
	}
	return c, nil
}

// record writes how the maps are made, or compares it with the record in the directory, so that
// maps of different slabs or grids are never mixed. Maps without a record are never added to.
func (c ProjectConfig) record(g *camels.Grids) error {
	text, err := yaml.Marshal(projection{
		filepath.Base(c.Grids), g.Box().Cells, c.Cells, c.Slabs,
		g.Box().Side,
	})
	if err != nil {
		return err
	}
	path := filepath.Join(c.Dir, fmt.Sprintf("projected_%s_%s.yaml", g.Field, g.Set))
	was, err := os.ReadFile(path)
	maps := filepath.Join(c.Dir, fmt.Sprintf("Maps_%s_%s_%s_z=0.00.npy", g.Field,
		g.Description.Suite, g.Set))
	table := filepath.Join(c.Dir, fmt.Sprintf("params_%s_%s.txt", g.Set, g.Description.Suite))
	switch {
	case err == nil && !bytes.Equal(plaintext.Normalize(was), text):
		return fmt.Errorf("%s says that maps there are made otherwise (%s): use another directory", path,
			difference(was, text))
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, path := range []string{maps, table} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is there already, and not by a projection: use another directory", path)
		}
	}
	return safefile.WriteFile(path, text)
}

// one projects one simulation and returns the mean density of its grid over the expected one; 0
// where none is known.
func (c ProjectConfig) one(ctx context.Context, g *camels.Grids, w *camels.Writer, sim int,
) (ratio float64, err error) {
	p, sum := field.NewProjection(g.Box(), c.Slabs), 0.0
	for x := range g.Box().Cells {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		plane, err := g.Plane(sim, x)
		if err != nil {
			return 0, err
		}
		for _, v := range plane {
			sum += float64(v)
		}
		p.Add(x, plane)
	}
	mean := sum / float64(g.Box().Pixels()) / float64(g.Box().Cells)
	where := fmt.Sprintf("project: %s grid %d", g.Path(), sim)
	if mean == 0 {
		return 0, fmt.Errorf("%s: all its voxels are 0: it was never written; make the file again, or "+
			"remove that simulation", where)
	}
	if want := expected(g.Field, g.Params(sim)); want > 0 && g.Description.Surface() {
		if ratio = mean / want; ratio < 0.5 || ratio > 2 {
			return 0, fmt.Errorf("%s: its mean density is %.4g, but Ω_m = %g says %.4g %s: bring the "+
				"grids to that unit, or give them the table that they came with",
				where, mean, g.Params(sim).OmegaM, want, camels.VolumeDensity)
		}
	}
	all := p.Maps()
	maps := make([]field.Map, 0, camels.MapsPerSimulation)
	for axis := range 3 {
		for k := range slabsPerAxis {
			slab := (2*k + 1) * c.Slabs / (2 * slabsPerAxis) // the one that holds the middle of its fifth
			m, err := field.BlockAverage(all[axis*c.Slabs+slab], c.Cells)
			if err != nil {
				return 0, err
			}
			maps = append(maps, m)
		}
	}
	return ratio, w.Put(sim, maps)
}

// expected returns the mean density of a field today in (Msun/h)/(Mpc/h)³; 0 where it is not known.
// Baryons are CAMELS' Ω_b = 0.049; newer sets vary it by less than half.
func expected(fieldName string, p cosmology.Params) float64 {
	const critical, baryons = 2.7754e11, 0.049
	switch fieldName {
	case "Mtot":
		return p.OmegaM * critical
	case "Mcdm":
		return (p.OmegaM - baryons) * critical
	}
	return 0
}
