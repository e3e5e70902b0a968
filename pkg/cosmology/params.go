package cosmology

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// Params are the parameters that a map is conditioned on.
type Params struct {
	// OmegaM is the matter density today over the critical density.
	OmegaM float64 `json:"omega_m" yaml:"omega_m"`
	// Sigma8 is the rms linear overdensity today in spheres of 8 Mpc/h.
	Sigma8 float64 `json:"sigma_8" yaml:"sigma_8"`
	// Further are the values of Prior.Further, in that order.
	Further Further `json:"further,omitzero" yaml:"further,omitzero"`
}

// Further are the values of any number of parameters besides Ω_m and σ_8. They are packed into a
// string, eight bytes each, so that Params are small, can be compared and can be keys of maps.
type Further string

// FurtherOf packs values.
func FurtherOf(values ...float64) Further {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return Further(raw)
}

// Values returns what FurtherOf has packed.
func (f Further) Values() []float64 {
	out := make([]float64, len(f)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64([]byte(f[8*i:])))
	}
	return out
}

// MarshalJSON writes a list of numbers.
func (f Further) MarshalJSON() ([]byte, error) { return json.Marshal(f.Values()) }

// UnmarshalJSON reads a list of numbers.
func (f *Further) UnmarshalJSON(raw []byte) error {
	var values []float64
	err := json.Unmarshal(raw, &values)
	*f = FurtherOf(values...)
	return err
}

// String prints the parameters as the figures and tables do; the further ones as numbers, for their
// names are those of a Prior.
func (p Params) String() string {
	text := fmt.Sprintf("Ω_m=%.3f σ_8=%.3f", p.OmegaM, p.Sigma8)
	if p.Further != "" {
		text += fmt.Sprintf(" and %.4g", p.Further.Values())
	}
	return text
}

// Fiducial is the model that the 1P and CV sets are built around.
var Fiducial = Params{OmegaM: 0.3, Sigma8: 0.8}
