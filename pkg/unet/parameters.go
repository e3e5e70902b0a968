package unet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Kind says how a parameter is initialised.
type Kind int

const (
	Uniform Kind = iota // weights and biases of convolutions and linear maps: uniform in ±1/√FanIn
	One                 // scales of normalisations
	Zero                // shifts of normalisations, scales and gains by time and θ
)

// Tensor describes one tensor of the network.
type Tensor struct {
	Name string // PyTorch's
	// Shape is PyTorch's: convolutions [out, in, height, width], transposed ones [in, out, height,
	// width], linear maps [out, in].
	Shape []int
	Kind  Kind
	FanIn int // number of inputs of an output
}

// Size returns the number of entries.
func (p Tensor) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Array is one tensor on the host, row-major.
type Array struct {
	Shape []int
	Data  []float32
}

// Weights are the network's tensors under PyTorch's names and in PyTorch's layout.
type Weights map[string]Array

// Parameters lists the network's tensors in the order of PyTorch's state_dict.
func (c Config) Parameters() []Tensor {
	var l list
	l.linear("conditional_embedding.0", c.ConditionDim, c.hidden())
	l.linear("conditional_embedding.2", c.hidden(), c.embedding())
	l.linear("time_mlp.1", c.Dim, c.embedding())
	l.linear("time_mlp.3", c.embedding(), c.embedding())
	in := 1
	for i := range c.Multipliers {
		out, prefix := c.channels(i), fmt.Sprintf("downs.%d.", i)
		l.resnet(c, prefix+"0.", in, out)
		l.resnet(c, prefix+"1.", out, out)
		l.attention(c, prefix+"2.", out, true)
		if i < c.Downsamplings() {
			l.convolution(prefix+"3", out, out, 4, out*16)
		}
		in = out
	}
	for i := range c.Downsamplings() {
		out, prefix := c.channels(c.Downsamplings()-1-i), fmt.Sprintf("ups.%d.", i)
		l.resnet(c, prefix+"0.", 2*c.channels(c.Downsamplings()-i), out)
		l.resnet(c, prefix+"1.", out, out)
		l.attention(c, prefix+"2.", out, true)
		l.convolution(prefix+"3", out, out, 4, out*16)
	}
	l.resnet(c, "mid_block1.", in, in)
	l.attention(c, "mid_attn.", in, false)
	l.resnet(c, "mid_block2.", in, in)
	l.resnet(c, "final_conv.0.", c.Dim, c.Dim)
	l.convolution("final_conv.1", c.Dim, 1, 1, c.Dim)
	if c.Rings > 0 {
		l.zeros("gains_mlp.1", c.embedding(), c.Rings)
		l.zeros("gains_cond_mlp.1", c.ConditionDim, c.Rings)
	}
	return l
}

// list collects parameters.
type list []Tensor

func (l *list) add(name string, kind Kind, fanIn int, shape ...int) {
	*l = append(*l, Tensor{Name: name, Shape: shape, Kind: kind, FanIn: fanIn})
}

func (l *list) linear(name string, in, out int) {
	l.add(name+".weight", Uniform, in, out, in)
	l.add(name+".bias", Uniform, in, out)
}

// zeros adds a linear map that starts as 0.
func (l *list) zeros(name string, in, out int) {
	l.add(name+".weight", Zero, 0, out, in)
	l.add(name+".bias", Zero, 0, out)
}

// convolution adds a square convolution; a transposed one has equal widths here, so that one form
// serves both.
func (l *list) convolution(name string, in, out, side, fanIn int) {
	l.add(name+".weight", Uniform, fanIn, out, in, side, side)
	l.add(name+".bias", Uniform, fanIn, out)
}

func (l *list) norm(name string, width int) {
	l.add(name+".weight", One, 0, width)
	l.add(name+".bias", Zero, 0, width)
}

func (l *list) resnet(c Config, prefix string, in, out int) {
	l.linear(prefix+"mlp.1", c.embedding(), out)
	l.linear(prefix+"cond_mlp.1", c.ConditionDim, out)
	if c.Conditioning == ScaleShift {
		l.zeros(prefix+"scale_mlp.1", c.embedding(), 2*out)
		l.zeros(prefix+"scale_cond_mlp.1", c.ConditionDim, 2*out)
	}
	for i, width := range []int{in, out} {
		block := fmt.Sprintf("%sblock%d.", prefix, i+1)
		l.convolution(block+"proj", width, out, 3, width*9)
		l.norm(block+"norm", out)
	}
	if in != out {
		l.convolution(prefix+"res_conv", in, out, 1, in)
	}
}

func (l *list) attention(c Config, prefix string, width int, linear bool) {
	hidden := c.Heads * c.HeadDim
	l.add(prefix+"fn.fn.to_qkv.weight", Uniform, width, 3*hidden, width, 1, 1)
	if linear {
		l.convolution(prefix+"fn.fn.to_out.0", hidden, width, 1, hidden)
		l.norm(prefix+"fn.fn.to_out.1", width)
	} else {
		l.convolution(prefix+"fn.fn.to_out", hidden, width, 1, hidden)
	}
	l.norm(prefix+"fn.norm", width)
}

// NumParameters returns the number of trainable numbers.
func (c Config) NumParameters() int {
	n := 0
	for _, p := range c.Parameters() {
		n += p.Size()
	}
	return n
}

// Init draws initial weights as PyTorch's defaults do: weights and biases of convolutions and
// linear maps uniform in ±1/√(fan-in), normalisations the identity. Scales and gains, which the
// paper's network does not have, begin without effect. The same generator state gives the same
// weights.
func (c Config) Init(rng *rand.Rand) Weights {
	w := Weights{}
	for _, p := range c.Parameters() {
		data := make([]float32, p.Size())
		for i := range data {
			switch p.Kind {
			case Uniform:
				data[i] = float32((2*rng.Float64() - 1) / math.Sqrt(float64(p.FanIn)))
			case One:
				data[i] = 1
			case Zero:
			}
		}
		w[p.Name] = Array{Shape: p.Shape, Data: data}
	}
	return w
}

// Check returns an error that lists every missing, unexpected and misshapen tensor of w.
func (c Config) Check(w Weights) error {
	var errs []error
	known := map[string]bool{}
	for _, p := range c.Parameters() {
		known[p.Name] = true
		a, ok := w[p.Name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", p.Name))
		case !slices.Equal(a.Shape, p.Shape):
			errs = append(errs, fmt.Errorf("%s has shape %v, want %v", p.Name, a.Shape, p.Shape))
		}
	}
	var extra []string
	for name := range w {
		if !known[name] {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		errs = append(errs, fmt.Errorf("%s is not a tensor of this network", name))
	}
	return errors.Join(errs...)
}
