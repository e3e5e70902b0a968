package summary

import (
	"fmt"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"
)

// Histogram is a density of values: its integral over the bins is the share of values that fell
// into them.
type Histogram struct {
	Edges       []float64
	Density     []float64 // share of all values a unit of the axis; one fewer than edges
	Under, Over float64   // shares of the values below and above the bins
}

// NewHistogram counts values in the bins between rising edges; a value on an inner edge belongs
// to the bin above it and one on the last edge to the last bin. NaN counts as above. It panics on
// fewer than two edges.
func NewHistogram(values []float32, edges []float64) Histogram {
	if len(edges) < 2 {
		panic(fmt.Sprintf("summary: a histogram of %d edges", len(edges)))
	}
	h := Histogram{Edges: edges, Density: make([]float64, len(edges)-1)}
	last := len(edges) - 1
	one := 1 / float64(len(values))
	for _, v := range values {
		x := float64(v)
		switch i := sort.SearchFloat64s(edges, x); {
		case x < edges[0]:
			h.Under += one
		case !(x <= edges[last]):
			h.Over += one
		default:
			if i == last || edges[i] != x {
				i--
			}
			h.Density[i] += one
		}
	}
	for i := range h.Density {
		h.Density[i] /= edges[i+1] - edges[i]
	}
	return h
}

// Envelope returns the mean and the standard deviation of the densities of histograms. It panics
// unless all have the same edges.
func Envelope(histograms []Histogram) BinStats {
	curves := make([][]float64, len(histograms))
	for i, h := range histograms {
		if !slices.Equal(h.Edges, histograms[0].Edges) {
			panic("summary: Envelope of histograms with different edges")
		}
		curves[i] = h.Density
	}
	return Stats(curves)
}

// Ratios returns the mean and standard deviation over maps of varied[i]/fiducial[i], bin by bin,
// for the first maps that both have. Maps of equal index share their random phases, so that most
// of the cosmic variance cancels. It panics on no maps and on curves of different bins.
func Ratios(varied, fiducial [][]float64) BinStats {
	var curves [][]float64
	for m := range min(len(varied), len(fiducial)) {
		if len(varied[m]) != len(fiducial[m]) {
			panic(fmt.Sprintf("summary: Ratios of curves of %d and %d bins", len(varied[m]),
				len(fiducial[m])))
		}
		curves = append(curves, floats.DivTo(make([]float64, len(varied[m])), varied[m], fiducial[m]))
	}
	return Stats(curves)
}
