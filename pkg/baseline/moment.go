package baseline

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/field"
)

// MomentNetwork is a trained moment network on a backend. It is safe for use by one goroutine at
// a time.
type MomentNetwork struct {
	manifest Manifest
	device   *device
}

// Open reads a file of Train and puts its weights on the backend.
func Open(b compute.Backend, path string) (*MomentNetwork, error) {
	m, t, err := load(path)
	if err != nil {
		return nil, err
	}
	d, err := newDevice(b, m.Config.Network, checkpoint.Group(t, checkpoint.Weights))
	if err != nil {
		return nil, err
	}
	return &MomentNetwork{manifest: m, device: d}, nil
}

// Close frees the compiled graph and the tensors on the backend.
func (n *MomentNetwork) Close() { n.device.close() }

// Manifest says what the network was trained on.
func (n *MomentNetwork) Manifest() Manifest { return n.manifest }

// Predict returns the posterior's moments for each map, which must have the box of the training
// maps. They are averages over the 8 symmetries of the square, so that a rotated or flipped map has
// the same answer. The mean is not confined to the prior.
func (n *MomentNetwork) Predict(ctx context.Context, maps []field.LogMap) ([]Moments, error) {
	for i, m := range maps {
		if err := checkMap(m, n.manifest.Box); err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
	}
	augmentations := make([]field.Augmentation, field.Symmetries)
	for i := range augmentations {
		augmentations[i].Symmetry = field.Symmetry(i)
	}
	answers, err := n.device.answers(ctx, n.manifest.standard(), maps, augmentations)
	if err != nil {
		return nil, err
	}
	out := make([]Moments, len(maps))
	for i := range out {
		var mean, variance [thetas]float64
		for _, a := range answers[i*len(augmentations) : (i+1)*len(augmentations)] {
			for k := range thetas {
				mean[k] += a.mean[k] / float64(len(augmentations))
				variance[k] += a.variance[k] / float64(len(augmentations))
			}
		}
		out[i] = n.manifest.standard().moments(mean, variance)
	}
	return out, nil
}

// answer is the network's output for one map, in the units of the standard.
type answer struct {
	mean, variance [thetas]float64
}

// evaluated is the number of maps per call of the network. It is fixed, so that one compiled graph
// serves all calls.
const evaluated = 64

// answers runs the network on each map with each augmentation: [map][augmentation], flat.
func (d *device) answers(ctx context.Context, s standard, maps []field.LogMap,
	augmentations []field.Augmentation,
) ([]answer, error) {
	if len(maps) == 0 {
		return nil, nil
	}
	pixels := maps[0].Box.Pixels()
	scratch := make([]float32, pixels)
	out := make([]answer, 0, len(maps)*len(augmentations))
	for total := len(maps) * len(augmentations); len(out) < total; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := batch{size: evaluated, side: maps[0].Box.Cells, x: make([]float32, evaluated*pixels)}
		n := min(evaluated, total-len(out)) // the rest of the batch stays 0
		for j := range n {
			at := len(out) + j
			s.fill(b.x[j*pixels:(j+1)*pixels], scratch, maps[at/len(augmentations)],
				augmentations[at%len(augmentations)])
		}
		values, err := d.outputs(b)
		if err != nil {
			return nil, err
		}
		for j := range n {
			var a answer
			for k := range thetas {
				a.mean[k], a.variance[k] = float64(values[2*thetas*j+k]),
					math.Exp(float64(values[2*thetas*j+thetas+k]))
			}
			out = append(out, a)
		}
	}
	return out, nil
}

func mapsOf(labelled []Labelled) []field.LogMap {
	out := make([]field.LogMap, len(labelled))
	for i, m := range labelled {
		out[i] = m.Map
	}
	return out
}

// score is the loss Score of answers to maps of known parameters.
func score(theta [][thetas]float64, answers []answer) float64 {
	sum, n := 0.0, float64(len(theta))
	for k := range thetas {
		for i, a := range answers {
			square := (theta[i][k] - a.mean[k]) * (theta[i][k] - a.mean[k])
			sum += (square/a.variance[k] + math.Log(a.variance[k])) / (n * thetas)
		}
	}
	return sum
}
