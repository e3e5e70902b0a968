package baseline

import (
	"fmt"
	"math"

	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// vector defines the data vector of the Gaussian likelihood.
type vector struct {
	box  field.Box
	bins [][]int // the rings of the spectrum in each bin
}

// newVector groups the rings of a box's spectra into at most bins bins of about equal width in ln
// k. The first ring has a bin of its own.
func newVector(box field.Box, bins int) vector {
	v, rings := vector{box: box}, box.Cells/2
	last := -1
	for r := range rings {
		at := int(float64(bins) * math.Log(float64(r+1)) / math.Log(float64(rings+1)))
		if at != last {
			v.bins = append(v.bins, nil)
			last = at
		}
		end := len(v.bins) - 1
		v.bins[end] = append(v.bins[end], r)
	}
	return v
}

// len returns the length of the data vector: a power for each bin and two means.
func (v vector) len() int { return len(v.bins) + 2 }

// of returns the data vector of a map: ln P of the log10 field less its mean, in ln (Mpc/h)², for
// each bin, then the mean of the log10 pixels, then the log10 of the mean density. Rings of a bin
// are weighted by their k, to which their numbers of modes are proportional. A map without
// fluctuations is an error.
func (v vector) of(m field.LogMap) ([]float64, error) {
	if err := checkMap(m, v.box); err != nil {
		return nil, err
	}
	s := summary.Deviation.Power(m)
	out := make([]float64, 0, v.len())
	for b, rings := range v.bins {
		power, weight := 0.0, 0.0
		for _, r := range rings {
			power += s.K[r] * s.P[r]
			weight += s.K[r]
		}
		if !(power > 0) {
			return nil, fmt.Errorf("the power in bin %d (k from %.3g h/Mpc) is %g, want > 0: the map does "+
				"not fluctuate there", b, s.K[rings[0]], power/weight)
		}
		out = append(out, math.Log(power/weight))
	}
	density := 0.0
	for _, x := range m.Values {
		density += math.Pow(10, float64(x)) / float64(len(m.Values))
	}
	return append(out, m.Mean(), math.Log10(density)), nil
}
