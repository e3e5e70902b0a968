package likelihood

import (
	"encoding/json"
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
)

// kept is the JSON form of an Interpolant.
type kept struct {
	Evaluations int         `json:"evaluations"`
	Error       *float64    `json:"error"` // null if it was not checked
	Checks      int         `json:"checks"`
	Within      bool        `json:"within"`
	Patches     []keptPatch `json:"patches"`
}

type keptPatch struct {
	Low    cosmology.Params `json:"low"`
	High   cosmology.Params `json:"high"`
	Degree int              `json:"degree"` // in Ω_m, and in σ_8 unless Sigma8 is above 0
	Sigma8 int              `json:"degree_sigma_8,omitempty"`
	Values [][]float64      `json:"values"` // [term][node], σ_8 fastest
}

// MarshalJSON writes the polynomials, so that terms need not be evaluated again.
func (p Interpolant) MarshalJSON() ([]byte, error) {
	out := kept{Evaluations: p.Evaluations, Checks: p.Checks, Within: p.Within}
	if !math.IsInf(p.Error, 1) {
		out.Error = &p.Error
	}
	for _, q := range p.patches {
		k := keptPatch{Low: q.low(), High: q.high(), Degree: q.omegaM.degree, Values: q.values}
		if q.sigma8.degree != k.Degree {
			k.Sigma8 = q.sigma8.degree
		}
		out.Patches = append(out.Patches, k)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the form of MarshalJSON. On, Probable and Resolved are then the same bit for
// bit.
func (p *Interpolant) UnmarshalJSON(raw []byte) error {
	var in kept
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	if len(in.Patches) == 0 {
		return fmt.Errorf("likelihood: an interpolant without polynomials: the file is damaged")
	}
	*p = Interpolant{
		Evaluations: in.Evaluations, Error: math.Inf(1), Checks: in.Checks,
		Within: in.Within,
	}
	if in.Error != nil {
		p.Error = *in.Error
	}
	for i, k := range in.Patches {
		q := newPatch(k.Low, k.High)
		q.omegaM.degree, q.sigma8.degree, q.values = k.Degree, k.Degree, k.Values
		if k.Sigma8 != 0 {
			q.sigma8.degree = k.Sigma8
		}
		if err := q.validate(); err != nil {
			return fmt.Errorf("likelihood: polynomial %d of an interpolant: %w: the file is damaged", i, err)
		}
		p.patches = append(p.patches, q)
	}
	return nil
}

// validate returns an error for a patch that on cannot use.
func (p patch) validate() error {
	for _, d := range []int{p.omegaM.degree, p.sigma8.degree} {
		if d < 1 || finest%d != 0 {
			return fmt.Errorf("degree %d, want a divisor of %d", d, finest)
		}
	}
	if err := rectangle(p.low(), p.high(), 2).Validate(); err != nil {
		return err
	}
	if p.omegaM.low <= 0 || p.sigma8.low <= 0 || len(p.values) == 0 {
		return fmt.Errorf("from %v with %d terms, want positive parameters and a term", p.low(),
			len(p.values))
	}
	n := (p.omegaM.degree + 1) * (p.sigma8.degree + 1)
	for t, values := range p.values {
		if len(values) != n {
			return fmt.Errorf("term %d has %d values, want %d", t, len(values), n)
		}
	}
	return nil
}
