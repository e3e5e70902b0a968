package training

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
)

// Groups are the tensors that a training holds for every tensor of the network.
var Groups = []string{checkpoint.Weights, checkpoint.EMA, checkpoint.AdamM, checkpoint.AdamV}

// Variables are the tensors of a training on the device. In graphs they are variables of a GoMLX
// store: weights in the root scope, the other groups in scopes of their own, so that the function
// of a network run in a group's scope uses the tensors of that group. Their values are kept here
// and not in the store, so that a graph can be compiled before it runs, and old values freed as
// soon as they are replaced.
type Variables struct {
	backend compute.Backend
	tensors []network.Tensor
	store   *model.Store
	devices int
	values  map[string][]*tensors.Tensor // by group and name, one a device
}

// NewVariables puts tensors on the first device: all Groups of a resumed run, or weights alone,
// which are the first average, too; Adam's moments begin at 0.
func NewVariables(b compute.Backend, list []network.Tensor, t checkpoint.Tensors,
) (*Variables, error) {
	return NewReplicatedVariables(b, 1, list, t)
}

// NewReplicatedVariables is NewVariables with the same tensors on each of the first devices.
func NewReplicatedVariables(b compute.Backend, devices int, list []network.Tensor,
	t checkpoint.Tensors,
) (*Variables, error) {
	v := &Variables{
		backend: b, tensors: list, store: model.NewStore(), devices: devices,
		values: map[string][]*tensors.Tensor{},
	}
	for _, p := range list {
		if first, _, _ := strings.Cut(p.Name, "."); first == "ema" || first == "adam" {
			return nil, fmt.Errorf("the network has a variable %s: checkpoints keep averages and moments "+
				"under ema and adam, choose another name", p.Name)
		}
	}
	for _, group := range Groups {
		for _, p := range list {
			a, ok := t[group+p.Name]
			switch {
			case ok:
			case group == checkpoint.EMA:
				a = t[p.Name]
			default:
				a = network.Array{Shape: p.Shape, Data: make([]float32, p.Size())}
			}
			for d := range devices {
				value := tensors.FromFlatDataAndDimensions(a.Data, a.Shape...)
				if d == 0 {
					v.store.VariableWithShape(path(group+p.Name), value.Shape(), nil)
				}
				if err := value.MaterializeOnDevice(b, false, compute.DeviceNum(d)); err != nil {
					return nil,
						errors.Join(fmt.Errorf("put %s%s on the backend: %w", group, p.Name, err), v.Close())
				}
				value.FinalizeLocal() // frees the host's copy
				v.values[group+p.Name] = append(v.values[group+p.Name], value)
			}
		}
	}
	return v, nil
}

// path returns the path in the store of a tensor of a checkpoint.
func path(name string) string { return "/" + strings.ReplaceAll(name, ".", "/") }

// Close frees the tensors.
func (v *Variables) Close() error {
	var errs []error
	for _, values := range v.values {
		errs = append(errs, free(values))
	}
	return errors.Join(errs...)
}

// Tensors lists the network's tensors.
func (v *Variables) Tensors() []network.Tensor { return v.tensors }

// Scope returns the scope of the tensors of a group.
func (v *Variables) Scope(group string) *model.Scope {
	return v.store.Scope(path(strings.TrimSuffix(group, ".")))
}

// Node returns a tensor of a group in a graph.
func (v *Variables) Node(g *Graph, group string, t network.Tensor) *Node {
	return v.store.GetVariable(path(group + t.Name)).NodeValue(g)
}

// Gradients returns those of a loss by the weights.
func (v *Variables) Gradients(loss *Node) []*Node {
	weights := make([]*Node, len(v.tensors))
	for i, t := range v.tensors {
		weights[i] = v.Node(loss.Graph(), checkpoint.Weights, t)
	}
	return Gradient(loss, weights...)
}

// portion is the number of numbers of each group that are replaced at a time, unless a tensor is
// larger.
const portion = 4 << 20

// Portions returns the tensors in portions for one update each, so that only one portion is held
// twice at a time.
func (v *Variables) Portions() [][]network.Tensor {
	var out [][]network.Tensor
	size := portion
	for _, p := range v.tensors {
		if size+p.Size() > portion {
			out, size = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], p)
		size += p.Size()
	}
	return out
}

// Step runs a graph whose last outputs, those of OptimiserStep, replace all Groups of some tensors,
// and returns its other outputs, device by device. The old tensors are freed at once. They are not
// donated to the graph, which does not alias inputs and outputs; donated tensors would wait for
// Go's garbage collector.
func (v *Variables) Step(p *Program, list []network.Tensor,
	inputs ...any,
) ([]*tensors.Tensor, error) {
	out, err := p.Run(inputs...)
	if err != nil {
		return nil, err
	}
	each := len(out) / p.exec.NumDevices()
	var rest []*tensors.Tensor
	for d := range p.exec.NumDevices() {
		out := out[d*each : (d+1)*each]
		others := each - len(Groups)*len(list)
		rest = append(rest, out[:others]...)
		for i, group := range Groups {
			for j, t := range list {
				old := v.values[group+t.Name][d]
				v.values[group+t.Name][d] = out[others+i*len(list)+j]
				if err := old.FinalizeAll(); err != nil {
					return nil, err
				}
			}
		}
	}
	return rest, nil
}

// ErrNotFinite is the error of a training whose numbers are no longer finite.
var ErrNotFinite = errors.New("a value is not finite")

// Read copies the tensors of some groups from the first device. A value that is not finite is an
// error that wraps ErrNotFinite, so that no such checkpoint is written; the loss would show it a
// step later.
func (v *Variables) Read(groups ...string) (checkpoint.Tensors, error) {
	out := checkpoint.Tensors{}
	for _, group := range groups {
		for _, p := range v.tensors {
			value := v.values[group+p.Name][0]
			data, err := tensors.CopyFlatData[float32](value)
			if err != nil {
				return nil, fmt.Errorf("read %s%s: %w", group, p.Name, err)
			}
			value.FinalizeLocal()
			for _, x := range data {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					return nil, fmt.Errorf("%w: %s%s holds %g", ErrNotFinite, group, p.Name, x)
				}
			}
			out[group+p.Name] = network.Array{Shape: p.Shape, Data: data}
		}
	}
	return out, nil
}

// Program is a graph that may use Variables.
type Program struct {
	variables *Variables
	exec      *Exec
	compiled  bool
	inputs    map[*Graph][]variableInput
}

// variableInput is the place of a tensor among the inputs of a compiled graph.
type variableInput struct {
	name   string
	handle ParameterHandle
}

// NewProgram returns a program of a graph; it is compiled when it first runs.
func (v *Variables) NewProgram(graph func(in []*Node) []*Node) (*Program, error) {
	exec, err := NewExec(v.backend, func(in []*Node) []*Node {
		g := in[0].Graph()
		model.SetStore(g, v.store)
		v.store.SetTraining(g, true)
		out := graph(in)
		v.refuseOthers(g)
		return out
	})
	if err != nil {
		return nil, err
	}
	p := &Program{variables: v, exec: exec, inputs: map[*Graph][]variableInput{}}
	exec.SetSideParamsHook(p.feed)
	return p, nil
}

// NewReplicatedProgram returns a program that runs on all devices of the variables at once, each of
// which has inputs and outputs of its own, device by device.
func (v *Variables) NewReplicatedProgram(graph func(in []*Node) []*Node) (*Program, error) {
	p, err := v.NewProgram(graph)
	if err != nil || v.devices == 1 {
		return p, err
	}
	mesh, err := distributed.NewDeviceMesh([]int{v.devices}, []string{"batch"})
	if err == nil {
		p.exec.SPMD(mesh)
	}
	return p, err
}

// Average returns the means of values over the devices of the program that they are of.
func (v *Variables) Average(values []*Node) []*Node {
	if v.devices == 1 {
		return values
	}
	sums := values[0].Graph().Distributed().AllReduce(values, compute.ReduceOpSum)
	for i, sum := range sums {
		sums[i] = DivScalar(sum, float64(v.devices))
	}
	return sums
}

// refuseOthers panics where a graph uses variables that are no tensors of the network: their values
// would have to change from step to step.
func (v *Variables) refuseOthers(g *Graph) {
	for other := range v.store.IterVariables() {
		name := strings.ReplaceAll(other.Path()[1:], "/", ".")
		if v.values[name] == nil && other.InUseByGraph(g) {
			panic(fmt.Errorf("the network uses the variable %s, which it does not train: layers that draw "+
				"random numbers (dropout) or keep averages (batch normalisation) cannot be used", name))
		}
	}
}

// feed gives a graph the values of the variables that it uses.
func (p *Program) feed(g *Graph, buffers []compute.Buffer, _ []bool) error {
	inputs, ok := p.inputs[g]
	if !ok {
		inputs = p.variables.inputs(g)
		p.inputs[g] = inputs
	}
	devices := p.exec.NumDevices()
	each := len(buffers) / devices
	for _, input := range inputs {
		for d := range devices {
			value := p.variables.values[input.name][d]
			buffer, err := value.Buffer(p.variables.backend, compute.DeviceNum(d))
			if err != nil {
				return fmt.Errorf("feed %s: %w", input.name, err)
			}
			buffers[d*each+int(input.handle)] = buffer
		}
	}
	return nil
}

// inputs returns the tensors that a graph uses.
func (v *Variables) inputs(g *Graph) []variableInput {
	var out []variableInput
	for name := range v.values {
		variable := v.store.GetVariable(path(name))
		if variable.InUseByGraph(g) {
			out = append(out, variableInput{name, variable.NodeValue(g).GetParameterHandle()})
		}
	}
	return out
}

// Close frees the compiled graph.
func (p *Program) Close() { p.exec.Finalize() }

// Run runs a graph and returns its outputs.
func (p *Program) Run(inputs ...any) ([]*tensors.Tensor, error) {
	if err := p.compile(inputs); err != nil {
		return nil, err
	}
	return p.exec.Call(inputs...)
}

// compile compiles before the graph first runs, so that the compiler's memory is returned before
// the graph needs its own.
func (p *Program) compile(inputs []any) error {
	if p.compiled {
		return nil
	}
	if err := p.exec.PreCompile(inputs...); err != nil {
		return err
	}
	p.compiled = true
	backend.ReturnMemory()
	return nil
}

// OptimiserStep takes a step of an optimiser and of the moving average for each tensor of a list
// and returns the outputs that replace Groups. shrink is the share by which weights other than
// biases decay besides; nil is none.
func (v *Variables) OptimiserStep(list []network.Tensor, gradients []*Node, a Adam, decay,
	shrink *Node,
) []*Node {
	g := decay.Graph()
	out := make([]*Node, len(Groups)*len(list))
	for i, t := range list {
		old, m, second := v.Node(g, checkpoint.Weights, t), v.Node(g, checkpoint.AdamM, t),
			v.Node(g, checkpoint.AdamV, t)
		var w *Node
		if a.LearningRate != nil && byMuon(t) {
			w, m = muon(a.LearningRate, old, m, gradients[i])
		} else {
			w, m, second = a.Update(old, m, second, gradients[i])
		}
		if shrink != nil && len(t.Shape) > 1 {
			w = Sub(w, Mul(shrink, old))
		}
		average := Add(Mul(decay, v.Node(g, checkpoint.EMA, t)), Mul(OneMinus(decay), w))
		for group, value := range []*Node{w, average, m, second} { // in the order of Groups
			out[group*len(list)+i] = value
		}
	}
	return out
}
