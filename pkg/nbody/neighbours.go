package nbody

import (
	"math"
)

// tree is a k-d tree of points in a periodic box, for the distance to the k-th nearest neighbour.
// Nodes are implicit: node i has children 2i+1 and 2i+2, and holds a range of points.
type tree struct {
	side  float32
	x     [3][]float32 // by axis, sorted into leaves; a vector of 8 may reach beyond the last point
	index []int32      // of each point before sorting
	nodes []treeNode
}

type treePoint struct {
	x     [3]float32
	index int32
}

type treeNode struct {
	low, high   [3]float32 // bounds of the points
	first, last int32
}

const leafSize = 24

func newTree(side float32, x [3][]float32) *tree {
	n := len(x[0])
	t := &tree{side: side, index: make([]int32, n)}
	points := make([]treePoint, n)
	for i := range points {
		points[i] = treePoint{[3]float32{x[0][i], x[1][i], x[2][i]}, int32(i)}
	}
	size := 1
	for leaves := 1; (n+leaves-1)/leaves > leafSize; leaves *= 2 {
		size = 4*leaves - 1
	}
	t.nodes = make([]treeNode, size)
	t.build(points, 0, 0, n)
	for axis := range t.x {
		t.x[axis] = make([]float32, n+7)
		for i := range points {
			t.x[axis][i] = points[i].x[axis]
		}
	}
	for i := range points {
		t.index[i] = points[i].index
	}
	return t
}

func (t *tree) leaf(node int) bool { return 2*node+2 >= len(t.nodes) }

// build bounds the points of a range and splits them at the median of the longest axis.
func (t *tree) build(points []treePoint, node, first, last int) {
	infinity := float32(math.Inf(1))
	b := treeNode{first: int32(first), last: int32(last)}
	b.low, b.high = [3]float32{infinity, infinity, infinity},
		[3]float32{-infinity, -infinity, -infinity}
	for i := first; i < last; i++ {
		for axis, x := range points[i].x {
			if x < b.low[axis] {
				b.low[axis] = x
			}
			if x > b.high[axis] {
				b.high[axis] = x
			}
		}
	}
	t.nodes[node] = b
	if t.leaf(node) {
		return
	}
	longest := 0
	for axis := range 3 {
		if b.high[axis]-b.low[axis] > b.high[longest]-b.low[longest] {
			longest = axis
		}
	}
	middle := (first + last) / 2
	selectNth(points[first:last], middle-first, longest)
	t.build(points, 2*node+1, first, middle)
	t.build(points, 2*node+2, middle, last)
}

// selectNth reorders points so that the n-th along an axis stands in its place, smaller ones
// before it (Hoare's algorithm).
func selectNth(points []treePoint, n, axis int) {
	low, high := 0, len(points)-1
	for low < high {
		pivot := points[(low+high)/2].x[axis]
		i, j := low, high
		for i <= j {
			for points[i].x[axis] < pivot {
				i++
			}
			for points[j].x[axis] > pivot {
				j--
			}
			if i <= j {
				points[i], points[j] = points[j], points[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n <= j:
			high = j
		case n >= i:
			low = i
		default:
			return
		}
	}
}

// radii returns for every point, in its original order, the distance to its k-th nearest other
// point. It searches for all points of a leaf at once: they have most neighbours in common.
func (t *tree) radii(k int) []float32 {
	out := make([]float32, len(t.index))
	s := search{tree: t, k: k, stride: max(k, vectorList)}
	s.best = make([]float32, s.stride*leafSize)
	for node := len(t.nodes) / 2; node < len(t.nodes); node++ {
		s.around(node)
		first, last := t.nodes[node].first, t.nodes[node].last
		for i, p := range t.index[first:last] {
			out[p] = float32(math.Sqrt(float64(s.worst[i])))
		}
	}
	return out
}

// search is for the neighbours of the points of one leaf.
type search struct {
	*tree
	k      int
	own    int // the leaf
	bounds treeNode
	best   []float32         // for each point its k smallest squared distances so far, rising
	stride int               // from one point's in best to the next one's, at least k
	worst  [leafSize]float32 // for each point the k-th of them; 0 where there is no point
	reach  float32           // the largest of worst
}

// vectorList is how many distances of a point scanAVX2 keeps.
const vectorList = 16

// pair is a leaf, which is moved by −shift, and another one. scanAVX2 knows its layout.
type pair struct {
	own, other       [3]*float32 // coordinates
	owns, others     int         // numbers of points
	shift, low, high [3]float32  // low and high are the bounds of the other leaf
}

// around searches the leaf itself and then, going up to the root, the sibling of each node.
func (s *search) around(leaf int) {
	s.own, s.bounds, s.reach = leaf, s.nodes[leaf], float32(math.Inf(1))
	for i := range s.best {
		s.best[i] = s.reach
	}
	clear(s.worst[:])
	for i := range s.bounds.last - s.bounds.first {
		s.worst[i] = s.reach
	}
	s.scan(leaf)
	for node := leaf; node > 0; node = (node - 1) / 2 {
		sibling := node - 1
		if node%2 == 1 {
			sibling = node + 1
		}
		s.visit(sibling, s.gap(sibling))
	}
}

// visit searches a node whose bounds lie at a squared distance of gap from the leaf's.
func (s *search) visit(node int, gap float32) {
	if gap >= s.reach {
		return
	}
	if s.leaf(node) {
		s.scan(node)
		return
	}
	near, far := 2*node+1, 2*node+2
	dn, df := s.gap(near), s.gap(far)
	if df < dn {
		near, far, dn, df = far, near, df, dn
	}
	s.visit(near, dn)
	s.visit(far, df)
}

// scan compares the points of the own leaf with all points of another, or of the same, leaf.
func (s *search) scan(leaf int) {
	b := &s.nodes[leaf]
	shift, common := s.image(b)
	if common && vector && s.k <= vectorList {
		p := pair{
			owns: int(s.bounds.last - s.bounds.first), others: int(b.last - b.first),
			shift: shift, low: b.low, high: b.high,
		}
		for axis, x := range &s.x {
			p.own[axis], p.other[axis] = &x[s.bounds.first], &x[b.first]
		}
		self := 0
		if leaf == s.own {
			self = 1
		}
		s.reach = scanAVX2(&p, &s.best[0], &s.worst, self, s.k)
		return
	}
	s.reach = 0
	for i := range s.bounds.last - s.bounds.first {
		best := s.best[int(i)*s.stride:][:s.k]
		worst := s.worst[i]
		p := s.bounds.first + i
		x, y, z := s.x[0][p]-shift[0], s.x[1][p]-shift[1], s.x[2][p]-shift[2]
		gap := square(outside(x, b.low[0], b.high[0])) + square(outside(y, b.low[1], b.high[1])) +
			square(outside(z, b.low[2], b.high[2]))
		if !common || gap < worst {
			for o := b.first; o < b.last; o++ {
				dx, dy, dz := x-s.x[0][o], y-s.x[1][o], z-s.x[2][o]
				if !common {
					dx, dy, dz = s.periodic(dx), s.periodic(dy), s.periodic(dz)
				}
				if d := dx*dx + dy*dy + dz*dz; d < worst && o != p {
					insert(best, d)
					worst = best[len(best)-1]
				}
			}
			s.worst[i] = worst
		}
		s.reach = max(s.reach, worst)
	}
}

func square(x float32) float32 { return x * x }

// outside returns the distance of x from an interval. Branches are cheaper here than the builtin
// max, which has to look for NaN, because most points of a leaf lie on the same side of another.
func outside(x, low, high float32) float32 {
	if x < low {
		return low - x
	}
	if x > high {
		return x - high
	}
	return 0
}

// periodic returns the image of a coordinate difference that is nearest to 0.
func (t *tree) periodic(d float32) float32 {
	if d > t.side/2 {
		return d - t.side
	}
	if d < -t.side/2 {
		return d + t.side
	}
	return d
}

// image returns the periodic shift that brings a node nearest to the leaf, and whether it holds for
// every pair of their points; it does unless both together are half as wide as the box.
func (s *search) image(b *treeNode) (shift [3]float32, common bool) {
	common = true
	for axis := range 3 {
		wide := (s.bounds.high[axis] - s.bounds.low[axis] + b.high[axis] - b.low[axis]) / 2
		d := (s.bounds.high[axis] + s.bounds.low[axis] - b.high[axis] - b.low[axis]) / 2
		switch {
		case d > s.side/2:
			shift[axis] = s.side
		case d < -s.side/2:
			shift[axis] = -s.side
		}
		d -= shift[axis]
		common = common && d+wide <= s.side/2 && d-wide >= -s.side/2
	}
	if !common {
		return [3]float32{}, false
	}
	return shift, true
}

// insert puts a number into a rising list in place of the last.
func insert(list []float32, x float32) {
	i := len(list) - 1
	for ; i > 0 && list[i-1] > x; i-- {
		list[i] = list[i-1]
	}
	list[i] = x
}

// gap returns the squared periodic distance between the leaf's bounds and those of a node.
func (s *search) gap(node int) float32 {
	a, b := &s.bounds, &s.nodes[node]
	return square(s.between(a.low[0], a.high[0], b.low[0], b.high[0])) +
		square(s.between(a.low[1], a.high[1], b.low[1], b.high[1])) +
		square(s.between(a.low[2], a.high[2], b.low[2], b.high[2]))
}

// between returns the periodic distance of two intervals.
func (t *tree) between(lowA, highA, lowB, highB float32) float32 {
	switch {
	case lowB > highA:
		return min(lowB-highA, lowA-highB+t.side)
	case lowA > highB:
		return min(lowA-highB, lowB-highA+t.side)
	}
	return 0
}
