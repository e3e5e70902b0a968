package training

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
)

// Source provides scaled maps with their parameters.
type Source struct {
	Len int // number of maps
	// Fill writes map i to dst and returns its parameters, those of the manifest's prior, scaled to
	// [0, 1]. It must be safe for concurrent use.
	Fill func(i int, dst []float32) (theta []float32, err error)
}

// Data are the maps to train and to validate on.
type Data struct {
	Side       int // pixels per side
	Train      Source
	Validation Source
}

// as returns d with parameters scaled as the network of m is fed them.
func (d Data) as(m checkpoint.Manifest) Data {
	if m.LogTheta {
		d.Train, d.Validation = d.Train.logTheta(m.Prior), d.Validation.logTheta(m.Prior)
	}
	return d
}

func (s Source) logTheta(prior cosmology.Prior) Source {
	return Source{Len: s.Len, Fill: func(i int, dst []float32) ([]float32, error) {
		theta, err := s.Fill(i, dst)
		if err != nil || len(theta) != prior.Len() {
			return theta, err
		}
		u := make(cosmology.UnitParams, len(theta))
		for k, v := range theta {
			u[k] = float64(v)
		}
		return prior.LogUnit(prior.Params(u)).Float32(), nil
	}}
}

// batch is the input of one step.
type batch struct {
	x0, epsilon, timestep, theta []float32
	err                          error
}

// Streams of random numbers: which, and for which step or epoch.
const (
	permutations uint64 = iota + 1
	steps
	validation
)

func stream(seed, which, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, which<<56|n))
}

// drawer draws batches. Its only state is the order of the current epoch, which the seed
// determines.
type drawer struct {
	Config
	data     Data
	thetas   int // parameters of a map
	schedule diffusion.Schedule
	epoch    int
	order    []int
	raw      []float32
}

// draw returns the batch of step n = 1, 2, …: the next maps of an endless sequence of shuffled
// epochs, each with a random augmentation (rotation and flip, and a shift with Shifts), a random
// time and fresh noise.
func (d *drawer) draw(n int) batch {
	pixels := d.data.Side * d.data.Side
	b := d.empty()
	rng := stream(d.Seed, steps, uint64(n))
	for j := range d.Batch {
		theta, err := d.fill(b.x0[j*pixels:(j+1)*pixels], d.at((n-1)*d.Batch+j), d.augmentation(rng))
		if err == nil {
			err = b.put(j, theta)
		}
		if err != nil {
			b.err = fmt.Errorf("training: map for step %d: %w", n, err)
			return b
		}
		b.timestep[j] = d.time(j, rng).Step().Timestep()
	}
	diffusion.FillNormal(b.epsilon, rng)
	return b
}

// empty returns a batch of zeros.
func (d *drawer) empty() batch {
	pixels := d.data.Side * d.data.Side
	return batch{
		x0: make([]float32, d.Batch*pixels), epsilon: make([]float32, d.Batch*pixels),
		timestep: make([]float32, d.Batch), theta: make([]float32, d.thetas*d.Batch),
	}
}

// put sets the parameters of map j.
func (b batch) put(j int, theta []float32) error {
	thetas := len(b.theta) / len(b.timestep)
	if len(theta) != thetas {
		return fmt.Errorf("it has %d parameters, the network is conditioned on %d", len(theta), thetas)
	}
	copy(b.theta[thetas*j:], theta)
	return nil
}

// time returns the time of map j of a batch: log-uniform, in 1 + i, for the first LogUniformShare
// of its maps and uniform for the others. Stratified times are drawn one from each of as many equal
// parts of the distribution as there are maps: the time of each map has the same distribution, but
// the loss of a batch has less variance.
func (d *drawer) time(j int, rng *rand.Rand) diffusion.Term {
	all, logUniform := d.schedule.Steps(), int(math.Round(d.LogUniformShare*float64(d.Batch)))
	quantile := func(j, n int) float64 {
		if d.Stratified {
			return (float64(j) + rng.Float64()) / float64(n)
		}
		return rng.Float64()
	}
	if j < logUniform {
		return diffusion.Term(min(math.Expm1(math.Log1p(float64(all))*quantile(j, logUniform)),
			float64(all-1)))
	}
	return diffusion.Term(float64(all) * quantile(j-logUniform, d.Batch-logUniform))
}

// at returns the map at position p of the endless sequence.
func (d *drawer) at(p int) int {
	epoch := p / d.data.Train.Len
	if d.order == nil || epoch != d.epoch {
		d.epoch, d.order = epoch, stream(d.Seed, permutations, uint64(epoch)).Perm(d.data.Train.Len)
	}
	return d.order[p%d.data.Train.Len]
}

func (d *drawer) augmentation(rng *rand.Rand) field.Augmentation {
	if d.Shifts {
		return field.RandomAugmentation(rng, d.data.Side)
	}
	return field.Augmentation{Symmetry: field.Symmetry(rng.IntN(field.Symmetries))}
}

func (d *drawer) fill(dst []float32, i int, a field.Augmentation) ([]float32, error) {
	if d.raw == nil {
		d.raw = make([]float32, len(dst))
	}
	theta, err := d.data.Train.Fill(i, d.raw)
	a.ApplyTo(dst, d.raw, d.data.Side)
	return theta, err
}

// workers is the number of goroutines that draw batches: a quarter of the processors, which leaves
// most of them to the network, and is enough to keep up with a GPU.
func workers() int { return max(1, runtime.NumCPU()/4) }

// prefetch draws the batches after step done in the background, each of some workers one ahead, and
// returns them in order. stop ends that and waits for maps that are being read, so that their files
// can be closed.
func (d *drawer) prefetch(done, last int) (batches <-chan batch, stop func()) {
	quit := make(chan struct{})
	each := make([]chan batch, min(workers(), max(last-done, 1)))
	for w := range each {
		each[w] = make(chan batch, 1)
		own := *d
		own.order, own.raw = nil, nil
		go func() {
			defer close(each[w])
			for n := done + 1 + w; n <= last; n += len(each) {
				select {
				case each[w] <- own.draw(n):
				case <-quit:
					return
				}
			}
		}()
	}
	out := make(chan batch)
	go func() {
		defer close(out)
		for n := done; n < last; n++ {
			b, more := <-each[(n-done)%len(each)]
			if !more {
				return
			}
			select {
			case out <- b:
			case <-quit:
				return
			}
		}
	}()
	return out, func() {
		close(quit)
		for range out {
		}
		for _, one := range each {
			for range one {
			}
		}
	}
}

// validationBatches returns fixed maps with stratified times and fixed noise, in whole batches.
func (d *drawer) validationBatches() ([]batch, error) {
	source, pixels := d.data.Validation, d.data.Side*d.data.Side
	count := (min(d.ValidationMaps, source.Len) + d.Batch - 1) / d.Batch
	total := count * d.Batch
	rng := stream(d.Seed, validation, 0)
	// Neither the maps of a simulation nor those of a batch share a range of times.
	times := rng.Perm(total)
	out := make([]batch, count)
	for k := range out {
		b := d.empty()
		for j := range d.Batch {
			p := k*d.Batch + j
			theta, err := source.Fill(p*source.Len/total, b.x0[j*pixels:(j+1)*pixels])
			if err == nil {
				err = b.put(j, theta)
			}
			if err != nil {
				return nil, fmt.Errorf("training: validation map: %w", err)
			}
			b.timestep[j] = diffusion.Term(times[p] * d.schedule.Steps() / total).Step().Timestep()
		}
		diffusion.FillNormal(b.epsilon, rng)
		out[k] = b
	}
	return out, nil
}
