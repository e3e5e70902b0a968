package validation

import (
	"math"

	"darkfield/pkg/nbody"
)

// Displacement compares the displacements of particles with closed forms.
type Displacement struct {
	First   float64    // one wave: largest error of ψ₁ over its peak
	None    float64    // one wave: peak of ψ₂, which should be 0, over that of ψ₁
	Crossed [3]float64 // two crossed waves: largest error of ψ₂ along each axis over its peak
	Mixed   float64    // the same for waves of unequal length along the axes y and z
}

// plane adds the two modes of δ = amplitude·cos(k·q) with k = n fundamental modes along an axis.
func plane(modes []complex64, cells, n, axis int, amplitude float64) {
	k := [3]int{}
	k[axis] = n
	addWave(modes, cells, k, complex(amplitude/2, 0))
}

// newDisplacement compares, for waves δ = A cos(k₁q₁) and B cos(k₂q₂) along two axes:
//
//   - ψ₁ = −∇φ with ∇²φ = δ: −A/k₁ sin(k₁q₁) along the first axis. This is Zel'dovich's exact
//     answer for one wave, so that ψ₂ = 0.
//   - ψ₂ = ∇φ₂ with ∇²φ₂ = φ,₁₁φ,₂₂ − φ,₁₂² = AB cos(k₁q₁) cos(k₂q₂), hence φ₂ = −AB cos(k₁q₁)
//     cos(k₂q₂)/(k₁² + k₂²) and ψ₂ = AB/(k₁² + k₂²)·(k₁ sin(k₁q₁) cos(k₂q₂), k₂ cos(k₁q₁)
//     sin(k₂q₂)).
func newDisplacement() Displacement {
	const cells, side, a, b = 32, 25.0, 0.4, 0.3
	empty := func() []complex64 { return make([]complex64, cells*cells*(cells/2+1)) }
	unit := 2 * math.Pi / side

	var out Displacement
	one := empty()
	plane(one, cells, 2, 0, a)
	first, second := nbody.Displacements(cells, side, one)
	want := [3]func(q [3]float64) float64{
		0: func(q [3]float64) float64 { return -a / (2 * unit) * math.Sin(2*unit*q[0]) },
	}
	out.First = worst(first, cells, side, want, a/(2*unit))
	out.None = worst(second, cells, side, [3]func([3]float64) float64{}, a/(2*unit))

	crossed := func(n1, axis1, n2, axis2 int) [3]float64 {
		modes := empty()
		plane(modes, cells, n1, axis1, a)
		plane(modes, cells, n2, axis2, b)
		_, second := nbody.Displacements(cells, side, modes)
		k1, k2 := unit*float64(n1), unit*float64(n2)
		peak := a * b / (k1*k1 + k2*k2)
		var want [3]func([3]float64) float64
		want[axis1] = func(q [3]float64) float64 {
			return peak * k1 * math.Sin(k1*q[axis1]) * math.Cos(k2*q[axis2])
		}
		want[axis2] = func(q [3]float64) float64 {
			return peak * k2 * math.Cos(k1*q[axis1]) * math.Sin(k2*q[axis2])
		}
		var errs [3]float64
		for axis := range 3 {
			var only [3][]float32
			only[axis] = second[axis]
			errs[axis] = worst(only, cells, side, want, peak*max(k1, k2))
		}
		return errs
	}
	out.Crossed = crossed(1, 0, 1, 1)
	mixed := crossed(2, 1, 3, 2)
	out.Mixed = max(mixed[0], mixed[1], mixed[2])
	return out
}

// worst returns the largest difference of the given displacements from want (nil: 0), over scale.
func worst(got [3][]float32, cells int, side float64, want [3]func(q [3]float64) float64,
	scale float64,
) float64 {
	out, spacing := 0.0, side/float64(cells)
	for axis, values := range got {
		for i, v := range values {
			w := 0.0
			if want[axis] != nil {
				w = want[axis]([3]float64{
					spacing * float64(i/(cells*cells)), spacing * float64(i/cells%cells),
					spacing * float64(i%cells),
				})
			}
			out = max(out, math.Abs(float64(v)-w)/scale)
		}
	}
	return out
}

func (d Displacement) rows() []Row {
	const single = 1e-5 // float32 keeps 6e-8 of a number, and an axis takes some hundred sums
	zeldovich, derived := "Zel'dovich's exact solution", "closed form, see pkg/validation/lpt.go"
	return section(SectionDisplacement, []Row{
		row("one plane wave: first-order displacement, largest error over its peak",
			zeldovich, d.First).want(0, single),
		row("one plane wave: second-order displacement over the first-order peak",
			zeldovich, d.None).want(0, single),
		row("two crossed waves: second-order displacement along x, largest error over its peak",
			derived, d.Crossed[0]).want(0, single),
		row("two crossed waves: the same along y", derived, d.Crossed[1]).want(0, single),
		row("two crossed waves: the same along z, where there is none",
			derived, d.Crossed[2]).want(0, single),
		row("crossed waves of unequal length along y and z: the same, all axes",
			derived, d.Mixed).want(0, single),
	})
}
