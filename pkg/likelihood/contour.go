package likelihood

import (
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
)

// Values of −2Δln L that enclose 68.3, 95.4 and 99.7 % of a chi² distribution with two degrees of
// freedom.
const (
	Level1Sigma = 2.30
	Level2Sigma = 6.18
	Level3Sigma = 11.83
)

// Polyline is a piece of a contour. A closed one repeats its first point at the end; an open one
// was cut at the edge of the grid.
type Polyline struct {
	Points []cosmology.Params
	Closed bool
}

// Contour returns the lines along which −2Δln L equals level, by marching squares with linear
// interpolation along the edges of the grid's cells. A level above all of the surface has no
// line. It panics for a level that is not positive and finite and for a surface that is not finite.
func (s Surface) Contour(level float64) []Polyline {
	if !(level > 0) || math.IsInf(level, 0) {
		panic(fmt.Sprintf("likelihood: contour at level %g, want > 0", level))
	}
	values := s.MinusTwoDeltaLnL()
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			panic(fmt.Sprintf("likelihood: contour of a surface that is %g at %v", v, s.Grid.Points()[i]))
		}
	}
	m := marcher{grid: s.Grid, values: values, level: level, next: map[edge][]edge{}}
	for i := range len(s.Grid.OmegaM) - 1 {
		for j := range len(s.Grid.Sigma8) - 1 {
			m.cell(i, j)
		}
	}
	return m.lines()
}

// edge is a side of a cell: from node (i, j) to its neighbour in Ω_m, or in σ_8 if up. It
// identifies a crossing of the contour without a comparison of coordinates.
type edge struct {
	i, j int
	up   bool
}

type marcher struct {
	grid   Grid
	values []float64
	level  float64
	next   map[edge][]edge // the one or two crossings joined to a crossing by a segment
	order  []edge          // crossings in the order of the cells, which makes the output reproducible
}

func (m *marcher) at(i, j int) float64 { return m.values[i*len(m.grid.Sigma8)+j] }

// cell adds the segments of the cell whose lowest corner is (i, j).
func (m *marcher) cell(i, j int) {
	corners := [4]float64{m.at(i, j), m.at(i+1, j), m.at(i+1, j+1), m.at(i, j+1)}
	// side c joins corners c and c+1
	sides := [4]edge{{i, j, false}, {i + 1, j, true}, {i, j + 1, false}, {i, j, true}}
	var crossed []int
	for c := range corners {
		if (corners[c] < m.level) != (corners[(c+1)%4] < m.level) {
			crossed = append(crossed, c)
		}
	}
	switch len(crossed) {
	case 2:
		m.join(sides[crossed[0]], sides[crossed[1]])
	case 4: // a saddle: the mean of the corners decides which pair is connected
		centre := (corners[0] + corners[1] + corners[2] + corners[3]) / 4
		// Corners 0 and 2 are connected, and 1 and 3 are cut off.
		if (centre < m.level) == (corners[0] < m.level) {
			m.join(sides[0], sides[1])
			m.join(sides[2], sides[3])
		} else {
			m.join(sides[3], sides[0])
			m.join(sides[1], sides[2])
		}
	}
}

func (m *marcher) join(a, b edge) {
	for _, e := range []edge{a, b} {
		if _, met := m.next[e]; !met {
			m.order = append(m.order, e)
		}
	}
	m.next[a] = append(m.next[a], b)
	m.next[b] = append(m.next[b], a)
}

// lines follows the segments, first from the open ends, then around the closed curves.
func (m *marcher) lines() []Polyline {
	var out []Polyline
	done := map[edge]bool{}
	for _, wantEnds := range []int{1, 2} {
		for _, start := range m.order {
			if !done[start] && len(m.next[start]) == wantEnds {
				out = append(out, m.follow(start, done, wantEnds == 2))
			}
		}
	}
	return out
}

func (m *marcher) follow(start edge, done map[edge]bool, closed bool) Polyline {
	line := Polyline{Closed: closed}
	for at, more := start, true; more; {
		done[at] = true
		line.Points = append(line.Points, m.point(at))
		more = false
		for _, e := range m.next[at] {
			if !done[e] {
				at, more = e, true
				break
			}
		}
	}
	if closed {
		line.Points = append(line.Points, line.Points[0])
	}
	return line
}

// point returns where the level is reached along an edge.
func (m *marcher) point(e edge) cosmology.Params {
	p := cosmology.Params{OmegaM: m.grid.OmegaM[e.i], Sigma8: m.grid.Sigma8[e.j]}
	v := m.at(e.i, e.j)
	if e.up {
		p.Sigma8 += (m.grid.Sigma8[e.j+1] - p.Sigma8) * (m.level - v) / (m.at(e.i, e.j+1) - v)
	} else {
		p.OmegaM += (m.grid.OmegaM[e.i+1] - p.OmegaM) * (m.level - v) / (m.at(e.i+1, e.j) - v)
	}
	return p
}
