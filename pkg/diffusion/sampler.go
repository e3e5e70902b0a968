package diffusion

import (
	"context"
	"darkfield/pkg/faults"
	"errors"
	"fmt"
	"math/rand/v2"
)

// Sampler turns noise into maps.
type Sampler interface {
	// Sample returns len(r.Theta)/r.Thetas maps of r.Pixels scaled values each.
	Sample(ctx context.Context, d Denoiser, s Schedule, r Request) ([]float32, error)
	// Evaluations returns how often the network is called for one map.
	Evaluations(s Schedule) int
	// Validate returns an error that names a setting out of range.
	Validate(s Schedule) error
}

// CheckSettings returns an error that names each setting of a sampler that is out of range for a
// schedule of T steps, by its owner and field: it wants 1 <= steps <= T, 0 <= eta <= 1, 0 <=
// above <= T and a known spacing.
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

// etaAt is the share of ancestral sampling's fresh noise that a step from t adds, where only
// those above a time add any. Karras et al. (2022) bound it so, too: what fresh noise corrects
// are large scales, and where little noise is left it costs small ones.
func etaAt(t Step, eta float64, churnMin Step) float64 {
	if t <= churnMin {
		return 0
	}
	return eta
}

// Request says what to sample.
type Request struct {
	Pixels       int       // a map
	ConditionDim int       // parameters a map
	Theta        []float32 // one row a map, scaled to [0, 1]
	Seed         uint64
	// number of the first map: map i's noise depends on Seed and First+i alone
	First    int
	Progress func(done, all int) // called after each step; may be nil
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

func (r Request) progress(done, all int) {
	if r.Progress != nil {
		r.Progress(done, all)
	}
}

// ErrDiverged says that a sampler met a value that is not finite.
var ErrDiverged = errors.New("the maps are no longer finite: the network predicts noise that " +
	"makes no sense")

// state is a batch on its way from noise to maps: the pixels and each map's own generator.
type state struct {
	Request
	x       []float32
	sources []*rand.Rand
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

// linearStep is one step of a sampler: x becomes ofX·x + ofEpsilon·ε + deviation·fresh noise. All
// samplers here are linear in x and ε, so that the host's work a step is two products and, if at
// all, one random number a pixel.
type linearStep struct{ ofX, ofEpsilon, deviation float64 }

// update makes a move with the predicted noise.
func (st *state) update(epsilon []float32, m linearStep) {
	for i, rng := range st.sources {
		row := st.row(i)
		for j, e := range epsilon[i*st.Pixels : (i+1)*st.Pixels] {
			v := m.ofX*float64(row[j]) + m.ofEpsilon*float64(e)
			if m.deviation > 0 {
				v += m.deviation * rng.NormFloat64()
			}
			row[j] = float32(v)
		}
	}
}

// finished returns the maps, or ErrDiverged.
func (st *state) finished() ([]float32, error) {
	for _, v := range st.x {
		if v-v != 0 { // true for NaN and ±Inf
			return nil, ErrDiverged
		}
	}
	return st.x, nil
}
