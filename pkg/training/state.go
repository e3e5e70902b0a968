package training

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/unet"
)

// groups are the tensors that a training state holds for every tensor of the network.
var groups = []string{checkpoint.Weights, checkpoint.EMA, checkpoint.AdamM, checkpoint.AdamV}

// state holds the network's tensors on the device and the compiled graphs that use them. Nothing but batches, a few numbers and
// the loss pass between host and device: GoMLX donates the buffers of variables that a graph replaces. A step is two graphs: what
// replaces tensors holds them twice, which is a lot beside all that the gradient needs but little after it.
type state struct {
	backend  compute.Backend
	network  unet.Config
	recipe   Config
	side     int
	store    *model.Store
	gradient *model.Exec
	update   *model.Exec
	score    *model.Exec
	compiled map[*model.Exec]bool
}

// newState puts tensors on the backend: all groups of a resumed run, or weights alone for a new one.
func newState(b compute.Backend, network unet.Config, side int, recipe Config, schedule diffusion.Schedule, t checkpoint.Tensors) (*state, error) {
	s := &state{compiled: map[*model.Exec]bool{}, backend: b, network: network, recipe: recipe, side: side, store: model.NewStore()}
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
			value := tensors.FromFlatDataAndDimensions(a.Data, a.Shape...)
			if err := value.MaterializeOnDevice(b, false, 0); err != nil {
				return nil, fmt.Errorf("training: put %s%s on the backend: %s", group, p.Name, oneLine(err))
			}
			value.FinalizeLocal() // or the host keeps a copy of it
			s.store.VariableWithValue(group+p.Name, value)
		}
	}
	for exec, graph := range map[**model.Exec]func(*model.Scope, []*Node) []*Node{
		&s.gradient: s.gradientGraph(schedule), &s.update: s.updateGraph, &s.score: s.scoreGraph(schedule),
	} {
		var err error
		if *exec, err = model.NewExec(b, s.store, graph); err != nil {
			return nil, fmt.Errorf("training: %s", oneLine(err))
		}
	}
	return s, nil
}

// close frees the compiled graphs and the tensors on the device.
func (s *state) close() {
	for _, exec := range []*model.Exec{s.gradient, s.update, s.score} {
		exec.Finalize()
	}
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

// gradientGraph returns the loss and its gradient by each parameter.
func (s *state) gradientGraph(schedule diffusion.Schedule) func(*model.Scope, []*Node) []*Node {
	return func(_ *model.Scope, in []*Node) []*Node {
		predicted := s.predict(schedule, checkpoint.Weights, in)
		errors := diffusion.HuberGraph(in[1], predicted)
		if s.recipe.Loss == MeanSquare {
			errors = diffusion.SquareGraph(in[1], predicted)
		}
		loss := ReduceAllMean(Mul(errors, diffusion.WeightGraph(schedule, s.recipe.Weighting, in[2])))
		var weights []*Node
		for _, p := range s.network.Parameters() {
			weights = append(weights, s.variable(checkpoint.Weights, p.Name).NodeValue(loss.Graph()))
		}
		return append([]*Node{loss}, Gradient(loss, weights...)...)
	}
}

// updateGraph takes a step of Adam and of the moving average from the step's numbers and the gradients. Adam is written out and not taken
// from GoMLX: its rate comes from the host each step, and its moments have the names that checkpoints keep.
func (s *state) updateGraph(_ *model.Scope, in []*Node) []*Node {
	g := in[0].Graph()
	a, decay := Adam{Rate: in[0], Spread: in[1]}, in[2]
	gradients := ClipNorm(in[3:], s.recipe.ClipNorm)
	for i, p := range s.network.Parameters() {
		weight, average := s.variable(checkpoint.Weights, p.Name), s.variable(checkpoint.EMA, p.Name)
		m, v := s.variable(checkpoint.AdamM, p.Name), s.variable(checkpoint.AdamV, p.Name)
		w, m1, v1 := a.Update(weight.NodeValue(g), m.NodeValue(g), v.NodeValue(g), gradients[i])
		average.SetNodeValue(Add(Mul(decay, average.NodeValue(g)), Mul(OneMinus(decay), w)))
		m.SetNodeValue(m1)
		v.SetNodeValue(v1)
		weight.SetNodeValue(w)
	}
	return nil
}

// scoreGraph returns the mean squared error of the noise that the averaged weights predict.
func (s *state) scoreGraph(schedule diffusion.Schedule) func(*model.Scope, []*Node) []*Node {
	return func(_ *model.Scope, in []*Node) []*Node {
		return []*Node{ReduceAllMean(diffusion.SquareGraph(in[1], s.predict(schedule, checkpoint.EMA, in)))}
	}
}

// advance takes step n and returns its loss.
func (s *state) advance(b batch, rate, decay float64, n int) (float64, error) {
	loss, gradients, err := s.call(s.gradient, b)
	if err == nil {
		rate, spread := Unbias(rate, n)
		err = s.replace(gradients, float32(rate), float32(spread), float32(decay))
	}
	if err != nil {
		return 0, fmt.Errorf("training: step %d: %s", n, oneLine(err))
	}
	return loss, nil
}

// replace updates all tensors from the gradients, which are used up.
func (s *state) replace(gradients []*tensors.Tensor, numbers ...float32) error {
	var args []any
	for _, x := range numbers {
		args = append(args, x)
	}
	for _, t := range gradients {
		given, err := DonateTensorBuffer(t, s.backend, 0)
		if err != nil {
			return err
		}
		args = append(args, given)
	}
	_, err := s.update.Call(args...)
	s.tidy(s.update)
	return err
}

// tidy gives back what compiling a graph at its first call left.
func (s *state) tidy(exec *model.Exec) {
	if !s.compiled[exec] {
		s.compiled[exec] = true
		backend.ReturnMemory()
	}
}

// validate returns the mean squared error of the noise over batches.
func (s *state) validate(batches []batch) (float64, error) {
	sum := 0.0
	for _, b := range batches {
		value, _, err := s.call(s.score, b)
		if err != nil {
			return 0, fmt.Errorf("training: validation: %s", oneLine(err))
		}
		sum += value
	}
	return sum / float64(len(batches)), nil
}

// call runs a graph on a batch and frees what it put on the device. It returns the graph's first output, a number, and leaves the
// others there.
func (s *state) call(exec *model.Exec, b batch) (value float64, rest []*tensors.Tensor, err error) {
	inputs := s.inputs(b)
	out, err := exec.Call(inputs...)
	if err != nil {
		return 0, nil, err
	}
	value = float64(tensors.ToScalar[float32](out[0])) // waits for the graph
	if err := out[0].FinalizeAll(); err != nil {
		return 0, nil, err
	}
	s.tidy(exec)
	return value, out[1:], free(inputs)
}

// compile compiles the graph that needs most before it runs, so that what compiling leaves behind is given back first.
func (s *state) compile(b batch) error {
	inputs := s.inputs(b)
	if err := s.gradient.PreCompile(inputs...); err != nil {
		return fmt.Errorf("training: %s", oneLine(err))
	}
	backend.ReturnMemory()
	return free(inputs)
}

// inputs are what graphs take of a batch.
func (s *state) inputs(b batch) []any {
	n := len(b.index)
	return []any{
		tensors.FromFlatDataAndDimensions(b.x0, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.epsilon, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.index, n),
		tensors.FromFlatDataAndDimensions(b.theta, n, 2),
	}
}

func free(inputs []any) error {
	for _, t := range inputs {
		if err := t.(*tensors.Tensor).FinalizeAll(); err != nil {
			return err
		}
	}
	return nil
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
			value.FinalizeLocal()
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
