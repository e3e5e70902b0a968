package likelihood

import (
	"fmt"
	"math"
	"testing"

	"darkfield/pkg/cosmology"
)

// TestContourIsTheEllipse: the lines of a Gaussian lie on −2Δln L = level to the error of linear
// interpolation, are closed, and go once around the mean.
func TestContourIsTheEllipse(t *testing.T) {
	s := surfaceOf(t, oracle.terms, WholePrior(cosmology.CAMELSPrior(), 401))
	for _, level := range []float64{Level1Sigma, Level2Sigma, Level3Sigma} {
		lines := s.Contour(level)
		if len(lines) != 1 || !lines[0].Closed ||
			lines[0].Points[0] != lines[0].Points[len(lines[0].Points)-1] {
			t.Fatalf("level %g: %d lines, want one closed line", level, len(lines))
		}
		turn := 0.0
		for i, p := range lines[0].Points {
			// Linear interpolation of f errs by at most h²f''/8; f'' ≤ 2/(σ²(1−ρ²)) gives 1e-3 for h = σ/20.
			if d := 2 * oracle.nll(p); math.Abs(d-level) > 1.1e-3 {
				t.Fatalf("level %g: a point of the contour has −2Δln L = %g", level, d)
			}
			if i > 0 {
				turn += angle(lines[0].Points[i-1], p, oracle.mean)
			}
		}
		if math.Abs(math.Abs(turn)-2*math.Pi) > 1e-9 {
			t.Errorf("level %g turns by %g about the mean, want 2π", level, turn)
		}
	}
}

func angle(a, b, centre cosmology.Params) float64 {
	ax, ay := a.OmegaM-centre.OmegaM, a.Sigma8-centre.Sigma8
	bx, by := b.OmegaM-centre.OmegaM, b.Sigma8-centre.Sigma8
	return math.Atan2(ax*by-ay*bx, ax*bx+ay*by)
}

// TestContourCutAtThePrior: an ellipse that leaves the grid is open and ends on the grid's edge.
func TestContourCutAtThePrior(t *testing.T) {
	g := oracle
	g.mean = cosmology.Params{OmegaM: 0.11, Sigma8: 0.8}
	lines := surfaceOf(t, g.terms, WholePrior(cosmology.CAMELSPrior(), 101)).Contour(Level1Sigma)
	if len(lines) != 1 || lines[0].Closed {
		t.Fatalf("%d lines, want one open line", len(lines))
	}
	points := lines[0].Points
	for _, p := range []cosmology.Params{points[0], points[len(points)-1]} {
		if p.OmegaM != 0.1 {
			t.Errorf("the contour ends at %v, want on the edge Ω_m = 0.1", p)
		}
	}
	for _, p := range points[1 : len(points)-1] {
		if p.OmegaM <= 0.1 {
			t.Errorf("an inner point lies on the edge: %v", p)
		}
	}
}

// TestContourOfTwoPeaks: two separate peaks give two closed lines; a saddle at the very level
// gives no broken ones.
func TestContourOfTwoPeaks(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 81)
	s := Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	for i, p := range grid.Points() {
		a := math.Hypot(p.OmegaM-0.2, p.Sigma8-0.7) / 0.02
		b := math.Hypot(p.OmegaM-0.4, p.Sigma8-0.9) / 0.02
		s.NLL[i] = min(a*a, b*b) / 2
	}
	lines := s.Contour(Level1Sigma)
	if len(lines) != 2 || !lines[0].Closed || !lines[1].Closed {
		t.Fatalf("%d lines %v, want two closed lines", len(lines), lines)
	}
	checker := Surface{Grid: WholePrior(cosmology.CAMELSPrior(), 4), NLL: make([]float64, 16)}
	for i := range checker.NLL {
		checker.NLL[i] = float64((i + i/4) % 2 * 4)
	}
	segments := 0
	for _, l := range checker.Contour(4) {
		segments += len(l.Points) - 1
	}
	if segments != 18 { // nine saddle cells, two segments each
		t.Errorf("a chequerboard has %d segments, want 18", segments)
	}
}

func ExampleSurface_Contour() {
	grid := WholePrior(cosmology.CAMELSPrior(), 101)
	s := Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	for i, p := range grid.Points() {
		s.NLL[i] = oracle.nll(p)
	}
	for _, l := range s.Contour(Level1Sigma) {
		low, high := 1.0, 0.0
		for _, p := range l.Points {
			low, high = min(low, p.OmegaM), max(high, p.OmegaM)
		}
		fmt.Printf("closed: %v, Ω_m from %.2f to %.2f\n", l.Closed, low, high)
	}
	// Output: closed: true, Ω_m from 0.28 to 0.34
}

// TestContourAtASaddle: the centre decides which corners of a saddle cell hang together, so the
// lines cut off the others.
func TestContourAtASaddle(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 2)
	for _, c := range []struct {
		nll  []float64 // at (low, low), (low, high), (high, low), (high, high)
		cuts [2]cosmology.Params
	}{
		// low centre: the high corners are cut off
		{[]float64{0, 3, 3, 0}, [2]cosmology.Params{
			{OmegaM: 0.1, Sigma8: 1},
			{OmegaM: 0.5, Sigma8: 0.6},
		}},
		// high centre: the low ones
		{[]float64{0, 9, 9, 0}, [2]cosmology.Params{
			{OmegaM: 0.1, Sigma8: 0.6},
			{OmegaM: 0.5, Sigma8: 1},
		}},
	} {
		lines := Surface{Grid: grid, NLL: c.nll}.Contour(4)
		if len(lines) != 2 {
			t.Fatalf("%v: %d lines, want 2", c.nll, len(lines))
		}
		for _, corner := range c.cuts {
			near := 0
			for _, l := range lines {
				onBoth := true
				for _, p := range l.Points {
					onBoth = onBoth && (p.OmegaM == corner.OmegaM || p.Sigma8 == corner.Sigma8)
				}
				if onBoth {
					near++
				}
			}
			if near != 1 {
				t.Errorf("%v: %d lines cut off the corner %v, want 1", c.nll, near, corner)
			}
		}
	}
}
