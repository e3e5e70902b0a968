package verify

import (
	"math"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// parameters compares names and shapes of the tensors; the difference is 1 unless all fit.
func (t *table) parameters() {
	missing := 0.0
	if t.outputs.network.Check(t.weights) != nil {
		missing = 1
	}
	t.add("w: names and shapes of the tensors", missing, 0, false)
}

// schedule compares the variance schedule and the noised maps.
func (t *table) schedule() {
	s := diffusion.Paper()
	beta, alphaBar, variance := make([]float64, s.Steps()), make([]float64, s.Steps()),
		make([]float64, s.Steps())
	for i := range beta {
		at := diffusion.Term(i).Step()
		beta[i], alphaBar[i], variance[i] = s.Beta(at), s.AlphaBar(at), s.PosteriorVariance(at)
	}
	t.relative("betas", beta, t.other["betas"], 1e-6)
	stored := t.other["alphas_cumprod"]
	t.relative("alphas_cumprod", alphaBar, stored, 1e-6)
	// The file's float32 ᾱ loses up to four digits of 1 − ᾱ, so variances are compared after a
	// conversion to that ᾱ.
	for i := 1; i < min(len(variance), len(stored)); i++ {
		variance[i] *= (1 - stored[i-1]) / (1 - alphaBar[i-1]) * (1 - alphaBar[i]) / (1 - stored[i])
	}
	t.relative("posterior_variance (at the file's ᾱ)", variance, t.other["posterior_variance"], 1e-6)
	noised := make([]float64, len(t.x0))
	for i := range noised {
		at := diffusion.Term(t.index[i*t.batch/len(t.x0)]).Step()
		noised[i] = s.Noised(at, float64(t.x0[i]), float64(t.eps[i]))
	}
	t.noised("x_t", noised)
}

// noised compares noised maps, likewise after a conversion to the file's ᾱ: at the first steps its
// float32 changes √(1 − ᾱ) by 1e-6, and x_t by 3e-6.
func (t *table) noised(quantity string, got []float64) {
	s, stored := diffusion.Paper(), t.other["alphas_cumprod"]
	for i := range got {
		term := diffusion.Term(t.index[i*t.batch/len(got)])
		got[i] += (math.Sqrt(1-stored[term]) - math.Sqrt(1-s.AlphaBar(term.Step()))) * float64(t.eps[i])
	}
	t.absolute(quantity+" (at the file's ᾱ)", got, wide(t.xt), 1e-6)
}

// summaries compares spectra and reduced chi² of the log fields: the first half are "true", the
// second half "generated".
func (t *table) summaries() {
	box := field.Box{Side: 25, Cells: t.mapSide}
	pixels, half := box.Pixels(), t.maps/2
	var k, power []float64
	var curves [][]float64
	for m := range t.maps {
		s := summary.SumNormalised.PowerOf(t.fields[m*pixels:(m+1)*pixels], box)
		power = append(power, s.P...)
		curves = append(curves, s.P)
		k = s.K
	}
	for i := range k {
		k[i] /= box.KFundamental()
	}
	t.relative("k", k, t.other["k"], 1e-5)
	t.relative("pk", power, t.other["pk"], 1e-12)
	t.relative("rchisq_loo", summary.LeaveOneOut(curves[:half]), t.other["rchisq_loo"], 1e-10)
	var against []float64
	for _, c := range curves[half:] {
		against = append(against, summary.ReducedChi2(c, summary.Stats(curves[:half])))
	}
	t.relative("rchisq_gen_vs_true15", against, t.other["rchisq_gen_vs_true15"], 1e-10)
}

func wide(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}
