package inference

import (
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/report"
)

// Inference holds predicted against true parameters, one map of each validation parameter (the
// second row of the paper's figure 3).
type Inference struct {
	Rows  []Prediction
	Terms []int // terms of the bound that were summed
	// the grid was centred on the truth, as in the paper: good for drawing, circular as inference
	TruthCentred bool
	Caption      string
}

// Prediction is what one map says about the parameters.
type Prediction struct {
	Truth      cosmology.Params
	Simulation int
	Map        int
	OmegaM     likelihood.Marginal
	Sigma8     likelihood.Marginal
}

// Quality sums up one parameter's predictions.
type Quality struct {
	RMS   float64 `json:"rms"`   // root mean square of prediction − truth
	Error float64 `json:"error"` // mean half width of the 68 % interval
	// mean |prediction − truth| over that half width; 0.80 for calibrated Gaussian errors
	MeanAbsZ float64 `json:"mean_absz"`
	Coverage float64 `json:"coverage"` // fraction of truths inside the 68 % interval
	N        int     `json:"n"`
}

// Quality returns how good the predictions of Ω_m and σ_8 are. With no rows all is NaN.
func (f Inference) Quality() (omegaM, sigma8 Quality) {
	om := func(r Prediction) (likelihood.Marginal, float64) { return r.OmegaM, r.Truth.OmegaM }
	s8 := func(r Prediction) (likelihood.Marginal, float64) { return r.Sigma8, r.Truth.Sigma8 }
	return f.quality(om), f.quality(s8)
}

func (f Inference) quality(of func(Prediction) (likelihood.Marginal, float64)) Quality {
	var q Quality
	for _, r := range f.Rows {
		m, truth := of(r)
		half := (m.High - m.Low) / 2
		q.RMS += (m.Best - truth) * (m.Best - truth)
		q.Error += half
		q.MeanAbsZ += math.Abs(m.Best-truth) / half
		if truth >= m.Low && truth <= m.High {
			q.Coverage++
		}
	}
	n := float64(len(f.Rows))
	return Quality{
		RMS: math.Sqrt(q.RMS / n), Error: q.Error / n, MeanAbsZ: q.MeanAbsZ / n,
		Coverage: q.Coverage / n, N: len(f.Rows),
	}
}

// WriteCSV writes one row a map.
func (f Inference) WriteCSV(path string) error {
	t := report.NewTable("simulation", "map", "omega_m_true", "omega_m_best", "omega_m_low",
		"omega_m_high",
		"sigma_8_true", "sigma_8_best", "sigma_8_low", "sigma_8_high")
	for _, r := range f.Rows {
		t.Add(r.Simulation, r.Map, r.Truth.OmegaM, r.OmegaM.Best, r.OmegaM.Low, r.OmegaM.High,
			r.Truth.Sigma8, r.Sigma8.Best, r.Sigma8.Low, r.Sigma8.High)
	}
	return t.Write(path)
}
