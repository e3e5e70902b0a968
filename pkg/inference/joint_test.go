package inference

import (
	"context"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/heldout/whitenoise"
	"darkfield/pkg/hmc"
)

// The posterior of three parameters is a Gaussian well inside the prior, in which Ω_m and the third
// one are correlated.
var (
	threeMean = []float64{0.3, 0.8, 0.2}
	threeStd  = []float64{0.02, 0.03, 0.1}
)

const threeCorrelation = 0.6

// threeParameters is a likelihood of that posterior: each of two terms of weight 1 is half of it.
func threeParameters() Likelihood {
	prior := cosmology.CAMELSPrior().With("w", -1, 1)
	return Likelihood{
		Data: heldout.Data{Prior: prior, Checkpoint: heldout.Checkpoint{Network: "three"}},
		Gradients: func(_ field.LogMap, terms []diffusion.Term, weights []float64, _ []uint64) func(
			context.Context, []cosmology.Params) ([]float64, [][]float64, error) {
			return func(ctx context.Context, thetas []cosmology.Params) ([]float64, [][]float64, error) {
				values, grads := make([]float64, len(thetas)), make([][]float64, len(thetas))
				for i, p := range thetas {
					z := prior.Values(p)
					for k := range z {
						z[k] = (z[k] - threeMean[k]) / threeStd[k]
					}
					const r, s = threeCorrelation, 1 - threeCorrelation*threeCorrelation
					grads[i] = make([]float64, 3)
					for j := range terms {
						w := weights[j] / 2
						values[i] += w * ((z[0]*z[0]-2*r*z[0]*z[2]+z[2]*z[2])/s + z[1]*z[1]) / 2
						grads[i][0] += w * (z[0] - r*z[2]) / s / threeStd[0]
						grads[i][1] += w * z[1] / threeStd[1]
						grads[i][2] += w * (z[2] - r*z[0]) / s / threeStd[2]
					}
				}
				return values, grads, ctx.Err()
			}
		},
	}
}

// TestChainsOfThreeParameters: chains that begin anywhere in the prior find mean and width of each
// parameter, as those of TestChainsAgreeWithTheGrid do, and the joint density of two has their
// correlation. A kernel of n^(−1/6) widths adds its square to the variance, 9 % for 1200 draws.
func TestChainsOfThreeParameters(t *testing.T) {
	l := threeParameters()
	c := hmc.Default()
	c.Draws = 300
	m := field.LogMap{Box: field.Box{Side: 25, Cells: 2}, Values: make([]float32, 4)}
	chains, err := l.SampleChains(ctx, m, Uncalibrated("", l.Prior, pairConfig().Bound), c,
		Constraint{}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !chains.Converged() {
		t.Errorf("diagnosis %+v", chains.Diagnosis)
	}
	for k, d := range chains.Diagnosis {
		if math.Abs(d.Mean-threeMean[k]) > 0.15*threeStd[k] || math.Abs(d.Std/threeStd[k]-1) > 0.1 {
			t.Errorf("%s = %.4f ± %.4f, want %.4f ± %.4f", chains.Names[k], d.Mean, d.Std, threeMean[k],
				threeStd[k])
		}
		// the quantile of a Gaussian at 0.16 is 0.994 σ below its mean
		ends := chains.Interval(k)
		if half := (ends[1] - ends[0]) / 2; math.Abs(half/(0.994*threeStd[k])-1) > 0.15 {
			t.Errorf("%s lies in %v, want half a width of %.4f", chains.Names[k], ends, 0.994*threeStd[k])
		}
	}
	joint, err := chains.Joint("w", "omega_m", l.Prior)
	if err != nil {
		t.Fatal(err)
	}
	x, y := joint.Surface.Marginals()
	kernel := 1 + math.Pow(float64(c.Chains*c.Draws), -1.0/3)
	for i, k := range []int{2, 0} {
		got, want := []float64{x.Mean, y.Mean}[i], threeMean[k]
		std := []float64{x.Std, y.Std}[i] / math.Sqrt(kernel)
		if math.Abs(got-want) > 0.15*threeStd[k] || math.Abs(std/threeStd[k]-1) > 0.1 {
			t.Errorf("joint density: %s = %.4f ± %.4f, want %.4f ± %.4f", chains.Names[k], got, std, want,
				threeStd[k])
		}
	}
	var xs, ys, density []float64
	for i, d := range joint.Surface.MinusTwoDeltaLnL() {
		p := joint.Surface.Grid.Points()[i]
		xs, ys, density = append(xs, p.OmegaM), append(ys, p.Sigma8), append(density, math.Exp(-d/2))
	}
	if got, want := stat.Correlation(xs, ys, density), threeCorrelation/kernel; math.Abs(
		got-want) > 0.1 {
		t.Errorf("correlation %.3f, want %.3f", got, want)
	}
	whitenoise.CheckCSV(t, chains.WriteCSV, c.Chains*c.Draws)
	whitenoise.CheckCSV(t, joint.WriteCSV, jointPoints*jointPoints)
}

// TestJointRefuses: names that are none of the parameters or the same, and draws that do not move.
func TestJointRefuses(t *testing.T) {
	prior := threeParameters().Prior
	still := Chains{Names: prior.Names()}
	still.Result.Draws = [][][]float64{{threeMean, threeMean, threeMean, threeMean}}
	for want, pair := range map[string][2]string{
		"omega_m and h, want two of omega_m, sigma_8, w": {"omega_m", "h"},
		"parameters w and w":                             {"w", "w"},
		"all 4 draws of sigma_8 are equal":               {"sigma_8", "w"},
	} {
		if _, err := still.Joint(pair[0], pair[1], prior); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", pair, err, want)
		}
	}
}

// TestGridsKnowTwo: what works on grids of Ω_m and σ_8 refuses more parameters by their names.
func TestGridsKnowTwo(t *testing.T) {
	l := threeParameters()
	_, bound := l.BoundOf(ctx, pairConfig().Bound, field.LogMap{}, nil)
	_, contours := l.Contours(ctx, Default())
	_, inferred := l.Inference(ctx, Default())
	_, baselines := TrainingMaps(l.Data, Observed{})
	for name, err := range map[string]error{
		"bound": bound, "contours": contours, "inference": inferred, "baselines": baselines,
	} {
		if err == nil || !strings.Contains(err.Error(), "conditioned on omega_m, sigma_8, w") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
