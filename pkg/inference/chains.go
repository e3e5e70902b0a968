package inference

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/hmc"
	"darkfield/pkg/report"
)

// Chains are draws from the posterior of a map, by Hamiltonian Monte Carlo with gradients through
// the network.
type Chains struct {
	Names     []string        `json:"names"` // of the parameters
	Result    hmc.Result      `json:"result"`
	Diagnosis []hmc.Diagnosis `json:"diagnosis"` // of each parameter
	Config    hmc.Config      `json:"config"`
}

// MostESS is the effective number of draws, in bulk and tails, of chains that may be quoted.
const MostESS = 400

// Converged reports whether the chains may be quoted: R-hat at most 1.01 and an effective number of
// draws of at least MostESS, for every parameter.
func (c Chains) Converged() bool {
	for _, d := range c.Diagnosis {
		if !(d.RHat <= 1.01) || d.BulkESS < MostESS || d.TailESS < MostESS {
			return false
		}
	}
	return len(c.Diagnosis) > 0
}

// Verdict says what the chains are good for. Fewer draws than MostESS cannot be quoted, however
// well they mix: they show no more than roughly where the posterior lies.
func (c Chains) Verdict() string {
	switch n := c.Config.Chains * c.Config.Draws; {
	case c.Converged():
		return "The chains have converged."
	case n < MostESS:
		return fmt.Sprintf("%d draws are too few to quote, which takes %d effective ones: they show "+
			"roughly where the posterior lies.", n, MostESS)
	default:
		return fmt.Sprintf("The chains have not converged (R-hat above 1.01 or fewer than %d effective "+
			"draws): ask for more draws, which follow these.", MostESS)
	}
}

// WriteCSV writes one row a draw.
func (c Chains) WriteCSV(path string) error {
	t := report.NewTable(append([]string{"chain", "draw"}, c.Names...)...)
	for i, chain := range c.Result.Draws {
		for j, p := range chain {
			row := []any{i, j}
			for _, v := range p {
				row = append(row, v)
			}
			t.Add(row...)
		}
	}
	return t.Write(path)
}

// saveEvery is how many iterations of a sampling may be lost.
const saveEvery = 20

// SampleChains draws from the posterior of a calibration: the same terms, weights, temperature and
// noise as those of Constrain. Its state is kept in a file, unless that is empty, so that a
// sampling killed at any moment goes on with the same draws. near is where the chains begin,
// that of the constraint; each is moved from there by the spread of its posterior. The zero value
// stands for anywhere in the prior: networks of more parameters than Ω_m and σ_8 have no constraint
// by a grid.
func (l Likelihood) SampleChains(ctx context.Context, m field.LogMap, cal Calibration,
	cfg hmc.Config, near Constraint, path string, progress func(hmc.Progress),
) (Chains, error) {
	out := Chains{Names: l.Prior.Names(), Config: cfg}
	b := cal.Bound
	if err := errors.Join(b.Validate(), cfg.Validate(), l.covers(b.Quadrature)); err != nil {
		return out, err
	}
	f := faults.Of("hmc.Config")
	f.Want(cfg.Draws >= FewestDraws, "Draws", cfg.Draws,
		fmt.Sprintf(">= %d: fewer cannot be diagnosed", FewestDraws))
	if err := f.Err(); err != nil {
		return out, err
	}
	if len(cal.Weights) != len(b.Quadrature.Terms) {
		return out, fmt.Errorf("inference: %d weights for %d terms, want one each", len(cal.Weights),
			len(b.Quadrature.Terms))
	}
	total := append([]float64(nil), b.Quadrature.Weights...)
	floats.Mul(total, cal.Weights)
	floats.Scale(1/cal.Temperature, total)
	offset := cal.Offset
	floats.Scale(1/cal.Temperature, offset[:])
	density := l.density(m, b, total, offset)
	of := l.chainsOf(m, b, total, offset)
	state, err := l.chainState(cfg, near, of, path)
	if err != nil {
		return out, err
	}
	iterations := 0
	err = state.Run(ctx, density, func(p hmc.Progress) {
		if progress != nil {
			progress(p)
		}
		if iterations++; path != "" && iterations%saveEvery == 0 {
			_ = saveState(path, of, state) // the draws matter more than where to go on from
		}
	})
	if path != "" {
		err = errors.Join(err, saveState(path, of, state))
	}
	if err != nil {
		return out, err
	}
	out.Result = state.Result()
	out.Diagnosis = hmc.Diagnose(out.Result.Draws)
	return out, nil
}

// density is −Σ total[k] L_k of a map, averaged over seeds and antithetic pairs, less the offset,
// with its gradient.
func (l Likelihood) density(m field.LogMap, b BoundConfig, total []float64,
	offset calibration.Offset,
) hmc.Density {
	slopes := l.Gradients(m, b.Quadrature.Terms, total, b.Quadrature.Draws(b.Seeds))
	return func(ctx context.Context, points [][]float64) ([]float64, [][]float64, error) {
		params, grads := make([]cosmology.Params, len(points)), make([][]float64, len(points))
		for i, p := range points {
			params[i], grads[i] = l.Prior.At(p), make([]float64, len(p))
		}
		logp, gradients, err := slopes(ctx, params)
		if err != nil {
			return nil, nil, err
		}
		floats.Scale(-1, logp)
		for i, g := range gradients {
			floats.ScaleTo(grads[i], -1, g)
			if offset != (calibration.Offset{}) { // a calibration of Ω_m and σ_8
				value, slopes := offset.At(params[i], l.Prior)
				logp[i] -= value
				floats.Sub(grads[i][:2], slopes[:])
			}
		}
		return logp, grads, nil
	}
}

// FewestDraws is what R-hat of a chain's halves takes.
const FewestDraws = 4

// keptChains is what a sampling goes on from, and what it is of: draws of another map would look
// the same.
type keptChains struct {
	Of    string     `json:"of"` // hash
	State *hmc.State `json:"state"`
}

// chainsOf is a hash of what the density depends on.
func (l Likelihood) chainsOf(m field.LogMap, b BoundConfig, total []float64,
	offset calibration.Offset,
) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v %d %x %x %+v %x\n", l.Checkpoint.Network, b.Quadrature, b.Seeds,
		total, m.Values,
		m.Box, struct{ Min, Max cosmology.Params }{l.Prior.Min, l.Prior.Max})
	if offset != (calibration.Offset{}) {
		fmt.Fprintf(h, "offset %x\n", offset)
	}
	if len(l.Prior.Further) > 0 {
		fmt.Fprintf(h, "%+v\n", l.Prior)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func saveState(path, of string, state *hmc.State) error {
	raw, err := json.Marshal(keptChains{of, state})
	if err != nil {
		return err
	}
	return report.WriteFile(path, raw)
}

// chainState goes on from a file or begins near a posterior.
func (l Likelihood) chainState(cfg hmc.Config, near Constraint, of, path string,
) (*hmc.State, error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		return keptState(raw, cfg, of, path)
	}
	if path != "" && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("inference: %w", err)
	}
	box := hmc.Box{Low: l.Prior.Values(l.Prior.Min), High: l.Prior.Values(l.Prior.Max)}
	if near.Surface.NLL == nil {
		return hmc.NewState(box, cfg, nil)
	}
	om, s8 := near.OmegaM, near.Sigma8
	starts := make([][]float64, 0, cfg.Chains)
	// at the corners of two standard deviations around the mean, so that R-hat can show what is not
	// found
	for i := range cfg.Chains {
		x, y := float64(1-2*(i&1)), float64(1-(i&2))
		starts = append(starts, []float64{
			inside(om.Mean+2*x*om.Std, l.Prior.Min.OmegaM, l.Prior.Max.OmegaM),
			inside(s8.Mean+2*y*s8.Std, l.Prior.Min.Sigma8, l.Prior.Max.Sigma8),
		})
	}
	return hmc.NewState(box, cfg, starts)
}

// keptState reads a state and refuses that of another sampling. More draws than it was to have
// are no other sampling: they follow those that are there.
func keptState(raw []byte, cfg hmc.Config, of, path string) (*hmc.State, error) {
	kept := keptChains{State: new(hmc.State)}
	err := json.Unmarshal(raw, &kept)
	if err == nil && kept.State == nil {
		err = errors.New("it holds no state")
	}
	if err == nil {
		err = kept.State.Validate()
	}
	if err == nil {
		kept.State.Config.Draws = max(kept.State.Config.Draws, cfg.Draws)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("inference: %s: %w; delete it to begin anew", path, err)
	case kept.Of != of:
		return nil, fmt.Errorf("inference: %s holds a sampling for another map, checkpoint or "+
			"calibration; "+
			"delete it or choose another directory", path)
	case kept.State.Config != cfg:
		return nil, fmt.Errorf("inference: %s holds a sampling with other settings, %+v; delete it "+
			"or ask "+
			"for the same, or for more draws", path, kept.State.Config)
	}
	return kept.State, nil
}

// inside moves x into the inner nine tenths of an interval.
func inside(x, low, high float64) float64 {
	room := 0.05 * (high - low)
	return min(max(x, low+room), high-room)
}
