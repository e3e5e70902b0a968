package verify

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
	"darkfield/pkg/npy"
	"darkfield/pkg/unet"
)

// outputs are what a reference file holds, in the layout of PyTorch: maps [batch, 1, side, side].
type outputs struct {
	network       unet.Config
	weights       network.Weights
	batch, side   int
	theta, xt     []float32
	x0, eps       []float32
	index         []float32 // timestep t − 1 of each map
	gradients     []string  // names of the tensors whose gradients the file holds
	bound         map[string]float64
	other         map[string][]float64
	fields        []float64 // [maps, side, side]
	maps, mapSide int
}

// quantities that are compared value by value.
var quantities = []string{
	"betas", "alphas_cumprod", "posterior_variance", "eps_pred", "loss_huber", "loss_mse",
	"reverse_step_t250",
	"k", "pk", "rchisq_loo", "rchisq_gen_vs_true15",
}

// ours is a reference file of our own PyTorch version of the network, of width 8 and side 16:
// pytorch/reference.py --small.
//
//go:embed reference_dim8_side16.npz
var ours []byte

// load reads a reference file, or ours where no path is given. Its width and its side are those of
// the arrays in it.
func load(path string) (_ *outputs, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("verify: read %s: %w: want a file of reference outputs of the paper's code "+
				"(.npz)", path, err)
		}
	}()
	var z *zip.Reader
	if path == "" {
		z, err = zip.NewReader(bytes.NewReader(ours), int64(len(ours)))
	} else {
		var c *zip.ReadCloser
		if c, err = zip.OpenReader(path); err == nil {
			defer c.Close()
			z = &c.Reader
		}
	}
	if err != nil {
		return nil, err
	}
	f := &file{members: map[string]*zip.File{}}
	for _, m := range z.File {
		f.members[strings.TrimSuffix(m.Name, ".npy")] = m
	}
	r := f.outputs()
	if f.err == nil {
		f.err = r.check()
	}
	return r, f.err
}

// outputs reads everything; the first failure stays in f.err.
func (f *file) outputs() *outputs {
	r := &outputs{weights: network.Weights{}, other: map[string][]float64{}}
	for _, key := range slices.Sorted(maps.Keys(f.members)) {
		if name, ok := strings.CutPrefix(key, "w/"); ok {
			values, shape := f.read(key)
			r.weights[name] = network.Array{Shape: shape, Data: narrow(values)}
		}
		if name, ok := strings.CutPrefix(key, "grad/"); ok {
			r.gradients = append(r.gradients, name)
			r.other[key], _ = f.read(key)
		}
	}
	slices.Sort(r.gradients)
	for _, key := range quantities {
		r.other[key], _ = f.read(key)
	}
	x0, shape := f.read("x0")
	if len(shape) == 4 {
		r.batch, r.side = shape[0], shape[2]
	}
	r.x0 = narrow(x0)
	for key, to := range map[string]*[]float32{
		"x_t": &r.xt, "eps": &r.eps, "y": &r.theta,
		"t": &r.index,
	} {
		values, _ := f.read(key)
		*to = narrow(values)
	}
	r.fields, shape = f.read("fields")
	if len(shape) == 3 {
		r.maps, r.mapSide = shape[0], shape[2]
	}
	text, _ := f.read("vlb_json")
	raw := make([]byte, len(text))
	for i, c := range text {
		raw[i] = byte(c)
	}
	if err := json.Unmarshal(raw, &r.bound); f.err == nil && err != nil {
		f.err = fmt.Errorf("vlb_json: %w", err)
	}
	r.network = unet.Default()
	if t, ok := r.weights["time_mlp.1.weight"]; ok && len(t.Shape) == 2 {
		r.network = r.network.WithDim(t.Shape[1])
	}
	return r
}

// check returns an error where arrays do not fit each other or the network.
func (r *outputs) check() error {
	if err := errors.Join(r.network.Validate(), r.network.CheckSide(r.side)); err != nil {
		return err
	}
	pixels := r.batch * r.side * r.side
	for _, a := range []struct {
		key       string
		got, want int
	}{
		{"x0", len(r.x0), pixels},
		{"x_t", len(r.xt), pixels},
		{"eps", len(r.eps), pixels},
		{"y", len(r.theta), 2 * r.batch},
		{"t", len(r.index), r.batch},
		{"fields", len(r.fields), r.maps * r.mapSide * r.mapSide},
		{"vlb_json", min(len(r.bound), 1), 1},
		{"grad/…", min(len(r.gradients), 1), 1},
		{"alphas_cumprod", len(r.other["alphas_cumprod"]), diffusion.Paper().Steps()},
	} {
		if a.got != a.want {
			return fmt.Errorf("%s has %d entries, want %d", a.key, a.got, a.want)
		}
	}
	for i, t := range r.index {
		if !(t >= 0 && int(t) < diffusion.Paper().Steps()) {
			return fmt.Errorf("t[%d] = %g, want 0…%d", i, t, diffusion.Paper().Steps()-1)
		}
	}
	for _, name := range r.gradients {
		if len(r.weights[name].Data) != len(r.other["grad/"+name]) {
			return fmt.Errorf("grad/%s has %d entries, its weight has %d", name, len(r.other["grad/"+name]),
				len(r.weights[name].Data))
		}
	}
	return nil
}

// file reads arrays of any of the number types that the reference uses.
type file struct {
	members map[string]*zip.File // by the names of their arrays
	err     error
}

func (f *file) read(key string) (values []float64, shape []int) {
	if f.err != nil {
		return nil, nil
	}
	m, ok := f.members[key]
	if !ok {
		f.err = fmt.Errorf("it has no array %s", key)
		return nil, nil
	}
	if values, shape, f.err = array(m); f.err != nil {
		f.err = fmt.Errorf("%s %w", key, f.err)
	}
	return values, shape
}

// decoders return the number at the start of raw, by the type of the number.
var decoders = map[string]struct {
	width  int // bytes
	number func(raw []byte, order binary.ByteOrder) float64
}{
	"f4": {4, func(raw []byte, order binary.ByteOrder) float64 {
		return float64(math.Float32frombits(order.Uint32(raw)))
	}},
	"f8": {8, func(raw []byte, order binary.ByteOrder) float64 {
		return math.Float64frombits(order.Uint64(raw))
	}},
	"i8": {8, func(raw []byte, order binary.ByteOrder) float64 {
		return float64(int64(order.Uint64(raw)))
	}},
	"u1": {1, func(raw []byte, _ binary.ByteOrder) float64 { return float64(raw[0]) }},
}

// array reads a member of an .npz file. It allocates no more than a small multiple of what the
// member holds, whatever its header says.
func array(m *zip.File) (values []float64, shape []int, err error) {
	in, err := m.Open()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	h, err := npy.ReadHeader(in, int64(min(m.UncompressedSize64, math.MaxInt64)))
	if err != nil {
		return nil, nil, err
	}
	if h.Fortran {
		return nil, nil, errors.New("is in Fortran order, want C order")
	}
	d, ok := decoders[strings.TrimLeft(h.Type, "<>|=")]
	if !ok {
		return nil, nil, fmt.Errorf("holds %.40q, want float32, float64, int64 or uint8", h.Type)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(h.Type, ">") {
		order = binary.BigEndian
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, nil, err
	}
	if err := h.CheckData(d.width, int64(len(raw))); err != nil {
		return nil, nil, err
	}
	values = make([]float64, 0, len(raw)/d.width)
	for ; len(raw) > 0; raw = raw[d.width:] {
		values = append(values, d.number(raw, order))
	}
	return values, h.Shape, nil
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
