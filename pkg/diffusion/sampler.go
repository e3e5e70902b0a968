package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"darkfield/pkg/faults"
)

// Sampler turns noise into maps.
type Sampler interface {
	// Sample returns r.Size() maps of r.Pixels scaled values each, one after the other.
	Sample(ctx context.Context, d Denoiser, s Schedule, r Request) ([]float32, error)
	// Moves returns the steps from noise to a map, which take one network evaluation each. The
	// settings must be valid.
	Moves(s Schedule) []Move
	// Validate returns an error that names a setting out of range.
	Validate(s Schedule) error
}

// Move is a step of a sampler from x_t to x_u. With the noise ε that the network predicts in x_t,
// the clean map that it implies, x̂_0 = CleanX·x_t + CleanEpsilon·ε, and fresh noise z of variance
// 1,
//
//	x_u = X·x_t + Epsilon·ε + Before·(x̂_0 of the step before) + Fresh·z.
type Move struct {
	From, To                  Step // t and u
	X, Epsilon, Before, Fresh float64
	CleanX, CleanEpsilon      float64
}

// move returns a Move from t to u with the clean map that ε implies; the rest is to be set.
func (s Schedule) move(t, u Step) Move {
	root := math.Sqrt(s.AlphaBar(t))
	return Move{
		From: t, To: u,
		CleanX: 1 / root, CleanEpsilon: -math.Sqrt(1-s.AlphaBar(t)) / root,
	}
}

// CheckSettings returns an error that names, by owner and field, each setting of a sampler that is
// out of range for a schedule of T steps. It wants 1 <= steps <= T, 0 <= eta <= 1, 0 <= churnMin <=
// T and a known spacing.
func CheckSettings(owner string, s Schedule, steps int, eta float64, churnMin Step,
	spacing Spacing,
) error {
	last := s.Steps()
	f := faults.Of(owner)
	f.Want(1 <= steps && steps <= last, "Steps", steps, fmt.Sprintf("1…%d", last))
	f.Want(eta >= 0 && eta <= 1, "Eta", eta, "it in [0, 1]")
	f.Want(0 <= churnMin && int(churnMin) <= last, "ChurnMin", churnMin, fmt.Sprintf("0…%d", last))
	f.Want(spacing.Validate() == nil, "Spacing", fmt.Sprintf("%q", string(spacing)),
		fmt.Sprintf("%s or %s", UniformTime, UniformLogSNR))
	return f.Err()
}

// etaAt returns the η of a step from t: 0 at times up to churnMin. Karras et al. (2022) bound fresh
// noise likewise by S_min, a noise level. Fresh noise corrects errors at large scales; where little
// noise is left it costs small scales.
func etaAt(t Step, eta float64, churnMin Step) float64 {
	if t <= churnMin {
		return 0
	}
	return eta
}

// Request says what to sample.
type Request struct {
	Pixels       int       // per map
	ConditionDim int       // number of parameters per map
	Theta        []float32 // one row per map, scaled to [0, 1]
	Seed         uint64
	// First is the number of the first map: the noise of map i depends on Seed and First+i only.
	First    int
	Progress func(done, total int) // called after each step; may be nil
	// Observe is shown the maps under way, x_t at time t, after each step; nil: nobody is. It must not
	// keep or change them.
	Observe func(t Step, x []float32)
}

// Size returns the number of maps asked for.
func (r Request) Size() int { return len(r.Theta) / r.ConditionDim }

func (r Request) validate() error {
	if r.Pixels < 1 || r.ConditionDim < 1 || len(r.Theta) == 0 || len(r.Theta)%r.ConditionDim != 0 {
		return fmt.Errorf("diffusion.Request: %d pixels, %d numbers in rows of %d: want at least one "+
			"map and whole rows", r.Pixels, len(r.Theta), r.ConditionDim)
	}
	return nil
}

// taken tells of a step to time t.
func (st *state) taken(done, total int, t Step) {
	if st.Progress != nil {
		st.Progress(done, total)
	}
	if st.Observe != nil {
		st.Observe(t, st.x)
	}
}

// ErrDiverged is the error of a sampler whose maps are no longer finite.
var ErrDiverged = errors.New(
	"the sampled maps are not finite: the network predicts noise that is " +
		"far too large")

// state is a batch under way from noise to maps.
type state struct {
	Request
	x       []float32    // [map][pixel]
	sources []*rand.Rand // the generator of each map
}

// start draws x_T.
func (r Request) start() (*state, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	st := &state{Request: r, x: make([]float32, r.Size()*r.Pixels)}
	for i := range r.Size() {
		rng := source(r.Seed, samplingNoise, uint64(r.First+i))
		st.sources = append(st.sources, rng)
		FillNormal(st.row(i), rng)
	}
	return st, nil
}

func (st *state) row(i int) []float32 { return st.x[i*st.Pixels : (i+1)*st.Pixels] }

// follow takes all steps of a sampler.
func (st *state) follow(ctx context.Context, d Denoiser, moves []Move) ([]float32, error) {
	// of this and the last step
	clean, before := make([]float32, len(st.x)), make([]float32, len(st.x))
	for i, m := range moves {
		epsilon, err := d.predict(ctx, m.From, st.Pixels, st.x, st.Theta)
		if err != nil {
			return nil, err
		}
		clean, before = before, clean
		st.take(m, epsilon, clean, before)
		st.taken(i+1, len(moves), m.To)
	}
	return st.x, Finite(st.x)
}

// take takes one step with the predicted noise, and sets clean.
func (st *state) take(m Move, epsilon, clean, before []float32) {
	for j, x := range st.x {
		x, e := float64(x), float64(epsilon[j])
		clean[j] = float32(m.CleanX*x + m.CleanEpsilon*e)
		v := m.X*x + m.Epsilon*e + m.Before*float64(before[j])
		if m.Fresh > 0 {
			v += m.Fresh * st.sources[j/st.Pixels].NormFloat64()
		}
		st.x[j] = float32(v)
	}
}

// Finite returns ErrDiverged unless all values are finite.
func Finite(x []float32) error {
	for _, v := range x {
		if v-v != 0 { // true for NaN and ±Inf
			return ErrDiverged
		}
	}
	return nil
}

// sample follows the moves of a sampler from x_T.
func sample(ctx context.Context, m Sampler, d Denoiser, s Schedule, r Request) ([]float32, error) {
	if err := m.Validate(s); err != nil {
		return nil, err
	}
	st, err := r.start()
	if err != nil {
		return nil, err
	}
	return st.follow(ctx, d, m.Moves(s))
}
