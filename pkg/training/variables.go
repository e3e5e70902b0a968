package training

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/unet"
)

// Groups are the tensors that a training holds for every tensor of the network.
var Groups = []string{checkpoint.Weights, checkpoint.EMA, checkpoint.AdamM, checkpoint.AdamV}

// Variables are the tensors of a training on the device. A graph takes them after its other inputs,
// and one that takes a step returns their new values after its other outputs, in the order of
// Groups and, in each, of the parameters. They are not GoMLX's variables, with which a graph cannot
// be compiled before it runs.
type Variables struct {
	parameters []unet.Tensor
	values     map[string]*tensors.Tensor // by group and name
}

// NewVariables puts tensors on the device: all Groups of a resumed run, or weights alone, which
// are the first average, too; Adam's moments begin at 0.
func NewVariables(b compute.Backend, parameters []unet.Tensor,
	t checkpoint.Tensors,
) (*Variables, error) {
	v := &Variables{parameters: parameters, values: map[string]*tensors.Tensor{}}
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
			value := tensors.FromFlatDataAndDimensions(a.Data, a.Shape...)
			if err := value.MaterializeOnDevice(b, false, 0); err != nil {
				return nil,
					errors.Join(fmt.Errorf("put %s%s on the backend: %w", group, p.Name, err), v.Close())
			}
			value.FinalizeLocal() // frees the host's copy
			v.values[group+p.Name] = value
		}
	}
	return v, nil
}

// Close frees the tensors.
func (v *Variables) Close() error {
	var errs []error
	for _, value := range v.values {
		errs = append(errs, value.FinalizeAll())
	}
	return errors.Join(errs...)
}

// Inputs returns the tensors of some groups for a graph that does not replace them.
func (v *Variables) Inputs(groups ...string) []any { return v.inputs(v.parameters, groups...) }

func (v *Variables) inputs(parameters []unet.Tensor, groups ...string) []any {
	var out []any
	for _, group := range groups {
		for _, p := range parameters {
			out = append(out, v.values[group+p.Name])
		}
	}
	return out
}

// portion is the number of numbers of each group that are replaced at a time, unless a tensor is
// larger.
const portion = 4 << 20

// Portions returns the parameters in portions for one update each, so that only one portion is held
// twice at a time.
func (v *Variables) Portions() [][]unet.Tensor {
	var out [][]unet.Tensor
	size := portion
	for _, p := range v.parameters {
		if size+p.Size() > portion {
			out, size = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], p)
		size += p.Size()
	}
	return out
}

// Step runs a graph that replaces all Groups of some parameters, and returns its other outputs. The
// old tensors are freed at once. They are not donated to the graph, which does not alias inputs and
// outputs; donated tensors would wait for Go's garbage collector.
func (v *Variables) Step(p *Program, parameters []unet.Tensor,
	inputs ...any,
) ([]*tensors.Tensor, error) {
	out, err := p.Run(append(inputs, v.inputs(parameters, Groups...)...)...)
	if err != nil {
		return nil, err
	}
	others := len(out) - len(Groups)*len(parameters)
	for i, group := range Groups {
		for j, parameter := range parameters {
			old := v.values[group+parameter.Name]
			v.values[group+parameter.Name] = out[others+i*len(parameters)+j]
			if err := old.FinalizeAll(); err != nil {
				return nil, err
			}
		}
	}
	return out[:others], nil
}

// ErrNotFinite is the error of a training whose numbers are no longer finite.
var ErrNotFinite = errors.New("a value is not finite")

// Read copies the tensors of some groups from the device. A value that is not finite is an error
// that wraps ErrNotFinite, so that no such checkpoint is written; the loss would show it a step
// later.
func (v *Variables) Read(groups ...string) (checkpoint.Tensors, error) {
	out := checkpoint.Tensors{}
	for _, group := range groups {
		for _, p := range v.parameters {
			value := v.values[group+p.Name]
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
			out[group+p.Name] = unet.Array{Shape: p.Shape, Data: data}
		}
	}
	return out, nil
}

// Program is a graph that takes Variables.
type Program struct {
	exec     *Exec
	compiled bool
}

// NewProgram returns a program of a graph; it is compiled when it first runs.
func NewProgram(b compute.Backend, graph func([]*Node) []*Node) (*Program, error) {
	exec, err := NewExec(b, graph)
	return &Program{exec: exec}, err
}

// Close frees the compiled graph.
func (p *Program) Close() { p.exec.Finalize() }

// Run runs a graph that replaces nothing.
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

// Nodes are Variables in a graph, by group and name.
type Nodes map[string]*Node

// NodesOf names the inputs of a graph that are the tensors of some groups.
func NodesOf(parameters []unet.Tensor, in []*Node, groups ...string) Nodes {
	out := Nodes{}
	for i, group := range groups {
		for j, p := range parameters {
			out[group+p.Name] = in[i*len(parameters)+j]
		}
	}
	return out
}

// Weight returns the weights of a group by name.
func (n Nodes) Weight(group string) unet.Weight {
	return func(name string) *Node {
		node, ok := n[group+name]
		if !ok {
			panic("training: no tensor " + group + name)
		}
		return node
	}
}

// OptimiserStep takes a step of Adam and of the moving average for each parameter and returns the
// outputs that replace Groups. shrink is the share by which weights other than biases decay
// besides; nil is none.
func (n Nodes) OptimiserStep(parameters []unet.Tensor, gradients []*Node, a Adam, decay,
	shrink *Node,
) []*Node {
	replaced := Nodes{}
	for i, p := range parameters {
		old := n[checkpoint.Weights+p.Name]
		m, v := n[checkpoint.AdamM+p.Name], n[checkpoint.AdamV+p.Name]
		var w *Node
		if a.LearningRate != nil && byMuon(p) {
			w, m = muon(a.LearningRate, old, m, gradients[i])
		} else {
			w, m, v = a.Update(old, m, v, gradients[i])
		}
		if shrink != nil && len(p.Shape) > 1 {
			w = Sub(w, Mul(shrink, old))
		}
		replaced[checkpoint.Weights+p.Name] = w
		replaced[checkpoint.AdamM+p.Name], replaced[checkpoint.AdamV+p.Name] = m, v
		replaced[checkpoint.EMA+p.Name] = Add(Mul(decay, n[checkpoint.EMA+p.Name]),
			Mul(OneMinus(decay), w))
	}
	var out []*Node
	for _, group := range Groups {
		for _, p := range parameters {
			out = append(out, replaced[group+p.Name])
		}
	}
	return out
}

// Gradients returns those of a loss by the weights.
func (n Nodes) Gradients(parameters []unet.Tensor, loss *Node) []*Node {
	weights := make([]*Node, len(parameters))
	for i, p := range parameters {
		weights[i] = n[checkpoint.Weights+p.Name]
	}
	return Gradient(loss, weights...)
}
