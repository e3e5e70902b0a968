package convert

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
)

// rounding is the relative tolerance of a comparison of variances by number type: a few steps of
// rounding. Codes may compute in float32 and store in float64.
var rounding = map[string]float64{"F32": 0x1p-20, "F64": 0x1p-20, "F16": 0x1p-9, "BF16": 0x1p-6}

// table is a row of numbers of the file by time step.
type table struct {
	where, kind string
	values      []float64
}

// mostSteps bounds a variance schedule.
const mostSteps = 1 << 16

// tables returns those of the file that are called by one of the names.
func (s *source) tables(called ...string) ([]table, error) {
	var out []table
	for _, name := range called {
		if row := items(s.said[name]); len(row) >= diffusion.FewestSteps && len(row) <= mostSteps {
			t := table{where: name, kind: "F64"}
			for i, x := range row {
				switch v := x.(type) {
				case float64:
					t.values = append(t.values, v)
				case int:
					t.values = append(t.values, float64(v))
				default:
					return nil, fmt.Errorf("%s[%d] is no number", name, i)
				}
			}
			out = append(out, t)
		}
		for _, d := range s.dictionaries {
			for _, full := range d.names {
				t := d.tensors[full]
				if last(full) != name || len(t.shape) != 1 || t.shape[0] < diffusion.FewestSteps ||
					!t.readable() {
					continue
				}
				where := strings.TrimPrefix(d.path+": "+full, ": ")
				if t.shape[0] > mostSteps {
					return nil, fmt.Errorf("%s has %d time steps, want at most %d", short(where), t.shape[0],
						mostSteps)
				}
				values, err := values[float64](t)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", short(where), err)
				}
				out = append(out, table{where, t.kind, values})
			}
		}
	}
	return out, nil
}

// schedule finds the variances that the network was trained with. It reports whether the file says
// anything of them: if not, they are taken to be the paper's.
func (s *source) schedule(m *checkpoint.Manifest, o Options) (known bool, err error) {
	if o.Schedule != "" && o.Schedule != diffusion.PaperName {
		return false, fmt.Errorf("--schedule %q, want %s: other schedules are taken from a tensor "+
			"betas in the file", o.Schedule, diffusion.PaperName)
	}
	betas, err := s.tables("betas")
	if err != nil {
		return false, err
	}
	products, err := s.tables("alphas_cumprod", "alphas_bar", "alpha_bar", "alphas_cumprods")
	if err != nil {
		return false, err
	}
	switch {
	case len(betas) > 0:
		known, err = true, setBetas(m, betas, products)
	case len(products) > 0:
		known, err = true, likePaper(products)
		m.Schedule, m.Betas = diffusion.PaperName, nil
	case s.manifest != nil:
		known = true
	default:
		if err = s.named(); o.Schedule != "" {
			known, err = true, nil
		}
	}
	if err == nil && o.Schedule != "" && m.Schedule != o.Schedule {
		err = fmt.Errorf("holds a variance schedule of its own, %s, against --schedule %s: leave the "+
			"flag out", steps(*m), o.Schedule)
	}
	return known, err
}

// setBetas puts the variances into the manifest, by the paper's name where they are the paper's.
func setBetas(m *checkpoint.Manifest, betas, products []table) error {
	first := betas[0]
	s, err := diffusion.NewSchedule(first.values)
	if err != nil {
		return fmt.Errorf("%s: %s: it is no variance schedule that this version can use",
			short(first.where), strings.TrimPrefix(err.Error(), "diffusion: "))
	}
	for _, t := range betas[1:] {
		o, err := diffusion.NewSchedule(t.values)
		if err != nil || !o.Near(s, max(rounding[first.kind], rounding[t.kind])) {
			return fmt.Errorf("holds two variance schedules, %s and %s: save the one that the network "+
				"was trained with", short(first.where), short(t.where))
		}
	}
	for _, t := range products {
		if !consistent(s, t) {
			return fmt.Errorf("%s is not the product of 1 − %s: save the variance schedule that the "+
				"network was trained with", short(t.where), short(first.where))
		}
	}
	if s.Near(diffusion.Paper(), rounding[first.kind]) {
		m.Schedule, m.Betas = diffusion.PaperName, nil
		return nil
	}
	if first.kind != "F32" && first.kind != "F64" {
		return fmt.Errorf("%s holds a schedule of its own in %s, which has too few digits: save it as "+
			"float32", short(first.where), first.kind)
	}
	m.Schedule, m.Betas = diffusion.OwnName, first.values
	return nil
}

// consistent reports whether a table of ᾱ is that of a schedule. The tolerance is 2⁻¹⁰ of the
// smaller of ᾱ and 1 − ᾱ, the precision of 1 − ᾱ in float32 at a first step of 10⁻⁴, and more for
// half precision.
func consistent(s diffusion.Schedule, t table) bool {
	if len(t.values) != s.Steps() {
		return false
	}
	for i, got := range t.values {
		want := s.AlphaBar(diffusion.Step(i + 1))
		slack := math.Max(0x1p-10*math.Min(want, 1-want), 2*math.Min(rounding[t.kind], 0x1p-8))
		if !(math.Abs(got-want) <= slack) {
			return false
		}
	}
	return true
}

// likePaper returns an error unless ᾱ is the paper's. The β of another schedule cannot be computed
// from ᾱ to all digits.
func likePaper(products []table) error {
	for _, t := range products {
		if !consistent(diffusion.Paper(), t) {
			return fmt.Errorf("%s is not that of the paper's variance schedule, and ᾱ alone has too few "+
				"digits: save betas beside it", short(t.where))
		}
	}
	return nil
}

// named returns an error if the file names a schedule, or a number of steps, without its numbers.
func (s *source) named() error {
	const remedy = "save the schedule as a tensor betas beside the weights, or state --schedule " +
		"paper if it is the paper's"
	for _, key := range strings.Fields("beta_schedule noise_schedule schedule_type schedule") {
		if text, ok := s.said[key].(string); ok && (key != "schedule" || strings.Contains(text, "beta")) {
			return fmt.Errorf("names a variance schedule (%s: %s) without its numbers: %s", key, short(text),
				remedy)
		}
	}
	for _, key := range strings.Fields("beta_start beta_end") {
		if v, ok := s.said[key]; ok {
			return fmt.Errorf("names a variance schedule (%s: %s) without its numbers: %s", key,
				short(fmt.Sprint(v)), remedy)
		}
	}
	for _, key := range strings.Fields("timesteps num_timesteps num_train_timesteps " +
		"diffusion_steps noise_steps") {
		if n, ok := whole(s.said[key]); ok && n != diffusion.Paper().Steps() {
			return fmt.Errorf("names a variance schedule of %d steps (%s) without its numbers: %s", n, key,
				remedy)
		}
	}
	return nil
}

// steps describes the schedule of a manifest.
func steps(m checkpoint.Manifest) string {
	if m.Schedule != diffusion.OwnName {
		return fmt.Sprintf("the paper's, %d steps", diffusion.Paper().Steps())
	}
	return fmt.Sprintf("%d steps, β from %.4g to %.4g", len(m.Betas), m.Betas[0],
		m.Betas[len(m.Betas)-1])
}

// objectives are what training codes call what their network predicts.
var objectives = map[string]diffusion.Prediction{
	"epsilon":         diffusion.PredictEpsilon,
	"eps":             diffusion.PredictEpsilon,
	"noise":           diffusion.PredictEpsilon,
	"pred_noise":      diffusion.PredictEpsilon,
	"predict_epsilon": diffusion.PredictEpsilon,
	"v":               diffusion.PredictV,
	"pred_v":          diffusion.PredictV,
	"v_prediction":    diffusion.PredictV,
	"velocity":        diffusion.PredictV,
}

// prediction finds what the network predicts. It reports whether anyone says so: if not, it is
// taken to be the noise, as in the paper.
func (s *source) prediction(m *checkpoint.Manifest, o Options) (known bool, err error) {
	if err := o.Prediction.Validate(); err != nil {
		return false, err
	}
	by := "the file"
	if s.manifest != nil {
		known = true
	}
	for _, key := range strings.Fields("objective prediction_type parameterization prediction") {
		text, ok := s.said[key].(string)
		if !ok {
			continue
		}
		p, ok := objectives[strings.ToLower(text)]
		if !ok {
			return false, fmt.Errorf("has a network that predicts %s (%s), want the noise (epsilon) or "+
				"v: this version cannot use it", short(text), key)
		}
		m.Prediction, known, by = p, true, key+" in the file"
	}
	said := m.Prediction
	if said == "" {
		said = diffusion.PredictEpsilon
	}
	if o.Prediction == "" {
		return known, nil
	}
	if known && o.Prediction != said {
		return false, fmt.Errorf("has a network that predicts %s, says %s, against --prediction %s: "+
			"leave the flag out", said, by, o.Prediction)
	}
	m.Prediction = o.Prediction
	return true, nil
}

// logTheta finds whether the network is fed logarithms. It reports whether anyone says so.
func (s *source) logTheta(m *checkpoint.Manifest, o Options) (known bool, err error) {
	if o.LogTheta == nil {
		return s.manifest != nil, nil
	}
	if s.manifest != nil && *o.LogTheta != m.LogTheta {
		return false, fmt.Errorf("says that its network is fed logarithms of the parameters: %v, "+
			"against --log-theta=%v: leave the flag out", m.LogTheta, *o.LogTheta)
	}
	if *o.LogTheta && m.Conditioned() != nil {
		return false, errors.New("has a network of other parameters than Ω_m and σ_8: leave out " +
			"--log-theta")
	}
	m.LogTheta = *o.LogTheta
	return true, nil
}
