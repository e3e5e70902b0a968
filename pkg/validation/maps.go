package validation

import (
	"context"
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/nbody"
	"darkfield/pkg/summary"
)

// Edges of the histograms of log10 of a pixel: CAMELS' range.
const (
	logLow   = 9.4
	logHigh  = 15.4
	logBins  = 120
	bandSide = 32 // pixels of the maps whose band is taken, as in the acceptance numbers
	bandLow  = 2.5
	bandHigh = 4.5 // fundamental modes: 0.63 < k < 1.13 in 25 Mpc/h
	slabs    = 5   // of each axis

	criticalDensity = 2.7754e11 // today, (Msun/h)/(Mpc/h)³
)

// boxMaps holds the measurements of the maps of a box and of its particles.
type boxMaps struct {
	K          [][]float64    // [side][bin] of Config.Sides
	Power      [][3][]float64 // [side][axis][bin], mean over the slabs
	LogPower   [][]float64    // [side][bin] of log10 of the maps, mean over all
	Band       float64        // mean power of the modes in the band, at bandSide
	LogMean    float64        // of all pixels
	LogSquares float64        // mean square
	Histogram  []float64      // per dex
	Mass       [3]float64     // of the maps of an axis, over that of the box's dark matter
	MeshMass   float64        // of particles shared among cells, over their number
	Drift      float64        // of the centre of mass, over the rms displacement
}

func measureMaps(ctx context.Context, c nbody.Config, params cosmology.Params, seed uint64,
	sides []int,
) (boxMaps, error) {
	p, err := nbody.Simulate(ctx, c, params, seed)
	if err != nil {
		return boxMaps{}, err
	}
	return measureParticles(p, c, sides)
}

func measureParticles(p *nbody.Particles, c nbody.Config, sides []int) (boxMaps, error) {
	maps, err := nbody.Project(p, c.Neighbours, c.Pixels)
	if err != nil {
		return boxMaps{}, err
	}
	out := boxMaps{Drift: drift(p, c)}
	cells := c.Particles * c.MeshFactor
	for _, v := range nbody.Counts(p, cells) {
		out.MeshMass += float64(v) / float64(len(p.Positions[0]))
	}
	dark := (p.Universe.OmegaM - p.Universe.OmegaB) * criticalDensity * p.Side
	var values []float32
	for i, m := range maps {
		out.Mass[i/slabs] += m.Mean() / dark
		for _, v := range m.Values {
			l := math.Log10(float64(v))
			out.LogMean += l
			out.LogSquares += l * l
			values = append(values, float32(l))
		}
	}
	out.LogMean, out.LogSquares = out.LogMean/float64(len(values)), out.LogSquares/float64(len(values))
	out.Histogram = summary.NewHistogram(values, logEdges()).Density
	for _, side := range sides {
		if err := out.addPower(maps, side); err != nil {
			return boxMaps{}, err
		}
	}
	for _, m := range maps {
		small, err := field.BlockAverage(m, bandSide)
		if err != nil {
			return boxMaps{}, err
		}
		out.Band += bandPower(small) / float64(len(maps))
	}
	return out, nil
}

func logEdges() []float64 {
	out := make([]float64, logBins+1)
	for i := range out {
		out[i] = logLow + (logHigh-logLow)*float64(i)/logBins
	}
	return out
}

// addPower adds the spectra of the overdensity, and of log10, of maps averaged down to a side.
func (b *boxMaps) addPower(maps []field.Map, side int) error {
	var k, logs []float64
	var power [3][]float64
	for i, m := range maps {
		small, err := field.BlockAverage(m, side)
		if err != nil {
			return err
		}
		s := summary.Overdensity(small)
		k = s.K
		axis := i / slabs
		if power[axis] == nil {
			power[axis] = make([]float64, len(s.P))
		}
		for j, v := range s.P {
			power[axis][j] += v / slabs
		}
		l, err := small.Log10()
		if err != nil {
			return err
		}
		if logs == nil {
			logs = make([]float64, len(s.P))
		}
		for j, v := range summary.Contrast.Power(l).P {
			logs[j] += v / float64(len(maps))
		}
	}
	b.K, b.Power, b.LogPower = append(b.K, k), append(b.Power, power), append(b.LogPower, logs)
	return nil
}

// mean is the spectrum at the side with an index, over all axes.
func (b boxMaps) mean(side int) []float64 {
	out := make([]float64, len(b.K[side]))
	for _, p := range b.Power[side] {
		for i, v := range p {
			out[i] += v / 3
		}
	}
	return out
}

// bandPower is the mean of |δ_k|² over the modes of a map with bandLow < |n| <= bandHigh, in
// units of the map's area.
func bandPower(m field.Map) float64 {
	n, mean := m.Box.Cells, m.Mean()
	sum, modes := 0.0, 0.0
	const reach = 5 // beyond the band
	for ky := -reach; ky <= reach; ky++ {
		for kx := -reach; kx <= reach; kx++ {
			if k := math.Hypot(float64(kx), float64(ky)); k <= bandLow || k > bandHigh {
				continue
			}
			var re, im float64
			for i, v := range m.Values {
				s, c := math.Sincos(2 * math.Pi * float64(ky*(i/n)+kx*(i%n)) / float64(n))
				re, im = re+(float64(v)/mean-1)*c, im+(float64(v)/mean-1)*s
			}
			sum += (re*re + im*im) / float64(n*n) / float64(n*n)
			modes++
		}
	}
	return sum / modes
}

// drift is the distance of the particles' centre of mass from where it began, over their rms
// displacement. Particles keep the order of their lattice.
func drift(p *nbody.Particles, c nbody.Config) float64 {
	n := c.Particles
	sum, squares := 0.0, 0.0
	for axis, x := range p.Positions {
		mean := 0.0
		for i, v := range x {
			q := (float64([3]int{i / (n * n), i / n % n, i % n}[axis]) + c.Shift) * c.BoxSide / float64(n)
			d := math.Remainder(float64(v)-q, c.BoxSide)
			mean += d / float64(len(x))
			squares += d * d / float64(len(x))
		}
		sum += mean * mean
	}
	return math.Sqrt(sum / squares)
}
