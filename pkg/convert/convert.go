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
	"darkfield/pkg/field"
	"darkfield/pkg/unet"
)

// Data says what weights alone cannot: which maps the network was trained on.
type Data struct {
	Suite      string
	Set        string
	Unit       string
	Side       int // pixels
	BoxSide    float64
	LogMin     float64 // log10 values that become −1 and 1
	LogMax     float64
	Validation []int // simulations that training has not seen
}

// Default returns the data of the paper.
func Default() Data {
	d := camels.CMD("IllustrisTNG")
	return Data{Suite: d.Suite, Set: string(camels.LH), Unit: d.Unit, Side: 64, BoxSide: d.BoxSide, LogMin: d.LogRange[0], LogMax: d.LogRange[1]}
}

// Report says what was read and written.
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

	Prediction diffusion.Prediction `json:"prediction,omitempty"` // of a checkpoint's network: a file of weights cannot say it
	LogTheta   bool                 `json:"log_theta,omitempty"`  // nor that it is fed logarithms
	LeftOut    bool                 `json:"transfer_function_left_out,omitempty"`
}

// What Report.Weights says, and what Export takes.
const (
	EMA  = "ema"
	Raw  = "raw"
	both = "raw and ema"
)

// IsCheckpoint reports whether a file has darkfield's manifest, so that Export can read it.
func IsCheckpoint(path string) bool { return checkpoint.Recognise(path) }

// Import reads PyTorch's weights and writes a checkpoint. The file appears whole or not at all.
func Import(in, out string, d Data) (Report, error) {
	fail := func(err error) (Report, error) { return Report{}, fmt.Errorf("convert: %s: %w", in, err) }
	if err := outside(in, out); err != nil {
		return fail(err)
	}
	s, err := open(in)
	if err != nil {
		return fail(err)
	}
	defer s.file.Close()
	s.tidy()
	network := infer(s.raw)
	if err := network.Validate(); err != nil {
		return fail(fmt.Errorf("has tensors of no network of the paper's kind: %w", err))
	}
	r := Report{In: in, Out: out, Format: s.format, Weights: Raw, Network: network, Parameters: network.NumParameters(), Kinds: map[string]int{}, Step: s.step}
	groups := map[string]map[string]tensor{checkpoint.Weights: s.raw}
	if s.average != nil {
		r.Weights, groups[checkpoint.EMA] = both, s.average
	}
	tensors := checkpoint.Tensors{}
	for _, prefix := range []string{checkpoint.Weights, checkpoint.EMA} {
		if err := s.load(groups[prefix], prefix, network, tensors, r.Kinds); err != nil {
			return fail(err)
		}
	}
	r.Tensors = len(tensors)
	split := checkpoint.Split{Train: []int{}, Validation: slices.Concat([]int{}, d.Validation), Test: []int{}}
	return r, checkpoint.Save(out, checkpoint.Manifest{
		Version: checkpoint.Version, Network: network, Schedule: diffusion.PaperName, Step: s.step, Prior: cosmology.CAMELSPrior(),
		Scaling: field.Scaling{Min: d.LogMin, Max: d.LogMax},
		Data:    checkpoint.Data{Suite: d.Suite, Set: d.Set, Unit: d.Unit, Side: d.Side, BoxSide: d.BoxSide, Periodic: camels.CMD(d.Suite).Periodic, Split: split},
	}, tensors)
}

// load checks one group and reads its values into tensors.
func (s *source) load(group map[string]tensor, prefix string, network unet.Config, tensors checkpoint.Tensors, kinds map[string]int) error {
	if group == nil {
		return nil
	}
	if err := check(group, network); err != nil {
		return fmt.Errorf("its %sweights do not fit the network of width %d and multipliers %v that its shapes tell: %w", prefix, network.Dim, network.Multipliers, err)
	}
	values := int64(0)
	for _, p := range network.Parameters() {
		values += int64(p.Size())
	}
	if values > s.most {
		return fmt.Errorf("claims %d values, a file of its size holds at most %d: it is damaged", values, s.most)
	}
	for _, p := range network.Parameters() {
		t := group[p.Name]
		data, err := t.read()
		if err != nil {
			return fmt.Errorf("tensor %s: %w", p.Name, err)
		}
		if len(data) != p.Size() {
			return fmt.Errorf("tensor %s has %d values, want %d: the file is damaged", p.Name, len(data), p.Size())
		}
		for i, x := range data {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("tensor %s entry %d is %v as float32, want finite numbers: use weights from before training diverged", p.Name, i, x)
			}
		}
		kinds[t.kind]++
		tensors[prefix+p.Name] = unet.Array{Shape: p.Shape, Data: data}
	}
	return nil
}

// Export writes a checkpoint's weights as safetensors under PyTorch's names: "ema", "raw", or "" for the average where there is one.
func Export(in, out, weights string) (Report, error) {
	r, c, w, err := pick(in, out, weights)
	if err != nil {
		return Report{}, err
	}
	r.LeftOut = len(checkpoint.Transfers(c.Tensors)) > 0
	return r, checkpoint.Export(out, w)
}

// Reduce writes a checkpoint that holds one of a checkpoint's sets of weights, chosen as by Export, with its manifest: a small file, for
// those who use the network and do not train it further. sampling, if not empty, becomes what the manifest says of it; a transfer function
// stays with the weights and the sampler that it was measured with.
func Reduce(in, out, weights string, sampling json.RawMessage) (Report, error) {
	r, c, w, err := pick(in, out, weights)
	if err != nil {
		return Report{}, err
	}
	m, tensors := c.Manifest, maps.Clone(w)
	if len(sampling) > 0 {
		m.Sampling = sampling
	}
	transfers := checkpoint.Transfers(c.Tensors)
	if len(sampling) == 0 && (r.Weights == EMA || len(checkpoint.Group(c.Tensors, checkpoint.EMA)) == 0) {
		maps.Copy(tensors, transfers)
	} else {
		r.LeftOut = len(transfers) > 0
	}
	return r, checkpoint.Save(out, m, tensors)
}

// pick reads a set of weights of a checkpoint.
func pick(in, out, weights string) (Report, checkpoint.Checkpoint, unet.Weights, error) {
	fail := func(err error) (Report, checkpoint.Checkpoint, unet.Weights, error) {
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
		In: in, Out: out, Format: "checkpoint", Weights: weights, Network: n, Parameters: n.NumParameters(), Tensors: len(w),
		Kinds: map[string]int{"F32": len(w)}, Step: c.Manifest.Step,
		Prediction: c.Manifest.Prediction, LogTheta: c.Manifest.LogTheta,
	}
	return r, c, w, nil
}

// outside returns an error unless out is a .safetensors file other than in.
func outside(in, out string) error {
	if ext := filepath.Ext(out); !strings.EqualFold(ext, ".safetensors") {
		return fmt.Errorf("becomes a .safetensors file, %s does not end like one: give OUT that ending", out)
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
