package nbody

import (
	"math"
)

// tree is a k-d tree of points in a periodic box, for the distance to the k-th nearest neighbour. Nodes are implicit: node i has
// children 2i+1 and 2i+2, and holds a range of order.
type tree struct {
	side   float32
	points [3][]float32 // sorted into leaves
	order  []int32      // original index of each sorted point
	nodes  []treeNode
}

type treeNode struct {
	low, high   [3]float32 // bounds of the points
	first, last int32
}

const leafSize = 12

func newTree(side float32, x [3][]float32) *tree {
	n := len(x[0])
	t := &tree{side: side, order: make([]int32, n)}
	for i := range t.order {
		t.order[i] = int32(i)
	}
	size := 1
	for leaves := 1; n/leaves > leafSize; leaves *= 2 {
		size = 4*leaves - 1
	}
	t.nodes = make([]treeNode, size)
	t.build(0, 0, int32(n), x)
	for axis := range 3 {
		t.points[axis] = make([]float32, n)
		for i, o := range t.order {
			t.points[axis][i] = x[axis][o]
		}
	}
	return t
}

func (t *tree) leaf(node int) bool { return 2*node+2 >= len(t.nodes) }

// build bounds the points of a range and splits them at the median of the longest axis.
func (t *tree) build(node int, first, last int32, x [3][]float32) {
	b := treeNode{first: first, last: last}
	for axis := range 3 {
		b.low[axis], b.high[axis] = float32(math.Inf(1)), float32(math.Inf(-1))
		for _, o := range t.order[first:last] {
			b.low[axis], b.high[axis] = min(b.low[axis], x[axis][o]), max(b.high[axis], x[axis][o])
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
	selectNth(t.order[first:last], int(middle-first), x[longest])
	t.build(2*node+1, first, middle, x)
	t.build(2*node+2, middle, last, x)
}

// selectNth reorders indices so that the n-th by key stands in its place, smaller ones before it (Hoare's algorithm).
func selectNth(order []int32, n int, key []float32) {
	low, high := 0, len(order)-1
	for low < high {
		pivot := key[order[(low+high)/2]]
		i, j := low, high
		for i <= j {
			for key[order[i]] < pivot {
				i++
			}
			for key[order[j]] > pivot {
				j--
			}
			if i <= j {
				order[i], order[j] = order[j], order[i]
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

// radii returns for every point, in its original order, the distance to its k-th nearest other point.
func (t *tree) radii(k int) []float32 {
	out := make([]float32, len(t.order))
	best := make([]float32, 0, k+1)
	for i, o := range t.order {
		at := [3]float32{t.points[0][i], t.points[1][i], t.points[2][i]}
		best = t.search(0, at, k+1, best[:0]) // the point itself is the nearest
		out[o] = float32(math.Sqrt(float64(best[len(best)-1])))
	}
	return out
}

// search keeps in best, rising, the k smallest squared distances from at to the points of a node.
func (t *tree) search(node int, at [3]float32, k int, best []float32) []float32 {
	b := &t.nodes[node]
	if t.leaf(node) {
		for i := b.first; i < b.last; i++ {
			d := t.separation(at, i)
			if len(best) < k {
				best = append(best, d)
			} else if d >= best[k-1] {
				continue
			}
			j := len(best) - 1
			for ; j > 0 && best[j-1] > d; j-- {
				best[j] = best[j-1]
			}
			best[j] = d
		}
		return best
	}
	near, far := 2*node+1, 2*node+2
	dn, df := t.distance(near, at), t.distance(far, at)
	if df < dn {
		near, far, dn, df = far, near, df, dn
	}
	if len(best) < k || dn < best[len(best)-1] {
		best = t.search(near, at, k, best)
	}
	if len(best) < k || df < best[len(best)-1] {
		best = t.search(far, at, k, best)
	}
	return best
}

// separation returns the squared periodic distance to a sorted point.
func (t *tree) separation(at [3]float32, i int32) float32 {
	sum := float32(0)
	for axis := range 3 {
		d := at[axis] - t.points[axis][i]
		if d < 0 {
			d = -d
		}
		if d > t.side/2 {
			d = t.side - d
		}
		sum += d * d
	}
	return sum
}

// distance returns the squared periodic distance to the bounds of a node.
func (t *tree) distance(node int, at [3]float32) float32 {
	b := &t.nodes[node]
	sum := float32(0)
	for axis := range 3 {
		x, low, high := at[axis], b.low[axis], b.high[axis]
		d := float32(0)
		switch {
		case x < low:
			d = min(low-x, x+t.side-high)
		case x > high:
			d = min(x-high, low+t.side-x)
		}
		sum += d * d
	}
	return sum
}
