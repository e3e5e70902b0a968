package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Evaluation is the paper's table in numbers.
type Evaluation struct {
	Caption string `json:"caption"`
	// reduced chi² of true maps against the others of their simulation
	LeaveOneOut Summary `json:"leave_one_out"`
	Generated14 Summary `json:"generated_against_all_but_one"`
	Generated15 Summary `json:"generated_against_all"`
	// of a perfect emulator with Gaussian spectra
	Expected14 float64   `json:"expected_against_all_but_one"`
	Expected15 float64   `json:"expected_against_all"`
	Parameters []Chi2Row `json:"parameters"`
	// empty where the suite has no 1P set
	Responses    []EvaluationRange   `json:"responses,omitempty"`
	NoResponse   string              `json:"no_response,omitempty"`
	PixelMoments []EvaluationMoments `json:"pixel_moments"`
}

// EvaluationRange is the mean of P/P_fid over a range of wavenumbers at an extreme value of one
// parameter.
type EvaluationRange struct {
	Parameter string  `json:"parameter"`
	Value     float64 `json:"value"`
	KLow      float64 `json:"k_low"` // h/Mpc
	KHigh     float64 `json:"k_high"`
	True      float64 `json:"true"`
	Generated float64 `json:"generated"`
}

// EvaluationMoments compares all log10 pixels at one parameter.
type EvaluationMoments struct {
	Params             cosmology.Params `json:"params"`
	TrueMean           float64          `json:"true_mean"`
	GeneratedMean      float64          `json:"generated_mean"`
	TrueDeviation      float64          `json:"true_deviation"`
	GeneratedDeviation float64          `json:"generated_deviation"`
}

// Evaluate collects the paper's table: reduced chi², response to single parameters and pixel
// moments. A suite without a 1P set gives a table without responses that says so.
func (e Emulator) Evaluate(ctx context.Context, cfg Config) (Evaluation, error) {
	var out Evaluation
	chi2, err := e.Chi2(ctx, cfg)
	if err != nil {
		return out, err
	}
	out = Evaluation{
		Caption: chi2.Caption, LeaveOneOut: Summarise(chi2.LeaveOneOut),
		Generated14: Summarise(chi2.Generated14), Generated15: Summarise(chi2.Generated15),
		Expected14: chi2.Expectation14, Expected15: chi2.Expectation15, Parameters: chi2.Rows,
	}
	histograms, err := e.Histograms(ctx, cfg)
	if err != nil {
		return out, err
	}
	for _, p := range histograms.Panels {
		out.PixelMoments = append(out.PixelMoments, EvaluationMoments{
			p.Params, p.True.LogMean, p.Generated.LogMean, p.True.LogDeviation, p.Generated.LogDeviation,
		})
	}
	response, err := e.OneParameter(ctx, cfg)
	switch {
	case errors.Is(err, ErrNoOneParameter):
		out.NoResponse = err.Error()
	case err != nil:
		return out, err
	}
	for _, r := range response.Rows {
		out.Responses = append(out.Responses, r.ranges()...)
	}
	return out, nil
}

// ranges returns the mean ratios at the two extreme values in three ranges of wavenumbers,
// equally wide in log k.
func (r Response) ranges() []EvaluationRange {
	const parts = 3
	var out []EvaluationRange
	first, last := r.K[0], r.K[len(r.K)-1]
	for _, v := range []int{0, len(r.Values) - 1} {
		for part := range parts {
			low := first * math.Pow(last/first, float64(part)/parts)
			high := first * math.Pow(last/first, float64(part+1)/parts)
			e := EvaluationRange{Parameter: r.Name, Value: r.Values[v], KLow: low, KHigh: high}
			n := 0.0
			for i, k := range r.K {
				if k >= low*(1-1e-9) && (k < high*(1-1e-9) || part == parts-1) {
					e.True, e.Generated, n = e.True+r.TrueRatios[v].Mean[i],
						e.Generated+r.GenRatios[v].Mean[i], n+1
				}
			}
			if n > 0 {
				e.True, e.Generated = e.True/n, e.Generated/n
				out = append(out, e)
			}
		}
	}
	return out
}

// String returns the table as text for people.
func (e Evaluation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nreduced chi² of P(k)          mean      median    expected mean  maps\n",
		e.Caption)
	for _, r := range []struct {
		name     string
		s        Summary
		expected float64
	}{
		{"true, left out one by one", e.LeaveOneOut, e.Expected14},
		{"generated, same references", e.Generated14, e.Expected14},
		{"generated, all references", e.Generated15, e.Expected15},
	} {
		fmt.Fprintf(&b, "%-28s  %-8.4g  %-8.4g  %-13.4g  %d\n", r.name, r.s.Mean, r.s.Median,
			r.expected, r.s.N)
	}
	fmt.Fprintf(&b, "\nby parameter                  left out: mean (median)   generated: mean "+
		"(median)\n")
	for _, p := range e.Parameters {
		fmt.Fprintf(&b, "%-28s  %-7.4g (%-7.4g)         %-7.4g (%-7.4g)\n", p.Params, p.LeaveOneOut.Mean,
			p.LeaveOneOut.Median, p.Generated15.Mean, p.Generated15.Median)
	}
	fmt.Fprintf(&b, "\nlog10 pixels                  mean: true  generated   std: true  generated\n")
	for _, p := range e.PixelMoments {
		fmt.Fprintf(&b, "%-28s  %-10.4f  %-10.4f  %-9.4f  %-9.4f\n", p.Params, p.TrueMean,
			p.GeneratedMean, p.TrueDeviation, p.GeneratedDeviation)
	}
	if e.NoResponse != "" {
		fmt.Fprintf(&b, "\nresponse to one parameter: %s\n", e.NoResponse)
		return b.String()
	}
	fmt.Fprintf(&b, "\nP/P_fid                       k [h/Mpc]        true      generated\n")
	for _, r := range e.Responses {
		fmt.Fprintf(&b, "%-28s  %5.2f to %-6.2f  %-8.4g  %-8.4g\n",
			fmt.Sprintf("%s = %.3g", r.Parameter, r.Value), r.KLow, r.KHigh, r.True, r.Generated)
	}
	return b.String()
}

// WriteCSV writes the table in long form.
func (e Evaluation) WriteCSV(path string) error {
	t := report.NewTable("quantity", "omega_m", "sigma_8", "detail", "true", "generated")
	const one, all, both = "all but one reference", "all references",
		"true: all but one reference; generated: all"
	t.Add("reduced_chi2_mean", "", "", one, e.LeaveOneOut.Mean, e.Generated14.Mean)
	t.Add("reduced_chi2_median", "", "", one, e.LeaveOneOut.Median, e.Generated14.Median)
	t.Add("reduced_chi2_expected_mean", "", "", one, e.Expected14, e.Expected14)
	t.Add("reduced_chi2_mean", "", "", all, "", e.Generated15.Mean)
	t.Add("reduced_chi2_median", "", "", all, "", e.Generated15.Median)
	t.Add("reduced_chi2_expected_mean", "", "", all, "", e.Expected15)
	for _, p := range e.Parameters {
		t.Add("reduced_chi2_mean", p.Params.OmegaM, p.Params.Sigma8, both, p.LeaveOneOut.Mean,
			p.Generated15.Mean)
		t.Add("reduced_chi2_median", p.Params.OmegaM, p.Params.Sigma8, both, p.LeaveOneOut.Median,
			p.Generated15.Median)
	}
	for _, p := range e.PixelMoments {
		t.Add("log10_mean", p.Params.OmegaM, p.Params.Sigma8, "", p.TrueMean, p.GeneratedMean)
		t.Add("log10_std", p.Params.OmegaM, p.Params.Sigma8, "", p.TrueDeviation, p.GeneratedDeviation)
	}
	for _, r := range e.Responses {
		t.Add("power_ratio", "", "", fmt.Sprintf("%s = %g, k from %g to %g h/Mpc", r.Parameter, r.Value,
			r.KLow, r.KHigh), r.True, r.Generated)
	}
	return t.Write(path)
}
