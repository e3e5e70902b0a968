package evaluate

import (
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// NoisyBins is how many of the first bins have few modes, so that their errors are large.
const NoisyBins = 3

// Responses holds P/P_fid of log fields at extreme values of each parameter, true and generated.
type Responses struct {
	Caption  string           `json:"caption"`
	Fiducial cosmology.Params `json:"fiducial"`
	// boxes at each value, whose phases are those of the fiducial boxes
	Realisations int `json:"realisations"`
	Maps         int `json:"maps"` // generated at each value
	// training simulations that power laws are fitted to
	Trained int             `json:"trained,omitempty"`
	K       []float64       `json:"k"` // h/Mpc
	Moved   []MovedResponse `json:"moved"`
	Joint   JointTest       `json:"joint"`
}

// JointTest holds the first NoisyBins of all moved values together against the truth.
type JointTest struct {
	// of ln(generated/true), by the covariance that bins and values have among boxes and generated
	// maps
	Chi2 float64 `json:"chi2"`
	Bins int     `json:"bins"`
	// chance of so large a chi² if generated responses were the true ones, with the covariance known
	// from few boxes (Hotelling's T²); NaN: from too few
	P float64 `json:"p"`
}

// MovedResponse is that to one value of one parameter, at each wavenumber. Errors are standard
// errors.
type MovedResponse struct {
	Parameter      string           `json:"parameter"`
	Value          float64          `json:"value"`
	Params         cosmology.Params `json:"params"`
	True           []float64        `json:"true"`
	TrueError      []float64        `json:"true_error"`
	Generated      []float64        `json:"generated"`
	GeneratedError []float64        `json:"generated_error"`
	Quotient       []float64        `json:"quotient"` // generated over true
	QuotientError  []float64        `json:"quotient_error"`
	// mean of the first NoisyBins quotients
	First      float64 `json:"first"`
	FirstError float64 `json:"first_error"`
	// of power laws through the training simulations; nil: too few
	Fit      []float64 `json:"fit,omitempty"`
	FitError []float64 `json:"fit_error,omitempty"`
}

// WriteCSV writes one row a value and wavenumber.
func (r Responses) WriteCSV(path string) error {
	t := report.NewTable("parameter", "value", "omega_m", "sigma_8", "k", "true", "true_error",
		"generated", "generated_error", "generated_over_true", "generated_over_true_error",
		"fit", "fit_error")
	for _, m := range r.Moved {
		for i, k := range r.K {
			fit, fitError := math.NaN(), math.NaN()
			if m.Fit != nil {
				fit, fitError = m.Fit[i], m.FitError[i]
			}
			t.Add(m.Parameter, m.Value, m.Params.OmegaM, m.Params.Sigma8, k, m.True[i], m.TrueError[i],
				m.Generated[i], m.GeneratedError[i], m.Quotient[i], m.QuotientError[i], fit, fitError)
		}
	}
	return t.Write(path)
}
