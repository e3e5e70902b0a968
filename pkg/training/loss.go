package training

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// Names of the losses that need no function.
const (
	Huber      = "huber" // smooth L1 with β = 1: the paper's
	MeanSquare = "mse"
)

// Loss is a function of the noise and the predicted noise [B, H, W, 1] → the same shape, whose
// weighted mean over pixels and maps is minimised.
type Loss struct {
	Name string
	Func func(truth, predicted *Node) *Node
}

// Fingerprint tells losses with different code apart; see network.Fingerprint.
func (l Loss) Fingerprint(side int) (string, error) {
	print, err := network.Fingerprint(func(g *Graph, _ *model.Scope) {
		shape := shapes.Make(dtypes.Float32, 2, side, side, 1)
		l.Func(Parameter(g, "truth", shape), Parameter(g, "predicted", shape))
	})
	if err != nil {
		return "", fmt.Errorf("loss %q: %w", l.Name, err)
	}
	return print, nil
}

// loss returns the function to minimise: the job's own, or the one that its configuration names.
func (j Job) loss() (func(truth, predicted *Node) *Node, error) {
	known := map[string]func(truth, predicted *Node) *Node{
		Huber: diffusion.HuberGraph, MeanSquare: diffusion.SquareGraph,
	}
	switch f := known[j.Config.Loss]; {
	case j.Loss.Func != nil && (j.Loss.Name == "" || known[j.Loss.Name] != nil):
		return nil, fmt.Errorf("training.Job.Loss.Name = %q, want a name of its own", j.Loss.Name)
	case j.Loss.Func != nil:
		return j.Loss.Func, nil
	case f == nil:
		return nil, fmt.Errorf("training.Config.Loss = %q, want %q or %q, or a function of that name in "+
			"training.Job.Loss", j.Config.Loss, Huber, MeanSquare)
	default:
		return f, nil
	}
}
