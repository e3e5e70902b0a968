package calibration

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// offsetSize is the number of coefficients of an Offset.
const offsetSize = quadraticSize - 1

// Offset is added to the weighted sum of the parts of −ln L of each map, in nats. A variational
// bound lies above −ln L by a gap that depends on the parameters; where it is larger the posterior
// of every map is pulled away, which hardly shows in a single one and adds up in several. The
// offset is minus the mean gap, up to a constant: a quadratic, of which these are the coefficients
// of x, y, x², xy and y², where x and y are the parameters in log units from −1 to 1.
type Offset [offsetSize]float64

// offsetScale is the standard deviation, in nats, of the prior of each coefficient.
const offsetScale = 10

// offsetTerms returns x, y, x², xy and y².
func (u logUnits) offsetTerms(p cosmology.Params) [offsetSize]float64 {
	at := u.point(p)
	all := quadraticTerms([2]float64{2*at[0] - 1, 2*at[1] - 1})
	return [offsetSize]float64(all[1:])
}

// Add adds the offset to a surface. It panics for a prior without width.
func (o Offset) Add(s likelihood.Surface, prior cosmology.Prior) {
	u := offsetUnits(prior)
	for i, p := range s.Grid.Points() {
		s.NLL[i] += o.at(u.offsetTerms(p))
	}
}

// at returns the offset where its terms have these values.
func (o Offset) at(terms [offsetSize]float64) float64 { return floats.Dot(o[:], terms[:]) }

// offsetUnits panics for a prior without width.
func offsetUnits(prior cosmology.Prior) logUnits {
	u, err := newLogUnits(prior)
	if err != nil {
		panic(err)
	}
	return u
}

// At returns the offset and its derivatives by Ω_m and σ_8. It panics for a prior without width.
func (o Offset) At(p cosmology.Params, prior cosmology.Prior) (value float64, slopes [2]float64) {
	u := offsetUnits(prior)
	terms := u.offsetTerms(p)
	x, y := terms[0], terms[1]
	return o.at(terms), [2]float64{
		(o[0] + 2*o[2]*x + o[3]*y) * 2 / (u.width[0] * p.OmegaM),
		(o[1] + o[3]*x + 2*o[4]*y) * 2 / (u.width[1] * p.Sigma8),
	}
}

// String returns the polynomial.
func (o Offset) String() string {
	return fmt.Sprintf("%+.2f x %+.2f y %+.2f x² %+.2f xy %+.2f y²", o[0], o[1], o[2], o[3], o[4])
}

// Validate returns an error for a coefficient that is not finite.
func (o Offset) Validate() error {
	for k, v := range o {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("calibration.Offset[%d] = %g, want a finite number", k, v)
		}
	}
	return nil
}
