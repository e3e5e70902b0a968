package calibration

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// Interval is a value with its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Contains reports whether v lies in the interval, its ends included.
func (i Interval) Contains(v float64) bool { return v >= i.Low && v <= i.High }

// bootstrap holds means over maps of several numbers, and the same means over simulations drawn
// with replacement. Maps of a simulation stay together, since they are not independent.
type bootstrap struct {
	mean       []float64
	replicates [][]float64 // [replicate][number]
}

// newBootstrap takes the numbers of each map, [map][number], and its simulation.
func newBootstrap(numbers [][]float64, simulations []int, n int, rng *rand.Rand) bootstrap {
	sums := bySimulation(numbers, simulations)
	b := bootstrap{mean: ratio(sums)}
	drawn := make([]sum, len(sums))
	for range n {
		for i := range drawn {
			drawn[i] = sums[rng.IntN(len(sums))]
		}
		b.replicates = append(b.replicates, ratio(drawn))
	}
	return b
}

// sum holds the sums over the maps of one simulation.
type sum struct {
	simulation int
	numbers    []float64
	maps       float64
}

// bySimulation returns the sums in the order of the simulations' numbers, so that results do not
// depend on the order of the maps.
func bySimulation(numbers [][]float64, simulations []int) []sum {
	at := map[int]int{}
	var sums []sum
	for i, row := range numbers {
		k, seen := at[simulations[i]]
		if !seen {
			k = len(sums)
			at[simulations[i]] = k
			sums = append(sums, sum{simulations[i], make([]float64, len(row)), 0})
		}
		floats.Add(sums[k].numbers, row)
		sums[k].maps++
	}
	slices.SortFunc(sums, func(a, b sum) int { return cmp.Compare(a.simulation, b.simulation) })
	return sums
}

// ratio returns the means over all maps of the sums.
func ratio(sums []sum) []float64 {
	out, maps := make([]float64, len(sums[0].numbers)), 0.0
	for _, s := range sums {
		floats.Add(out, s.numbers)
		maps += s.maps
	}
	floats.Scale(1/maps, out)
	return out
}

// interval returns the mean of number k with the central 95 % of its replicates.
func (b bootstrap) interval(k int) Interval {
	values := b.column(k)
	slices.Sort(values)
	return Interval{
		b.mean[k], stat.Quantile(0.025, stat.LinInterp, values, nil),
		stat.Quantile(0.975, stat.LinInterp, values, nil),
	}
}

func (b bootstrap) column(k int) []float64 {
	values := make([]float64, len(b.replicates))
	for i, r := range b.replicates {
		values[i] = r[k]
	}
	return values
}
