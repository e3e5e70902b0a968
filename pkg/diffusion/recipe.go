package diffusion

import (
	"fmt"
	"math"
)

// Prediction says what the network's output is.
type Prediction string

const (
	// PredictEpsilon is the noise, as in the paper.
	PredictEpsilon Prediction = "epsilon"
	// PredictV is √ᾱ ε − √(1 − ᾱ) x_0 of Salimans and Ho (2022), which is of order one at every time.
	PredictV Prediction = "v"
)

// Validate returns an error unless the prediction is known; "" stands for PredictEpsilon, as in
// checkpoints that do not say.
func (p Prediction) Validate() error {
	if p != "" && p != PredictEpsilon && p != PredictV {
		return fmt.Errorf("diffusion.Prediction = %q, want %q or %q", string(p), PredictEpsilon, PredictV)
	}
	return nil
}

// Weighting is the weight of the error of the noise in the loss at each time.
type Weighting string

const (
	// Uniform is 1, as in the paper.
	Uniform Weighting = "uniform"
	// MinSNR is min(SNR, 5)/SNR of Hang et al. (2023): less at small times.
	MinSNR Weighting = "min-snr"
	// UniformV is 1/ᾱ, which weights the error of v uniformly: more at large times.
	UniformV Weighting = "v"
)

// minSNR is the γ of Hang et al. (2023).
const minSNR = 5

// Validate returns an error unless the weighting is known.
func (w Weighting) Validate() error {
	if w != Uniform && w != MinSNR && w != UniformV {
		return fmt.Errorf("diffusion.Weighting = %q, want %q, %q or %q", string(w), Uniform,
			MinSNR, UniformV)
	}
	return nil
}

// at returns the weight of a squared error of ε at step t.
func (w Weighting) at(s Schedule, t Step) float64 {
	switch w {
	case MinSNR:
		return math.Min(1, minSNR/s.SNR(t))
	case UniformV:
		return 1 / s.AlphaBar(t)
	default:
		return 1
	}
}
