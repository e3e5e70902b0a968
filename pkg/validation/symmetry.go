package validation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/report"
)

// Symmetry holds the tests of isotropy and of conservation laws.
type Symmetry struct {
	K     []float64
	Ratio [3][]float64 // mean over boxes of the power of the maps of an axis over that of all
	Error [3][]float64 // its standard error
	Bands []string     // of k
	// Z are the z-scores [band][axis] of the logarithm of an axis' power against the mean of the axes.
	Z        [][3]float64
	Mass     float64 // largest relative deviation of the mass of an axis' maps from the box's
	MeshMass float64 // the same of particles shared among the cells of a mesh
	Drift    float64 // largest drift of a centre of mass, over the rms displacement
	Caption  string
}

// bands of k in which the power of the axes is compared, h/Mpc.
var bands = [][2]float64{{0, 1}, {1, 4}, {4, 7.5}}

// symmetry compares the axes over the boxes of the LH set, and takes the largest violation of the
// conservation laws over all boxes.
func (b *boxStudy) symmetry(c Config) Symmetry {
	out := Symmetry{K: b.hypercube[0].K[0]}
	for axis := range 3 {
		for bin := range out.K {
			mean, e := overBoxes(b.hypercube,
				func(m boxMaps) float64 { return m.Power[0][axis][bin] / m.mean(0)[bin] })
			out.Ratio[axis], out.Error[axis] = append(out.Ratio[axis], mean), append(out.Error[axis], e)
		}
	}
	for _, r := range bands {
		if r[1] > out.K[len(out.K)-1]*1.01 {
			continue // beyond the maps
		}
		out.Bands = append(out.Bands, fmt.Sprintf("%g < k < %g h/Mpc", r[0], r[1]))
		var z [3]float64
		for axis := range 3 {
			// The logarithm, so that no single box with much power rules.
			mean, e := overBoxes(b.hypercube, func(m boxMaps) float64 {
				of := func(axis int) float64 {
					p, _, _ := meanWithin(out.K, m.Power[0][axis], nil, r[0], r[1])
					return math.Log(p)
				}
				return of(axis) - (of(0)+of(1)+of(2))/3
			})
			z[axis] = mean / e
		}
		out.Z = append(out.Z, z)
	}
	for _, boxes := range append([][]boxMaps{b.hypercube, b.coarse, b.fine}, b.varied...) {
		for _, m := range boxes {
			for _, mass := range m.Mass {
				out.Mass = math.Max(out.Mass, math.Abs(mass-1))
			}
			out.MeshMass, out.Drift = math.Max(out.MeshMass, math.Abs(m.MeshMass-1)),
				math.Max(out.Drift, m.Drift)
		}
	}
	out.Caption = fmt.Sprintf("%d boxes of an LH set, maps of %d² pixels, mean over boxes ± "+
		"standard error.", c.Boxes, c.Sides[0])
	return out
}

// overBoxes returns the mean of a number over boxes and its standard error.
func overBoxes(boxes []boxMaps, of func(boxMaps) float64) (mean, err float64) {
	var values []float64
	for _, m := range boxes {
		values = append(values, of(m))
	}
	mean, std := stat.MeanStdDev(values, nil)
	return mean, std / math.Sqrt(float64(len(values)))
}

func (s Symmetry) rows(c Config) []Row {
	const sums = 1e-5 // float32 keeps 6e-8 of a number, and cells and pixels sum many
	out := []Row{
		row("mass of the maps of an axis over the box's: largest deviation from 1",
			"(Ω_m − Ω_b) ρ_crit, all boxes", s.Mass).want(0, sums),
		row("mass on the mesh over the particles': largest deviation from 1",
			"all boxes", s.MeshMass).want(0, sums),
		row("drift of the centre of mass over the rms displacement: largest",
			"no net force, all boxes", s.Drift).want(0, sums),
	}
	for i, band := range s.Bands {
		for axis, name := range []string{"x", "y", "z"} {
			quantity := "z-score of the power of the maps along " + name + " against all three, " + band
			out = append(out, row(quantity, "no axis is special", s.Z[i][axis]).
				plusMinus(1).want(0, c.tolerance(3)))
		}
	}
	return section(SectionSymmetry, out)
}

// Numerics holds the tests that do not depend on the cosmology.
type Numerics struct {
	Convergence Convergence
	Symmetry    Symmetry
}

// WriteCSV writes one row a number.
func (n Numerics) WriteCSV(path string) error {
	t := report.NewTable("quantity", "axis", "steps_or_k_h_per_mpc", "value")
	for i, steps := range n.Convergence.Steps {
		t.Add("rms_distance_mpc_per_h", "", float64(steps), n.Convergence.Errors[i])
	}
	for axis, name := range []string{"x", "y", "z"} {
		t.Curve(n.Symmetry.K, n.Symmetry.Ratio[axis], "power_over_mean_of_axes", name)
		t.Curve(n.Symmetry.K, n.Symmetry.Error[axis], "power_over_mean_of_axes_error", name)
	}
	return t.Write(path)
}
