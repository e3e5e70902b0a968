package validation

import (
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// BandK is the mean k of the modes 2.5 < |n| <= 4.5 in 25 Mpc/h, whose response has reference
// numbers.
const BandK = 0.9

// Responses is how the power of maps responds to one parameter at a time.
type Responses struct {
	K       []float64
	Varied  []Response
	Caption string
}

// Response is the power with one parameter varied over that of the fiducial model with the same
// phases.
type Response struct {
	Params          cosmology.Params
	Ratio, Error    []float64 // of spectra; NaN for one seed
	Band, BandError float64   // of the modes 2.5 < |n| <= 4.5
	Reference       float64   // of Band
	Tolerance       float64   // relative
}

// responses holds the acceptance numbers of the response to one parameter at k ≈ 0.9 h/Mpc, which a
// prototype of this simulator measured.
var responses = []Response{
	{Params: cosmology.Params{OmegaM: 0.3, Sigma8: 0.6}, Reference: 0.56, Tolerance: 0.1},
	{Params: cosmology.Params{OmegaM: 0.3, Sigma8: 1.0}, Reference: 1.50, Tolerance: 0.1},
	{Params: cosmology.Params{OmegaM: 0.1, Sigma8: 0.8}, Reference: 0.53, Tolerance: 0.15},
	{Params: cosmology.Params{OmegaM: 0.5, Sigma8: 0.8}, Reference: 1.23, Tolerance: 0.15},
}

func (b *boxStudy) responses(c Config) Responses {
	out := Responses{K: b.varied[0][0].K[0]}
	fiducial := b.varied[0]
	for i, r := range responses {
		boxes := b.varied[1+i]
		r.Ratio, r.Error = ratioOf(boxes, fiducial, 0)
		band := func(skip int) float64 {
			top, bottom := 0.0, 0.0
			for s := range boxes {
				if s != skip {
					top, bottom = top+boxes[s].Band, bottom+fiducial[s].Band
				}
			}
			return top / bottom
		}
		r.Band, r.BandError = jackknifed(len(boxes), band)
		out.Varied = append(out.Varied, r)
	}
	out.Caption = fmt.Sprintf("FastPM mocks, %d³ particles, maps of %d² pixels of %g Mpc/h; %d seeds "+
		"× 15 maps, the same phases; band: ± standard error; points: the acceptance numbers and their "+
		"tolerance.", c.Box.Particles, c.Sides[0], c.Box.BoxSide, c.ResponseSeeds)
	return out
}

func (r Responses) rows(c Config) []Row {
	var out []Row
	for _, m := range r.Varied {
		out = append(out, row(fmt.Sprintf("P(%v)/P(fiducial)", m.Params),
			"the project's acceptance number, 0.6 < k < 1.1 h/Mpc", m.Band).
			plusMinus(m.BandError).want(m.Reference, c.tolerance(m.Tolerance*m.Reference)))
	}
	return section(SectionResponse, out)
}

// WriteCSV writes one row a number.
func (r Responses) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "quantity", "k_h_per_mpc", "value")
	for _, m := range r.Varied {
		t.Curve(r.K, m.Ratio, m.Params.OmegaM, m.Params.Sigma8, "power_over_fiducial")
		t.Curve(r.K, m.Error, m.Params.OmegaM, m.Params.Sigma8, "power_over_fiducial_error")
	}
	return t.Write(path)
}
