package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// Options say what a file of weights does not: which maps the network was trained on, and what
// shapes do not determine of its form. For zero fields the file decides, or else the paper.
type Options struct {
	Suite      string
	Set        string
	Unit       string
	Side       int // pixels
	BoxSide    float64
	LogMin     *float64 // log10 values that become −1 and 1
	LogMax     *float64
	Validation []int // simulations that training has not seen

	Prediction diffusion.Prediction
	LogTheta   *bool
	Groups     int
	Heads      int
	Schedule   string // diffusion.PaperName, of a file that names a schedule without its numbers
}

// Paper returns the data of the paper.
func Paper() Options {
	d := camels.CMD("IllustrisTNG")
	return Options{
		Suite: d.Suite, Set: string(camels.LH), Unit: d.Unit, Side: 64, BoxSide: d.BoxSide,
		LogMin: &d.LogRange[0], LogMax: &d.LogRange[1],
	}
}

// over returns the manifest with the data fields of o that are set.
func (o Options) over(m checkpoint.Manifest) checkpoint.Manifest {
	d := &m.Data
	set(&d.Set, o.Set)
	set(&d.Unit, o.Unit)
	set(&d.Side, o.Side)
	set(&d.BoxSide, o.BoxSide)
	if o.Suite != "" {
		d.Suite, d.Periodic = o.Suite, camels.CMD(o.Suite).Periodic
	}
	if o.LogMin != nil {
		m.Scaling.Min = *o.LogMin
	}
	if o.LogMax != nil {
		m.Scaling.Max = *o.LogMax
	}
	if o.Validation != nil {
		d.Split = checkpoint.Split{Train: []int{}, Validation: slices.Clone(o.Validation), Test: []int{}}
	}
	return m
}

// set writes a value unless it is zero.
func set[T comparable](to *T, value T) {
	var nothing T
	if value != nothing {
		*to = value
	}
}

// Report describes what was read and written.
type Report struct {
	In         string         `json:"in"`
	Out        string         `json:"out"`
	Format     string         `json:"format"`  // of the file that was read
	Weights    string         `json:"weights"` // which were written
	Network    unet.Config    `json:"network"`
	Parameters int            `json:"parameters"`
	Tensors    int            `json:"tensors"`
	Kinds      map[string]int `json:"kinds"` // tensors by number type, as read
	Step       int            `json:"step"`
	Schedule   string         `json:"schedule"` // of variances: how many steps

	Prediction diffusion.Prediction `json:"prediction,omitempty"`
	LogTheta   bool                 `json:"log_theta,omitempty"`
	Assumed    []string             `json:"assumed,omitempty"` // taken from the paper
	Where      map[string]string    `json:"where,omitempty"`   // place of raw and ema in the file
	Buffers    int                  `json:"buffers,omitempty"` // tensors that are no weights
	NotUsed    []string             `json:"not_used,omitempty"`
	// the power correction
	LeftOut bool `json:"transfer_function_left_out,omitempty"`
}

// Values of Report.Weights and of the argument of Export.
const (
	EMA  = "ema"
	Raw  = "raw"
	both = "raw and ema"
)

// Import reads PyTorch's weights and writes a checkpoint. The file appears whole or not at all.
func Import(in, out string, o Options) (Report, error) {
	fail := func(err error) (Report, error) { return Report{}, fmt.Errorf("convert: %s: %w", in, err) }
	if err := outside(in, out); err != nil {
		return fail(err)
	}
	s, err := open(in)
	if err != nil {
		return fail(err)
	}
	defer s.file.Close()
	if err := s.choose(); err != nil {
		return fail(err)
	}
	r := Report{
		In: in, Out: out, Format: s.format, Weights: Raw, Kinds: map[string]int{},
		Where: map[string]string{},
	}
	first := s.raw
	if s.raw != nil {
		r.Where[Raw] = s.raw.where()
	}
	if s.average != nil {
		r.Where[EMA] = s.average.where()
		r.Weights = both
	}
	if s.raw == nil { // there is only an average
		first, s.average, r.Weights = s.average, nil, EMA
	}
	m, err := s.describe(first.of, o, &r)
	if err != nil {
		return fail(err)
	}
	tensors := checkpoint.Tensors{}
	for _, g := range []struct {
		prefix string
		n      *candidate
	}{{checkpoint.Weights, first}, {checkpoint.EMA, s.average}} {
		if g.n == nil {
			continue
		}
		if err := s.load(g.n.of, g.prefix, m.Network, tensors, r.Kinds); err != nil {
			return fail(err)
		}
	}
	r.Tensors, r.Buffers, r.NotUsed = len(tensors), len(s.ignored), s.strangers
	return r, checkpoint.Save(out, m, tensors)
}

// describe makes the manifest from the file, the options and the paper, in this order.
func (s *source) describe(weights map[string]tensor, o Options, r *Report,
) (m checkpoint.Manifest, err error) {
	m = checkpoint.Manifest{
		Version: checkpoint.Version, Schedule: diffusion.PaperName,
		Prior: cosmology.CAMELSPrior(),
	}
	m.Data.Split = checkpoint.Split{Train: []int{}, Validation: []int{}, Test: []int{}}
	m = Paper().over(m)
	if s.manifest != nil {
		m = *s.manifest
	}
	m = o.over(m)
	if m.Network, r.Assumed, err = s.form(weights, o); err != nil {
		return m, err
	}
	if err := m.Network.Validate(); err != nil {
		return m, fmt.Errorf("has tensors of no network of the paper's kind: %s",
			strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for _, part := range []struct {
		find  func(*checkpoint.Manifest, Options) (bool, error)
		paper string
	}{
		{s.schedule, "the paper's variance schedule"},
		{s.prediction, "prediction of the noise"},
		{s.logTheta, "parameters fed as they are, no logarithms"},
	} {
		known, err := part.find(&m, o)
		if err != nil {
			return m, err
		}
		if !known {
			r.Assumed = append(r.Assumed, part.paper)
		}
	}
	if s.manifest == nil && (o.LogMin == nil || o.LogMax == nil) {
		r.Assumed = append(r.Assumed, fmt.Sprintf("log10 of maps from %g to %g", m.Scaling.Min,
			m.Scaling.Max))
	}
	if n, _ := s.number("step global_step itn iteration iterations iter niter n_iter it"); n > 0 {
		m.Step = n
	}
	s.parameters = m.Network.Parameters()
	r.Network, r.Parameters = m.Network, network.NumParameters(s.parameters)
	r.Step, r.Schedule = m.Step, steps(m)
	r.Prediction, r.LogTheta = m.Prediction, m.LogTheta
	return m, nil
}

// load checks one group and reads its values into tensors.
func (s *source) load(group map[string]tensor, prefix string, c unet.Config,
	tensors checkpoint.Tensors, kinds map[string]int,
) error {
	if group == nil {
		return nil
	}
	if err := check(group, s.parameters); err != nil {
		return fmt.Errorf("its %sweights do not fit the network of width %d and multipliers %v that "+
			"its shapes tell: %w", prefix, c.Dim, c.Multipliers, err)
	}
	values := int64(network.NumParameters(s.parameters))
	if values > s.most {
		return fmt.Errorf("claims %d values, a file of its size holds at most %d: it is damaged",
			values, s.most)
	}
	for _, p := range s.parameters {
		t := group[p.Name]
		data, err := t.read()
		if err != nil {
			return fmt.Errorf("tensor %s: %w", p.Name, err)
		}
		if len(data) != p.Size() {
			return fmt.Errorf("tensor %s has %d values, want %d: the file is damaged", p.Name,
				len(data), p.Size())
		}
		for i, x := range data {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("tensor %s entry %d is %v as float32, want finite numbers: use weights "+
					"from before training diverged", p.Name, i, x)
			}
		}
		kinds[t.kind]++
		tensors[prefix+p.Name] = network.Array{Shape: p.Shape, Data: data}
	}
	return nil
}

// Export writes a checkpoint's weights as safetensors under PyTorch's names: "ema", "raw", or ""
// for the average where there is one. The manifest goes into the metadata, so that Import of the
// file gives the same checkpoint of these weights.
func Export(in, out, weights string) (Report, error) {
	r, c, w, err := pick(in, out, weights)
	if err != nil {
		return Report{}, err
	}
	r.LeftOut = len(checkpoint.PowerCorrections(c.Tensors)) > 0
	return r, checkpoint.Export(out, c.Manifest, w)
}

// Reduce writes a checkpoint with one set of weights, chosen as by Export, and the manifest: a
// small file for use without further training. sampling, if not empty, replaces that of the
// manifest. A power correction is kept only for the weights and the sampler that it was measured
// with.
func Reduce(in, out, weights string, sampling json.RawMessage) (Report, error) {
	r, c, w, err := pick(in, out, weights)
	if err != nil {
		return Report{}, err
	}
	m, tensors := c.Manifest, maps.Clone(w)
	if len(sampling) > 0 {
		m.Sampling = sampling
	}
	corrections := checkpoint.PowerCorrections(c.Tensors)
	if len(sampling) == 0 &&
		(r.Weights == EMA || len(checkpoint.Group(c.Tensors, checkpoint.EMA)) == 0) {
		maps.Copy(tensors, corrections)
	} else {
		r.LeftOut = len(corrections) > 0
	}
	return r, checkpoint.Save(out, m, tensors)
}

// pick reads a set of weights of a checkpoint.
func pick(in, out, weights string) (Report, checkpoint.Checkpoint, network.Weights, error) {
	fail := func(err error) (Report, checkpoint.Checkpoint, network.Weights, error) {
		return Report{}, checkpoint.Checkpoint{}, nil, fmt.Errorf("convert: %s: %w", in, err)
	}
	if err := outside(in, out); err != nil {
		return fail(err)
	}
	c, err := checkpoint.Load(in)
	if err != nil {
		return Report{}, checkpoint.Checkpoint{}, nil, err
	}
	average := checkpoint.Group(c.Tensors, checkpoint.EMA)
	if weights == "" {
		weights = Raw
		if len(average) > 0 {
			weights = EMA
		}
	}
	w := average
	switch {
	case weights == Raw:
		w = checkpoint.Group(c.Tensors, checkpoint.Weights)
	case weights != EMA:
		return fail(fmt.Errorf("was asked for weights %q, want ema or raw", weights))
	case len(average) == 0:
		return fail(errors.New("has no average (EMA): ask for --weights raw"))
	}
	if len(w) == 0 {
		return fail(errors.New("has averaged weights (EMA) alone: ask for --weights ema"))
	}
	n := c.Manifest.Network
	r := Report{
		In: in, Out: out, Format: "checkpoint", Weights: weights, Network: n,
		Parameters: n.NumParameters(), Tensors: len(w),
		Kinds: map[string]int{"F32": len(w)}, Step: c.Manifest.Step,
		Prediction: c.Manifest.Prediction, LogTheta: c.Manifest.LogTheta, Schedule: steps(c.Manifest),
	}
	return r, c, w, nil
}

// outside returns an error unless out is a .safetensors file other than in.
func outside(in, out string) error {
	if ext := filepath.Ext(out); !strings.EqualFold(ext, ".safetensors") {
		return fmt.Errorf("becomes a .safetensors file, %s does not end like one: give OUT that ending",
			out)
	}
	a, err := os.Stat(in)
	if err != nil {
		return nil // reading it says why
	}
	if b, err := os.Stat(out); err == nil && os.SameFile(a, b) {
		return errors.New("is IN and OUT at once: give OUT another name")
	}
	return nil
}
