package network

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Func is a network: a function that adds its graph to that of its inputs.
//
//   - Shapes: xt [B, H, W, 1], timestep [B] and theta [B, parameters], all float32; the result is
//     as xt.
//   - Units: xt is a scaled map with noise; timestep is t − 1, from 0 to T − 1; theta is scaled to
//     [0, 1].
//   - Variables are made in the scope, as GoMLX's layers do, and are trainable float32. Their names
//     in files are their paths with dots for slashes.
//   - Errors: panics, as graph code does.
//
// A function must make the same variables whenever it is called, in the same order. It must not
// draw random numbers (dropout) nor keep averages of its own (batch normalisation).
type Func func(scope *model.Scope, xt, timestep, theta *Node) *Node

// Network is a function with what a checkpoint says of it.
type Network struct {
	Name string // a checkpoint is opened with the function of the same name
	// Config are the settings of the function, as JSON, that a checkpoint keeps; nil: none. A function
	// with other settings is another network.
	Config json.RawMessage
	Func   Func
	// BFloat16 is a function of the same variables and the same float32 inputs and outputs, with
	// bfloat16 between them: see Precision; nil: there is none.
	BFloat16 Func
	// Width is the number of channels at the full side, by which a batch is divided to fit into
	// memory; 0: 16.
	Width int
	// CheckSide returns an error for a side of maps, in pixels, that the function cannot take; nil: it
	// takes all.
	CheckSide func(side int) error
}

// New returns the network of a function under a name.
func New(name string, f Func) Network { return Network{Name: name, Func: f} }

// Equal reports whether n and o have the same name and settings. Functions cannot be compared.
func (n Network) Equal(o Network) bool {
	return n.Name == o.Name && string(n.Config) == string(o.Config)
}

// String returns the name and the settings.
func (n Network) String() string {
	return strings.TrimSpace(n.Name + " " + string(n.Config))
}

// Tensors lists the network's tensors, in the order in which it makes them, for maps of side pixels
// and a number of parameters θ. An error of the function is returned in one line.
func (n Network) Tensors(side, parameters int) ([]Tensor, error) {
	return n.Trace(model.NewStore(), side, parameters)
}

// Initial draws initial values: see Draw.
func (n Network) Initial(b compute.Backend, seed uint64, side, parameters int) (Weights, error) {
	w, err := Draw(b, seed, func(store *model.Store) ([]Tensor, error) {
		return n.Trace(store, side, parameters)
	})
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	return w, nil
}

// traceBatch is the number of maps of the empty graph; not 1, which a function might drop.
const traceBatch = 2

// Trace makes the network's variables in a store, without values, and lists them.
func (n Network) Trace(store *model.Store, side, parameters int) ([]Tensor, error) {
	fail := func(err error) ([]Tensor, error) {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	if n.Func == nil {
		return fail(fmt.Errorf("it has no function: make it with network.New"))
	}
	if n.CheckSide != nil {
		if err := n.CheckSide(side); err != nil {
			return fail(err)
		}
	}
	list, err := Trace(store, n.graph(side, parameters))
	if err != nil {
		return fail(err)
	}
	return list, nil
}

// graph returns the function that builds the network's empty graph.
func (n Network) graph(side, parameters int) func(g *Graph, scope *model.Scope) {
	return func(g *Graph, scope *model.Scope) {
		input := func(name string, dims ...int) *Node {
			return Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
		}
		n.Predict(scope, input("xt", traceBatch, side, side, 1), input("timestep", traceBatch),
			input("theta", traceBatch, parameters))
	}
}

// Fingerprint tells functions apart: see the function of that name.
func (n Network) Fingerprint(side, parameters int) (string, error) {
	return Fingerprint(n.graph(side, parameters))
}

// Predict adds the network to a graph. It panics where the function does, or returns a wrong shape.
func (n Network) Predict(scope *model.Scope, xt, timestep, theta *Node) *Node {
	out := n.Func(scope.ResetVisited(), xt, timestep, theta)
	if out == nil || !out.Shape().Equal(xt.Shape()) {
		panic(fmt.Sprintf("network: it returns %v for maps of %v, want the same shape", out, xt.Shape()))
	}
	return out
}
