package training

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/unet"
)

// Adam's constants, as in PyTorch.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// groups are the tensors that a training state holds for every tensor of the network.
var groups = []string{checkpoint.Weights, checkpoint.EMA, checkpoint.AdamM, checkpoint.AdamV}

// state holds the network's tensors on the device and the compiled graphs that use them.
type state struct {
	network unet.Config
	side    int
	store   *model.Store
	step    *model.Exec
	score   *model.Exec
}

// newState puts tensors on the backend: all groups of a resumed run, or weights alone for a new one.
func newState(b compute.Backend, network unet.Config, side int, loss Loss, schedule diffusion.Schedule, t checkpoint.Tensors) (*state, error) {
	s := &state{network: network, side: side, store: model.NewStore()}
	for _, group := range groups {
		for _, p := range network.Parameters() {
			a, ok := t[group+p.Name]
			switch {
			case ok:
			case group == checkpoint.EMA:
				a = t[p.Name]
			default:
				a = unet.Array{Shape: p.Shape, Data: make([]float32, p.Size())}
			}
			s.store.VariableWithValue(group+p.Name, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
		}
	}
	var err error
	if s.step, err = model.NewExec(b, s.store, s.stepGraph(loss, schedule)); err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	if s.score, err = model.NewExec(b, s.store, s.scoreGraph(schedule)); err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	return s, nil
}

// inputs of both graphs, in this order; the step has three more numbers.
func (s *state) tensors(b batch) []any {
	n := len(b.index)
	return []any{
		tensors.FromFlatDataAndDimensions(b.x0, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.epsilon, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.index, n),
		tensors.FromFlatDataAndDimensions(b.theta, n, 2),
	}
}

// predict builds the network on the noised maps of a batch, with the weights of a group.
func (s *state) predict(schedule diffusion.Schedule, group string, in []*Node) *Node {
	x0, noise, index, theta := in[0], in[1], in[2], in[3]
	weight := func(name string) *Node { return s.variable(group, name).NodeValue(x0.Graph()) }
	return unet.Predict(s.network, weight, diffusion.NoisedGraph(schedule, x0, index, noise), index, theta)
}

func (s *state) variable(group, name string) *model.Variable {
	return s.store.GetVariable("/" + group + name)
}

// stepGraph is one step of Adam and of the moving average; it returns the loss. Adam is written out because its learning
// rate and step number come from the host and its moments have names that checkpoints keep.
func (s *state) stepGraph(loss Loss, schedule diffusion.Schedule) func(*model.Scope, []*Node) *Node {
	return func(_ *model.Scope, in []*Node) *Node {
		g := in[0].Graph()
		predicted := s.predict(schedule, checkpoint.Weights, in)
		value := diffusion.HuberGraph(in[1], predicted)
		if loss == MeanSquare {
			value = diffusion.MeanSquareGraph(in[1], predicted)
		}
		parameters := s.network.Parameters()
		weights := make([]*Node, len(parameters))
		for i, p := range parameters {
			weights[i] = s.variable(checkpoint.Weights, p.Name).NodeValue(g)
		}
		gradients := Gradient(value, weights...)
		rate, decay, n := in[4], in[5], in[6]
		unbias1, unbias2 := OneMinus(Pow(ConstAs(n, beta1), n)), OneMinus(Pow(ConstAs(n, beta2), n))
		for i, p := range parameters {
			m, v := s.variable(checkpoint.AdamM, p.Name), s.variable(checkpoint.AdamV, p.Name)
			m1 := mix(beta1, m.NodeValue(g), gradients[i])
			m2 := mix(beta2, v.NodeValue(g), Square(gradients[i]))
			move := Div(Div(m1, unbias1), AddScalar(Sqrt(Div(m2, unbias2)), epsilon))
			w := Sub(weights[i], Mul(rate, move))
			average := s.variable(checkpoint.EMA, p.Name)
			average.SetNodeValue(Add(Mul(decay, average.NodeValue(g)), Mul(OneMinus(decay), w)))
			m.SetNodeValue(m1)
			v.SetNodeValue(m2)
			s.variable(checkpoint.Weights, p.Name).SetNodeValue(w)
		}
		return value
	}
}

// mix returns share·old + (1 − share)·fresh.
func mix(share float64, old, fresh *Node) *Node {
	return Add(MulScalar(old, share), MulScalar(fresh, 1-share))
}

// scoreGraph returns the mean squared error of the noise that the averaged weights predict.
func (s *state) scoreGraph(schedule diffusion.Schedule) func(*model.Scope, []*Node) *Node {
	return func(_ *model.Scope, in []*Node) *Node {
		return diffusion.MeanSquareGraph(in[1], s.predict(schedule, checkpoint.EMA, in))
	}
}

// advance takes step n and returns its loss.
func (s *state) advance(b batch, rate, decay float64, n int) (float64, error) {
	out, err := s.step.Call1(append(s.tensors(b), float32(rate), float32(decay), float32(n))...)
	if err != nil {
		return 0, fmt.Errorf("training: step %d: %w", n, err)
	}
	return scalar(out), nil
}

// validate returns the mean squared error of the noise over batches.
func (s *state) validate(batches []batch) (float64, error) {
	sum := 0.0
	for _, b := range batches {
		out, err := s.score.Call1(s.tensors(b)...)
		if err != nil {
			return 0, fmt.Errorf("training: validation: %w", err)
		}
		sum += scalar(out)
	}
	return sum / float64(len(batches)), nil
}

func scalar(t *tensors.Tensor) float64 { return float64(tensors.ToScalar[float32](t)) }

// read copies the tensors of some groups from the device.
func (s *state) read(groups ...string) (checkpoint.Tensors, error) {
	out := checkpoint.Tensors{}
	for _, group := range groups {
		for _, p := range s.network.Parameters() {
			value, err := s.variable(group, p.Name).Value()
			if err != nil {
				return nil, fmt.Errorf("training: read %s%s: %w", group, p.Name, err)
			}
			data, err := tensors.CopyFlatData[float32](value)
			if err != nil {
				return nil, fmt.Errorf("training: read %s%s: %w", group, p.Name, err)
			}
			out[group+p.Name] = unet.Array{Shape: p.Shape, Data: data}
		}
	}
	return out, nil
}
