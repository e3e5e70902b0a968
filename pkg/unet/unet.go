package unet

import (
	"encoding/json"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/network"
)

// Name is the name of the paper's network and its variants in checkpoints.
const Name = "unet"

// New returns the paper's network, changed by options.
//
// Source: the U-Net of Mudur, Cuesta-Lazaro and Finkbeiner (2023), after Ho et al. (2020).
func New(options ...Option) network.Network {
	b := builder{Config: Default(), name: Name}
	for _, option := range options {
		option(&b)
	}
	return b.network()
}

// Option changes the network of New.
type Option func(*builder)

// Width sets the number of channels of the first level; the paper has 64.
func Width(channels int) Option { return func(b *builder) { b.Dim = channels } }

// Levels sets the channels of each level over the width, from fine to coarse; the paper has 1, 2,
// 4, 8.
func Levels(multipliers ...int) Option { return func(b *builder) { b.Multipliers = multipliers } }

// WithoutAttention leaves the attention of all levels out.
func WithoutAttention() Option { return func(b *builder) { b.NoAttention = true } }

// Attention puts another layer [B, H, W, C] → [B, H, W, C] in the place of the linear attention of
// all levels. The network has another name, under which checkpoints know it.
func Attention(name string, f func(scope *model.Scope, x *Node) *Node) Option {
	return func(b *builder) { b.name, b.attention = Name+" with "+name, f }
}

// ConditionedBy sets how time and θ enter the blocks, and the number of hidden numbers of θ.
func ConditionedBy(c Conditioning, hidden int) Option {
	return func(b *builder) { b.Config = b.WithHidden(hidden); b.Conditioning = c }
}

// Filter adds a linear filter of the noised map with gains at so many wavenumbers.
func Filter(rings int) Option { return func(b *builder) { b.Rings = rings } }

// Patches lets the network see the means of squares of side×side pixels, and adds blocks of so many
// channels for what lies within the squares. It costs little more than a network for maps of that
// many squares. It is for networks that predict v by the paper's variance schedule.
func Patches(side, detail int) Option {
	return func(b *builder) { b.Patch, b.Detail = side, detail }
}

// builder is a network under construction.
type builder struct {
	Config
	name      string
	attention func(scope *model.Scope, x *Node) *Node // nil: the paper's
	// of activations: the first convolution and the last projection are float32 always
	activations dtypes.DType
}

// Network returns the network of a configuration, which must be valid.
func (c Config) Network() network.Network { return builder{Config: c, name: Name}.network() }

func (b builder) network() network.Network {
	text, err := json.Marshal(b.Config)
	if err != nil {
		panic(err) // numbers and strings
	}
	b.activations = dtypes.Float32
	n := network.Network{
		Name: b.name, Config: text, Func: b.predict,
		Width: max((b.Dim+b.Detail)/(b.patch()*b.patch()), 1),
		CheckSide: func(side int) error {
			if err := b.Validate(); err != nil {
				return err
			}
			return b.CheckSide(side)
		},
	}
	if b.attention == nil {
		b.activations = dtypes.BFloat16
		n.BFloat16 = b.predict
	}
	return n
}

// predict is the network's network.Func.
func (n builder) predict(scope *model.Scope, xt, timestep, theta *Node) *Node {
	batch, side := xt.Shape().Dim(0), xt.Shape().Dim(1)
	xt.AssertDims(batch, side, side, 1)
	timestep.AssertDims(batch)
	theta.AssertRank(2) // the manifest says how many parameters
	if n.patch() > 1 {
		return n.patched(scope, xt, timestep, theta)
	}
	out, _ := n.levels(scope, xt, timestep, theta, nil)
	return out
}

// resNet is a block of the network.
func (n builder) resNet(scope *model.Scope, name string, x *Node, c Condition, channels int) *Node {
	return ResNet(in(scope, name), x, c, Block{
		Channels: channels, Groups: n.Groups, Conditioning: n.Conditioning, Type: n.activations,
	})
}

// levels are the network of a map x [B, H, W, 1]: its output, as x, and the features [B, H, W, Dim]
// that the output is a projection of. detail, of any number of channels at the same pixels, is
// added to the first level through a projection that is 0 at first; nil: none.
func (n builder) levels(scope *model.Scope, x, timestep, theta, detail *Node) (out,
	features *Node,
) {
	c := Embed(scope, timestep, theta, n.Dim, n.hidden())
	resnet := func(name string, x *Node, channels int) *Node {
		return n.resNet(scope, name, x, c, channels)
	}
	attend := func(name string, x *Node) *Node {
		switch {
		case n.NoAttention:
			return x
		case n.attention != nil:
			return n.attention(in(scope, name), x)
		}
		return LinearAttention(in(scope, name), x, n.Heads, n.HeadDim)
	}
	input := x
	var skips []*Node
	for i := range n.Multipliers {
		level := fmt.Sprintf("downs.%d.", i)
		x = resnet(level+"0", x, n.channels(i))
		if i == 0 && detail != nil {
			x = Add(x, as(zeroPointwise(in(scope, "detail.to_level"), full(detail), n.Dim), x))
		}
		x = resnet(level+"1", x, n.channels(i))
		x = attend(level+"2", x)
		skips = append(skips, x)
		if i < n.Downsamplings() {
			x = Downsample(in(scope, level+"3"), x)
		}
	}
	x = resnet("mid_block1", x, x.Shape().Dim(-1))
	if !n.NoAttention {
		x = FullAttention(in(scope, "mid_attn"), x, n.Heads, n.HeadDim)
	}
	x = resnet("mid_block2", x, x.Shape().Dim(-1))
	for i := range n.Downsamplings() {
		level, channels := fmt.Sprintf("ups.%d.", i), n.channels(n.Downsamplings()-1-i)
		// The skip of level 0 is not used, as in the paper's code.
		x = Concatenate([]*Node{x, skips[len(skips)-1-i]}, -1)
		x = resnet(level+"0", x, channels)
		x = resnet(level+"1", x, channels)
		x = attend(level+"2", x)
		x = Upsample(in(scope, level+"3"), x)
	}
	x = resnet("final_conv.0", x, n.Dim)
	out = Pointwise(in(scope, "final_conv.1"), full(x), 1)
	if n.Rings > 0 {
		out = Add(out, filter(scope, input, c, n.Rings))
	}
	return out, x
}

// Parameters lists the network's tensors under PyTorch's names and in PyTorch's layout:
// convolutions [out, in, height, width], transposed ones [in, out, height, width], linear maps
// [out, in]. It panics for a configuration that Validate refuses.
func (c Config) Parameters() []network.Tensor {
	list, err := c.Network().Tensors(c.smallestSide(), c.ConditionDim)
	if err != nil {
		panic(err)
	}
	return list
}

// NumParameters returns the number of trainable numbers.
func (c Config) NumParameters() int { return network.NumParameters(c.Parameters()) }

// Init draws initial weights as PyTorch's defaults do: weights and biases of convolutions and
// linear maps uniform in ±1/√(fan-in), normalisations the identity. Scales and gains, which the
// paper's network does not have, begin without effect. It panics as Parameters does.
func (c Config) Init(seed uint64) network.Weights {
	// No variable is left to a backend.
	w, err := c.Network().Initial(nil, seed, c.smallestSide(), c.ConditionDim)
	if err != nil {
		panic(err)
	}
	return w
}

// Check returns an error that lists every missing, unexpected and misshapen tensor of w.
func (c Config) Check(w network.Weights) error { return network.Check(c.Parameters(), w) }
