package field

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Dex returns a share of the scaling's range in dex, the unit of log10 values: fraction·(Max −
// Min). In scaled values, whose range is 2 long, it is 2·fraction.
func (s Scaling) Dex(fraction float64) float64 { return fraction * (s.Max - s.Min) }

// AddNoise returns m with independent Gaussian noise of mean 0 and standard deviation sigma, in
// dex, added to each pixel: sigma = Scaling.Dex(0.02) is noise of 2 % of the range that the
// network sees. Values may leave that range; they are not clipped. The noise depends on the state
// of rng alone. It panics unless sigma is finite and not negative.
func AddNoise(m LogMap, sigma float64, rng *rand.Rand) LogMap {
	if !(sigma >= 0) || math.IsInf(sigma, 0) {
		panic(fmt.Sprintf("field: AddNoise of %g dex, want a finite number >= 0", sigma))
	}
	noisy := func(v float64) float64 { return v + sigma*rng.NormFloat64() }
	return LogMap{m.Box, each(m.Values, noisy)}
}
