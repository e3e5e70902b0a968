package unet

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/diffusion"
)

// TestPatchesAreSquares: the channels of a pixel are the pixels of its square, row by row, and the
// way back gives the map again.
func TestPatchesAreSquares(t *testing.T) {
	const maps, side, width = 2, 6, 3
	x := make([]float32, maps*side*side)
	for i := range x {
		x[i] = float32(i)
	}
	out := MustExecOnceN(pureGo(t), func(x *Node) []*Node {
		y := ToChannels(x, width)
		return []*Node{y, ToPixels(y, width)}
	}, tensors.FromFlatDataAndDimensions(x, maps, side, side, 1))
	if d := cmp.Diff([]int{maps, side / width, side / width, width * width},
		out[0].Shape().Dimensions); d != "" {
		t.Fatalf("shape (-want +got):\n%s", d)
	}
	channels := tensors.MustCopyFlatData[float32](out[0])
	// the square of row 1, column 0 of the second map
	square := channels[(4+2)*width*width:]
	for i := range width * width {
		if want := x[side*side+(width+i/width)*side+i%width]; square[i] != want {
			t.Errorf("channel %d is %g, want %g", i, square[i], want)
		}
	}
	if d := cmp.Diff(x, tensors.MustCopyFlatData[float32](out[1])); d != "" {
		t.Errorf("there and back (-want +got):\n%s", d)
	}
}

// TestSquareBasis: rows are orthonormal, and the first is p times the mean of a square.
func TestSquareBasis(t *testing.T) {
	for _, p := range []int{2, 3, 4} {
		basis, n := squareBasis(p), p*p
		for i := range n {
			if want := 1 / float64(p); math.Abs(float64(basis[i])-want) > 1e-6 {
				t.Errorf("p = %d: entry %d of the first row is %g, want %g", p, i, basis[i], want)
			}
			for j := range n {
				product, want := 0.0, 0.0
				if i == j {
					want = 1
				}
				for k := range n {
					product += float64(basis[i*n+k]) * float64(basis[j*n+k])
				}
				if math.Abs(product-want) > 1e-6 {
					t.Errorf("p = %d: the product of rows %d and %d is %g, want %g", p, i, j, product, want)
				}
			}
		}
	}
}

// TestMeansArePixels: p times the mean of a square, scaled, is a pixel m with noise ε at the time
// that it is given, and v of such a pixel gives that of p times the mean.
func TestMeansArePixels(t *testing.T) {
	const p, m, ε = 4, 0.7, -1.3
	s := diffusion.Paper()
	var timesteps []float32
	for step := 1; step <= s.Steps(); step++ {
		timesteps = append(timesteps, diffusion.Step(step).Timestep())
	}
	out := MustExecOnceN(pureGo(t), func(timestep *Node) []*Node {
		at := patchTimes(timestep, p)
		return []*Node{at.timestep, at.signal, at.noise, at.scale, at.fromInput, at.fromV}
	}, timesteps)
	number := func(column, step int) float64 {
		return float64(tensors.MustCopyFlatData[float32](out[column])[step-1])
	}
	logRatio := func(step int) float64 {
		a := s.AlphaBar(diffusion.Step(step))
		return math.Log(a / (1 - a))
	}
	for _, step := range []int{1, 5, 13, 14, 50, 200, 499, 700, 1000} {
		alphaBar := s.AlphaBar(diffusion.Step(step))
		a, b := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
		near := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("t = %d: %s is %g, want %g", step, what, got, want)
			}
		}
		near("√ᾱ", number(1, step), a)
		near("√(1−ᾱ)", number(2, step), b)
		// As much signal over noise as a pixel at that time, or the first time.
		at := number(0, step) + 1
		low := int(at)
		want := logRatio(low)
		if frac := at - float64(low); frac > 0 {
			want += frac * (logRatio(low+1) - want)
		}
		if got := logRatio(step) + 2*math.Log(p); at > 1 && math.Abs(got-want) > 1e-3 {
			t.Errorf("t = %d: ln of signal over noise %.5f, a pixel at t = %.3f has %.5f", step, got, at,
				want)
		} else if at == 1 && got < want {
			t.Errorf("t = %d has the first time, with ln of signal over noise %g < %g", step, got, want)
		}
		x := (a*p*m + b*ε) * number(3, step)
		b1 := b * number(3, step) // the pixel's √(1−ᾱ), and √ᾱ
		a1 := math.Sqrt(1 - b1*b1)
		near("the pixel", x, a1*m+b1*ε)
		near("v", number(4, step)*x+number(5, step)*(a1*ε-b1*m), a*ε-b*p*m)
	}
}

// TestPatchedNetworkBegins: with the weights of a network without patches it does on the means of
// squares what that does on pixels, and gives E[v | x] of Gaussian details.
func TestPatchedNetworkBegins(t *testing.T) {
	const p, maps, coarse = 2, 3, 8
	b := pureGo(t)
	from := narrow()
	w := from.Init(7)
	c := wide()
	c.Patch, c.Detail = p, 8
	patched, added, err := c.Widen(from, w, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(patched); err != nil {
		t.Fatal(err)
	}
	if _, _, err := wide().Widen(c, patched, 8); err == nil ||
		!strings.Contains(err.Error(), "unet.Config.Patch = 1") {
		t.Errorf("weights of a network with patches for one without: %v", err)
	}
	if !strings.Contains(strings.Join(added, " "), "detail.project.weight") {
		t.Errorf("detail.project.weight is not among the new tensors %v", added)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	in := inputs(rng)
	times := in[1].([]float32)
	const side = p * coarse
	fine := make([]float32, maps*side*side)
	for i := range fine {
		fine[i] = float32(rng.NormFloat64())
	}
	// What it should do, on the host: the other network on means, and a linear filter.
	waves := MustExecOnce(b, func(x, basis *Node) *Node {
		return Einsum("bhwi,oi->bhwo", ToChannels(x, p), basis)
	}, tensors.FromFlatDataAndDimensions(fine, maps, side, side, 1),
		tensors.FromFlatDataAndDimensions(squareBasis(p), p*p, p*p))
	z := tensors.MustCopyFlatData[float32](waves)
	s := diffusion.Paper()
	at := MustExecOnceN(b, func(x *Node) []*Node {
		t := patchTimes(x, p)
		return []*Node{t.timestep, t.scale, t.fromInput, t.fromV}
	}, times)
	of := func(column, i int) float32 { return tensors.MustCopyFlatData[float32](at[column])[i] }
	const squares = coarse * coarse
	means := make([]float32, maps*squares)
	for i := range means {
		means[i] = z[i*p*p] * of(1, i/squares)
	}
	v := output(b, from, w, []any{
		tensors.FromFlatDataAndDimensions(means, maps, coarse, coarse, 1), at[0], in[2],
	})
	want := make([]float32, len(z))
	for i := range z {
		square, wave := i/(p*p), i%(p*p)
		m := square / squares
		if wave == 0 {
			want[i] = of(2, m)*means[square] + of(3, m)*v[square]
			continue
		}
		k := math.Hypot(float64(wave/p), float64(wave%p)) / p
		variance := 1.5e-4 * math.Pow(k, -3.3)
		alphaBar := s.AlphaBar(diffusion.Step(times[m] + 1))
		covariance := math.Sqrt(alphaBar*(1-alphaBar)) * (1 - variance) // of v and x
		want[i] = z[i] * float32(covariance/(alphaBar*variance+1-alphaBar))
	}
	in[0] = tensors.FromFlatDataAndDimensions(fine, maps, side, side, 1)
	got := MustExecOnce(b, func(x, basis *Node) *Node {
		return Einsum("bhwi,oi->bhwo", ToChannels(x, p), basis)
	}, tensors.FromFlatDataAndDimensions(output(b, c, patched, in), maps, side, side, 1),
		tensors.FromFlatDataAndDimensions(squareBasis(p), p*p, p*p))
	for i, v := range tensors.MustCopyFlatData[float32](got) {
		if math.Abs(float64(v-want[i])) > 1e-4*(1+math.Abs(float64(want[i]))) {
			t.Fatalf("wave %d of square %d is %g, want %g", i%(p*p), i/(p*p), v, want[i])
		}
	}
}

// TestSidesWithPatches: the side has to be a multiple of the squares' and of what is halved.
func TestSidesWithPatches(t *testing.T) {
	c := Default()
	c.Patch, c.Detail = 4, 64
	for side, ok := range map[int]bool{32: true, 256: true, 16: false, 48: false, 0: false} {
		err := c.CheckSide(side)
		if (err == nil) != ok {
			t.Errorf("side %d: %v", side, err)
		}
		if err != nil && !strings.Contains(err.Error(), "squares of 4×4") {
			t.Errorf("side %d: %q does not speak of squares", side, err)
		}
	}
}
