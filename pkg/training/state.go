package training

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/network"
)

// state holds the network's tensors on the device, or on each, and the graphs that use them. Only
// batches, three numbers and the loss pass between host and device. A step is a graph of the
// gradient followed by an update graph for each portion of the tensors, since an update holds old
// and new tensors at once; or, with Config.Fused, one graph, whose loss stays on the device until
// it is asked for.
type state struct {
	network   network.Network // in float32
	trained   network.Network // in the precision of the recipe
	recipe    Config
	loss      func(truth, predicted *Node) *Node
	side      int
	variables *Variables
	fused     *Program          // all of a step; nil: the gradient and the updates
	unread    []*tensors.Tensor // losses of fused steps
	gradient  gradient
	portions  [][]network.Tensor
	updates   []*Program // one a portion
	score     *Program
}

// stepNumbers is the number of numbers of a step that the optimiser takes from the host.
const stepNumbers = 4

// newState puts tensors on the backend: all groups of a resumed run, or weights alone for a new
// one.
func newState(b compute.Backend, j Job, list []network.Tensor, schedule diffusion.Schedule,
	t checkpoint.Tensors,
) (*state, error) {
	s := &state{network: j.Network, recipe: j.Config, side: j.Data.Side}
	var err error
	if s.trained, err = j.Network.In(j.Config.Precision); err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	if s.loss, err = j.loss(); err != nil {
		return nil, err
	}
	if s.variables, err = NewReplicatedVariables(b, s.recipe.devices(), list, t); err != nil {
		return nil, fmt.Errorf("training: %s", faults.OneLine(err))
	}
	s.portions = s.variables.Portions()
	program := func(graph func([]*Node) []*Node) (p *Program) {
		if err == nil {
			p, err = s.variables.NewProgram(graph)
		}
		return p
	}
	s.score = program(s.scoreGraph(schedule))
	if s.recipe.devices() > 1 ||
		s.recipe.Fused && s.recipe.microBatches(widthOf(s.network), s.side) == 1 {
		if err == nil {
			s.fused, err = s.variables.NewReplicatedProgram(s.fusedGraph(schedule))
		}
	} else {
		s.gradient = s.newGradient(schedule, program)
		for _, portion := range s.portions {
			s.updates = append(s.updates, program(s.updateGraph(portion)))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("training: %s", faults.OneLine(err))
	}
	return s, nil
}

// close frees the compiled graphs and the tensors on the device.
func (s *state) close() {
	for _, program := range append(append(s.updates, s.score), s.gradient.programs()...) {
		program.Close()
	}
	if s.fused != nil {
		s.fused.Close()
	}
	_ = free(s.unread)
	_ = s.variables.Close() // the run is over
}

// predict returns the noise that the network predicts in the noised maps of a batch with the
// weights of a group.
func (s *state) predict(n network.Network, schedule diffusion.Schedule, group string, in []*Node,
) *Node {
	x0, noise, index, theta := in[0], in[1], in[2], in[3]
	xt := diffusion.NoisedGraph(schedule, x0, index, noise)
	return diffusion.EpsilonGraph(schedule, s.recipe.Prediction,
		n.Predict(s.variables.Scope(group), xt, index, theta), xt, index)
}

// updateGraph is the optimiser step and the moving average of some parameters, from the numbers of
// the step, the squared norm of all gradients where they are clipped, and the gradients. It does
// not use GoMLX's Adam, since the rate comes from the host and the moments have the names of the
// checkpoints.
func (s *state) updateGraph(list []network.Tensor) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		numbers, gradients := in[:stepNumbers], in[stepNumbers:]
		if s.recipe.ClipNorm > 0 {
			gradients = scaled(gradients[1:], clipScale(gradients[0], s.recipe.ClipNorm))
		}
		return s.optimise(list, numbers, gradients)
	}
}

// optimise returns the outputs that replace tensors, from the numbers of a step and the gradients.
func (s *state) optimise(list []network.Tensor, numbers, gradients []*Node) []*Node {
	a, decay := Adam{Rate: numbers[0], SecondMomentScale: numbers[1]}, numbers[2]
	if s.recipe.Optimiser == MuonOptimiser {
		a.LearningRate = numbers[3]
	}
	return s.variables.OptimiserStep(list, gradients, a, decay, nil)
}

// fusedGraph is a whole step, from a batch, or the share of it that a device has, and the numbers
// of the step: the loss, then the outputs that replace all tensors. All devices have the same of
// both.
func (s *state) fusedGraph(schedule diffusion.Schedule) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		loss := s.lossGraph(schedule, in)
		means := s.variables.Average(append([]*Node{loss}, s.variables.Gradients(loss)...))
		gradients := ClipNorm(means[1:], s.recipe.ClipNorm)
		numbers := in[len(in)-stepNumbers:]
		return append(means[:1:1], s.optimise(s.variables.Tensors(), numbers, gradients)...)
	}
}

// scoreGraph returns the mean squared error of the noise that the averaged weights predict, in
// float32.
func (s *state) scoreGraph(schedule diffusion.Schedule) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		predicted := s.predict(s.network, schedule, checkpoint.EMA, in)
		return []*Node{ReduceAllMean(diffusion.SquareGraph(in[1], predicted))}
	}
}

// advance takes step n and returns the losses of the last steps, oldest first: of this step or, of
// fused ones, of all since losses were read, which is where read is true.
func (s *state) advance(b batch, rate, decay float64, n int, read bool) ([]float64, error) {
	fail := func(err error) ([]float64, error) {
		return nil, fmt.Errorf("training: step %d: %s", n, faults.OneLine(err))
	}
	corrected, secondMomentScale := BiasCorrections(rate, n)
	numbers := []float64{corrected, secondMomentScale, decay, rate}
	step := s.split
	if s.fused != nil {
		step = s.whole
	}
	losses, err := step(b, numbers, read)
	if err != nil {
		return fail(err)
	}
	return losses, nil
}

// scalars returns tensors of numbers.
func scalars(numbers []float64) []*tensors.Tensor {
	out := make([]*tensors.Tensor, len(numbers))
	for i, v := range numbers {
		out[i] = tensors.FromScalar(float32(v))
	}
	return out
}

// whole takes a fused step, for which each device has a share of the batch.
func (s *state) whole(b batch, numbers []float64, read bool) ([]float64, error) {
	var inputs []*tensors.Tensor
	size := len(b.timestep) / s.recipe.devices()
	for d := range s.recipe.devices() {
		inputs = append(append(inputs, s.inputs(b.microBatch(d*size, size))...), scalars(numbers)...)
	}
	out, err := s.variables.Step(s.fused, s.variables.Tensors(), toAny(inputs)...)
	if err != nil {
		return nil, err
	}
	s.unread = append(s.unread, out[0])
	if err := free(append(inputs, out[1:]...)); err != nil || !read {
		return nil, err
	}
	var losses []float64
	for _, t := range s.unread {
		losses = append(losses, float64(tensors.ToScalar[float32](t)))
	}
	err = free(s.unread)
	s.unread = nil
	return losses, err
}

// split takes a step as a gradient and updates, portion by portion.
func (s *state) split(b batch, numbers []float64, _ bool) ([]float64, error) {
	loss, gradients, norm, err := s.gradient.of(b)
	if err != nil {
		return nil, err
	}
	inputs := scalars(numbers)
	if norm != nil {
		inputs = append(inputs, norm)
	}
	for i, portion := range s.portions {
		of := gradients[:len(portion)]
		gradients = gradients[len(portion):]
		if _, err := s.variables.Step(s.updates[i], portion,
			append(toAny(inputs), toAny(of)...)...); err != nil {
			return nil, err
		}
		if err := free(of); err != nil {
			return nil, err
		}
	}
	if err := free(inputs); err != nil {
		return nil, err
	}
	// The memory of the old tensors would come on top of that of the next gradient.
	if len(s.portions) > 1 {
		backend.ReturnMemory()
	}
	return []float64{loss}, nil
}

// validate returns the mean squared error of the noise over batches.
func (s *state) validate(batches []batch) (float64, error) {
	sum := 0.0
	for _, b := range batches {
		inputs := s.inputs(b)
		out, err := s.score.Run(toAny(inputs)...)
		if err != nil {
			return 0, fmt.Errorf("training: validation: %s", faults.OneLine(err))
		}
		value, err := number(out, inputs)
		if err != nil {
			return 0, fmt.Errorf("training: validation: %s", faults.OneLine(err))
		}
		sum += value
	}
	return sum / float64(len(batches)), nil
}

// inputs returns the tensors of a batch that graphs take.
func (s *state) inputs(b batch) []*tensors.Tensor {
	n := len(b.timestep)
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.x0, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.epsilon, n, s.side, s.side, 1),
		tensors.FromFlatDataAndDimensions(b.timestep, n),
		tensors.FromFlatDataAndDimensions(b.theta, n, len(b.theta)/n),
	}
}

func toAny(inputs []*tensors.Tensor) []any {
	out := make([]any, len(inputs))
	for i, t := range inputs {
		out[i] = t
	}
	return out
}

// number returns the only number that a graph returned, and frees it and the inputs.
func number(out, inputs []*tensors.Tensor) (float64, error) {
	value := float64(tensors.ToScalar[float32](out[0]))
	return value, free(append(inputs, out[0]))
}

func free(values []*tensors.Tensor) error {
	for _, t := range values {
		if err := t.FinalizeAll(); err != nil {
			return err
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
