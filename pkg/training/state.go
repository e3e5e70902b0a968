package training

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/unet"
)

// Groups are the tensors that a training state holds for every tensor of the network.
var Groups = []string{checkpoint.Weights, checkpoint.EMA, checkpoint.AdamM, checkpoint.AdamV}

// state holds the network's tensors on the device and the compiled graphs that use them. Between steps nothing but batches,
// five numbers and the loss pass between host and device: GoMLX donates the buffers of variables that a graph replaces.
type state struct {
	network unet.Config
	recipe  Config
	side    int
	store   *model.Store
	step    *model.Exec
	score   *model.Exec
}

// NewStore returns the variables of a training: all Groups of a resumed run, or weights alone, which are the first average, too; Adam's moments
// begin at 0.
func NewStore(parameters []unet.Tensor, t checkpoint.Tensors) *model.Store {
	store := model.NewStore()
	for _, group := range Groups {
		for _, p := range parameters {
			a, ok := t[group+p.Name]
			switch {
			case ok:
			case group == checkpoint.EMA:
				a = t[p.Name]
			default:
				a = unet.Array{Shape: p.Shape, Data: make([]float32, p.Size())}
			}
			store.VariableWithValue(group+p.Name, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
		}
	}
	return store
}

// newState puts tensors on the backend: all groups of a resumed run, or weights alone for a new one.
func newState(b compute.Backend, network unet.Config, side int, recipe Config, schedule diffusion.Schedule, t checkpoint.Tensors) (*state, error) {
	s := &state{network: network, recipe: recipe, side: side, store: NewStore(network.Parameters(), t)}
	var err error
	if s.step, err = model.NewExec(b, s.store, s.stepGraph(schedule)); err != nil {
		return nil, fmt.Errorf("training: %s", oneLine(err))
	}
	if s.score, err = model.NewExec(b, s.store, s.scoreGraph(schedule)); err != nil {
		return nil, fmt.Errorf("training: %s", oneLine(err))
	}
	return s, nil
}

// close frees the compiled graphs and the tensors on the device.
func (s *state) close() {
	s.step.Finalize()
	s.score.Finalize()
	s.store.Finalize()
}

// predict returns the noise that the network sees in the noised maps of a batch, with the weights of a group.
func (s *state) predict(schedule diffusion.Schedule, group string, in []*Node) *Node {
	x0, noise, index, theta := in[0], in[1], in[2], in[3]
	weight := func(name string) *Node { return s.variable(group, name).NodeValue(x0.Graph()) }
	xt := diffusion.NoisedGraph(schedule, x0, index, noise)
	return diffusion.EpsilonGraph(schedule, s.recipe.Prediction, unet.Predict(s.network, weight, xt, index, theta), xt, index)
}

func (s *state) variable(group, name string) *model.Variable {
	return s.store.GetVariable("/" + group + name)
}

// stepGraph is one step of Adam and of the moving average; it returns the loss. Adam is written out and not taken from GoMLX:
// its rate comes from the host each step, and its moments have the names that checkpoints keep.
func (s *state) stepGraph(schedule diffusion.Schedule) func(*model.Scope, []*Node) *Node {
	return func(_ *model.Scope, in []*Node) *Node {
		g := in[0].Graph()
		predicted := s.predict(schedule, checkpoint.Weights, in)
		errors := diffusion.HuberGraph(in[1], predicted)
		if s.recipe.Loss == MeanSquare {
			errors = diffusion.SquareGraph(in[1], predicted)
		}
		value := ReduceAllMean(Mul(errors, diffusion.WeightGraph(schedule, s.recipe.Weighting, in[2])))
		parameters := s.network.Parameters()
		weights := make([]*Node, len(parameters))
		for i, p := range parameters {
			weights[i] = s.variable(checkpoint.Weights, p.Name).NodeValue(g)
		}
		gradients := ClipNorm(Gradient(value, weights...), s.recipe.ClipNorm)
		a, decay := Adam{Rate: in[4], Spread: in[5]}, in[6]
		for i, p := range parameters {
			m, v := s.variable(checkpoint.AdamM, p.Name), s.variable(checkpoint.AdamV, p.Name)
			w, m1, v1 := a.Update(weights[i], m.NodeValue(g), v.NodeValue(g), gradients[i])
			average := s.variable(checkpoint.EMA, p.Name)
			average.SetNodeValue(Add(Mul(decay, average.NodeValue(g)), Mul(OneMinus(decay), w)))
			m.SetNodeValue(m1)
			v.SetNodeValue(v1)
			s.variable(checkpoint.Weights, p.Name).SetNodeValue(w)
		}
		return value
	}
}

// scoreGraph returns the mean squared error of the noise that the averaged weights predict.
func (s *state) scoreGraph(schedule diffusion.Schedule) func(*model.Scope, []*Node) *Node {
	return func(_ *model.Scope, in []*Node) *Node {
		return ReduceAllMean(diffusion.SquareGraph(in[1], s.predict(schedule, checkpoint.EMA, in)))
	}
}

// advance takes step n and returns its loss.
func (s *state) advance(b batch, rate, decay float64, n int) (float64, error) {
	rate, spread := Unbias(rate, n)
	loss, err := s.call(s.step, b, float32(rate), float32(spread), float32(decay))
	if err != nil {
		return 0, fmt.Errorf("training: step %d: %s", n, oneLine(err))
	}
	return loss, nil
}

// validate returns the mean squared error of the noise over batches.
func (s *state) validate(batches []batch) (float64, error) {
	sum := 0.0
	for _, b := range batches {
		value, err := s.call(s.score, b)
		if err != nil {
			return 0, fmt.Errorf("training: validation: %s", oneLine(err))
		}
		sum += value
	}
	return sum / float64(len(batches)), nil
}

// call runs a graph on a batch and frees what it put on the device.
func (s *state) call(exec *model.Exec, b batch, numbers ...float32) (float64, error) {
	n := len(b.index)
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.x0, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.epsilon, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.index, n),
		tensors.FromFlatDataAndDimensions(b.theta, n, 2),
	}
	for _, x := range numbers {
		inputs = append(inputs, tensors.FromScalar(x))
	}
	args := make([]any, len(inputs))
	for i, t := range inputs {
		args[i] = t
	}
	out, err := exec.Call1(args...)
	if err != nil {
		return 0, err
	}
	value := float64(tensors.ToScalar[float32](out)) // waits for the step
	for _, t := range append(inputs, out) {
		if err := t.FinalizeAll(); err != nil {
			return 0, err
		}
	}
	return value, nil
}

// read copies the tensors of some groups from the device. A value that is not finite is an error, so that no such
// checkpoint is written: the loss shows it only a step later.
func (s *state) read(groups ...string) (checkpoint.Tensors, error) {
	out := checkpoint.Tensors{}
	for _, group := range groups {
		for _, p := range s.network.Parameters() {
			value, err := s.variable(group, p.Name).Value()
			if err != nil {
				return nil, fmt.Errorf("training: read %s%s: %s", group, p.Name, oneLine(err))
			}
			data, err := tensors.CopyFlatData[float32](value)
			if err != nil {
				return nil, fmt.Errorf("training: read %s%s: %s", group, p.Name, oneLine(err))
			}
			for _, x := range data {
				if !finite(float64(x)) {
					return nil, fmt.Errorf("%w: %s%s holds %g", ErrNotFinite, group, p.Name, x)
				}
			}
			out[group+p.Name] = unet.Array{Shape: p.Shape, Data: data}
		}
	}
	return out, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// oneLine joins the lines of an error of several faults.
func oneLine(err error) string { return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ") }
