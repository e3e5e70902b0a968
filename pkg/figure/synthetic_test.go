package figure

import (
	"math"
	"math/rand/v2"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/summary"
	"darkfield/pkg/tracking"
)

// Synthetic results: shaped like those of a study, with known truths, so that figures can be
// drawn without a network.

const mockCaption = "FastPM simulated boxes, 64² pixels of 25 Mpc/h; log fields divided by their " +
	"sum; checkpoint step 60000, 1f2e3d4c; sampler DDIM, 50 steps, seed 1."

var someParams = []cosmology.Params{
	{OmegaM: 0.15, Sigma8: 0.9},
	{OmegaM: 0.31, Sigma8: 0.72},
	{OmegaM: 0.45, Sigma8: 0.85},
}

func waves() []float64 {
	k := make([]float64, 45)
	for i := range k {
		k[i] = 2 * math.Pi / 25 * float64(i+1)
	}
	return k
}

func model(p cosmology.Params, k float64) float64 {
	return 3e-3 * p.Sigma8 * p.Sigma8 * math.Pow(p.OmegaM/0.3, 0.6) * math.Pow(1+k, -2.2)
}

// spectraOf returns n noisy spectra with the scatter of the number of modes, multiplied by bias^k.
func spectraOf(p cosmology.Params, n int, bias float64, rng *rand.Rand) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		for j, k := range waves() {
			scatter := 1 / math.Sqrt(float64(j+1)*math.Pi)
			out[i] = append(out[i], model(p, k)*math.Exp(scatter*rng.NormFloat64())*math.Pow(bias, k))
		}
	}
	return out
}

func meanStd(curves [][]float64) summary.BinStats {
	var out summary.BinStats
	n := float64(len(curves))
	for j := range curves[0] {
		s, q := 0.0, 0.0
		for _, c := range curves {
			s += c[j] / n
		}
		for _, c := range curves {
			q += (c[j] - s) * (c[j] - s) / (n - 1)
		}
		out.Mean, out.Std = append(out.Mean, s), append(out.Std, math.Sqrt(q))
	}
	return out
}

func syntheticSpectra(bias float64) evaluate.Spectra {
	rng := rand.New(rand.NewPCG(1, 2))
	out := evaluate.Spectra{Caption: mockCaption}
	for _, p := range someParams {
		panel := evaluate.SpectraPanel{
			Params: p, K: waves(), True: spectraOf(p, 15, 1, rng),
			Generated: spectraOf(p, 15, bias, rng),
		}
		panel.TrueStats, panel.GeneratedStats = meanStd(panel.True), meanStd(panel.Generated)
		for _, g := range panel.Generated {
			z := make([]float64, len(g))
			for i := range g {
				z[i] = (g[i] - panel.TrueStats.Mean[i]) / panel.TrueStats.Std[i]
			}
			panel.Z = append(panel.Z, z)
		}
		panel.ZStats = meanStd(panel.Z)
		out.Panels = append(out.Panels, panel)
	}
	return out
}

// syntheticMap sums plane waves into something like a cosmic web.
func syntheticMap(cells int, amplitude float64, seed uint64) field.LogMap {
	rng := rand.New(rand.NewPCG(seed, 7))
	box := field.Box{Side: 25, Cells: cells}
	m := field.LogMap{Box: box, Values: make([]float32, box.Pixels())}
	for range 60 {
		kx, ky, phase := rng.IntN(13)-6, rng.IntN(13)-6, 2*math.Pi*rng.Float64()
		a := amplitude / (1 + math.Hypot(float64(kx), float64(ky)))
		for i := range m.Values {
			x, y := float64(i%cells)/float64(cells), float64(i/cells)/float64(cells)
			m.Values[i] += float32(a * math.Cos(2*math.Pi*(float64(kx)*x+float64(ky)*y)+phase))
		}
	}
	for i, v := range m.Values {
		m.Values[i] = 11 + v*float32(math.Abs(float64(v)))
	}
	return m
}

func syntheticOneParameter() evaluate.OneParameter {
	rng := rand.New(rand.NewPCG(3, 4))
	out := evaluate.OneParameter{Caption: mockCaption}
	for row, name := range []string{"Omega_m", "sigma_8"} {
		r := evaluate.Response{
			Name: name, Fiducial: 5, K: waves(), Unit: "(Msun/h)/(Mpc/h)^2",
			LowField: syntheticMap(64, 0.5, 9), FiducialField: syntheticMap(64, 0.6, 9),
			HighField: syntheticMap(64, 0.8, 9),
		}
		for i := range 11 {
			p := cosmology.Fiducial
			if row == 0 {
				p.OmegaM = 0.1 + 0.04*float64(i)
				r.Values = append(r.Values, p.OmegaM)
			} else {
				p.Sigma8 = 0.6 + 0.04*float64(i)
				r.Values = append(r.Values, p.Sigma8)
			}
			curve, mean, std, gmean := make([]float64, 45), make([]float64, 45), make([]float64, 45),
				make([]float64, 45)
			for j, k := range waves() {
				curve[j] = model(p, k) * math.Exp(0.3*math.Sin(float64(7*j))/math.Sqrt(float64(j+1)))
				mean[j] = model(p, k) / model(cosmology.Fiducial, k) * (1 + 0.01*rng.NormFloat64())
				gmean[j] = mean[j] * (1 + 0.03*math.Sin(k))
				std[j] = 0.05 * mean[j]
			}
			r.GenSpectra, r.TrueSpectra = append(r.GenSpectra, curve), append(r.TrueSpectra, curve)
			r.TrueRatios = append(r.TrueRatios, summary.BinStats{Mean: mean, Std: std})
			r.GenRatios = append(r.GenRatios, summary.BinStats{Mean: gmean, Std: slices.Clone(std)})
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

func syntheticHistograms() evaluate.Histograms {
	out := evaluate.Histograms{Unit: "(Msun/h)/(Mpc/h)^2", Caption: mockCaption}
	for _, p := range someParams {
		panel := evaluate.HistogramPanel{
			Params:    p,
			True:      evaluate.PixelDensity{LogMean: 10.97, Outside: 0.0002},
			Generated: evaluate.PixelDensity{LogMean: 10.99, Outside: 0.0013},
		}
		panel.True.N, panel.Generated.N = 15, 50
		for i := range 60 {
			x := 9.5 + 0.06*float64(i)
			shape := func(mean float64) float64 {
				return math.Exp(-(x-mean)*(x-mean)/(2*0.25)) /
					math.Sqrt(2*math.Pi*0.25)
			}
			panel.Centres = append(panel.Centres, x)
			truth, made := &panel.True, &panel.Generated
			truth.Mean, made.Mean = append(truth.Mean, shape(10.8+p.OmegaM)),
				append(made.Mean, shape(10.84+p.OmegaM))
			truth.Std, made.Std = append(truth.Std, 0.1*shape(10.8+p.OmegaM)),
				append(made.Std, 0.08*shape(10.8+p.OmegaM))
		}
		out.Panels = append(out.Panels, panel)
	}
	return out
}

// syntheticChi2 draws from chi² distributions; scale > 1 is a poor emulator.
func syntheticChi2(scale float64) evaluate.Chi2 {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(n int, scale float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			for range 20 {
				x := rng.NormFloat64()
				out[i] += x * x / 16
			}
			out[i] *= math.Pow(scale, 1+rng.Float64())
		}
		return out
	}
	return evaluate.Chi2{
		LeaveOneOut: draw(150, 1), Generated14: draw(150, scale), Generated15: draw(500, scale),
		Expectation14: 1.27, Expectation15: 1.24,
		References14: 14, References15: 15, Bins: 45, Caption: mockCaption,
	}
}

// gaussianSurface is −log L of a correlated Gaussian.
func gaussianSurface(grid likelihood.Grid, mean cosmology.Params, so, ss,
	rho float64,
) likelihood.Surface {
	s := likelihood.Surface{Grid: grid}
	for _, p := range grid.Points() {
		u, v := (p.OmegaM-mean.OmegaM)/so, (p.Sigma8-mean.Sigma8)/ss
		s.NLL = append(s.NLL, (u*u-2*rho*u*v+v*v)/(2*(1-rho*rho)))
	}
	return s
}

func syntheticContours() inference.Contours {
	truth := cosmology.Params{OmegaM: 0.28, Sigma8: 0.82}
	grid := likelihood.AroundTruth(truth, 0.1, cosmology.CAMELSPrior(), 60)
	terms := []int{0, 2, 5, 8, 10, 15, 20}
	out := inference.Contours{Truth: truth, Terms: terms, Caption: mockCaption +
		" Grid centred on the truth, as in the paper: for drawing only."}
	for i := range out.Terms {
		w := 1 + 0.7*float64(i)
		mean := cosmology.Params{OmegaM: 0.281 + 0.002*float64(i), Sigma8: 0.818 - 0.003*float64(i)}
		out.PerTerm = append(out.PerTerm, gaussianSurface(grid, mean, 0.008*w, 0.013*w, -0.5))
	}
	for i, q := range [][2]int{{1, 0}, {2, 0}, {1, 7}, {2, 7}} {
		mean := cosmology.Params{OmegaM: 0.281 + 0.004*float64(i), Sigma8: 0.818 - 0.006*float64(i/2)}
		out.SeedsMaps = append(out.SeedsMaps, inference.SeedMap{
			Seed: uint64(q[0]), Map: q[1],
			Surface: gaussianSurface(grid, mean, 0.008, 0.013, -0.5),
		})
	}
	return out
}

func syntheticInference() inference.Inference {
	rng := rand.New(rand.NewPCG(8, 9))
	out := inference.Inference{Terms: []int{0}, Caption: mockCaption +
		" Whole prior, refined around the " +
		"maximum."}
	marginal := func(truth, sigma float64) likelihood.Marginal {
		best := truth + sigma*rng.NormFloat64()
		return likelihood.Marginal{Best: best, Low: best - sigma, High: best + 1.1*sigma}
	}
	for range 14 {
		truth := cosmology.CAMELSPrior().Params(cosmology.UnitParams{rng.Float64(), rng.Float64()})
		out.Rows = append(out.Rows,
			inference.Prediction{
				Truth: truth, OmegaM: marginal(truth.OmegaM, 0.008),
				Sigma8: marginal(truth.Sigma8, 0.025),
			})
	}
	return out
}

func syntheticTraining() tracking.Curve {
	rng := rand.New(rand.NewPCG(10, 11))
	out := tracking.Curve{Caption: mockCaption}
	for s := 10; s <= 6000; s += 10 {
		out.Steps = append(out.Steps, s)
		out.Loss = append(out.Loss, (0.02+0.8*math.Exp(-float64(s)/120))*math.Exp(0.12*rng.NormFloat64()))
		if s%500 == 0 {
			out.ValidationSteps = append(out.ValidationSteps, s)
			out.ValidationLoss = append(out.ValidationLoss, 0.041+0.1*math.Exp(-float64(s)/600))
		}
	}
	return out
}
