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
	tensors  checkpoint.Tensors
	device   *device
}

// Open reads a file that Train or Save wrote and puts its weights on the backend.
func Open(b compute.Backend, path string) (*MomentNetwork, error) {
	m, t, err := load(path)
	if err != nil {
		return nil, err
	}
	t = checkpoint.Group(t, checkpoint.Weights)
	d, err := newDevice(b, m.Config.Network, t)
	if err != nil {
		return nil, err
	}
	return &MomentNetwork{manifest: m, tensors: t, device: d}, nil
}

// Save writes the network to a file for Open, whole or not at all.
func (n *MomentNetwork) Save(path string) error { return save(path, n.manifest, n.tensors) }

// Close frees the compiled graph and the tensors on the backend.
func (n *MomentNetwork) Close() { n.device.close() }

// Manifest says what the network was trained on.
func (n *MomentNetwork) Manifest() Manifest { return n.manifest }

// Predict returns the posterior's moments for each map, which must have the box of the training
// maps. They are averages over the 8 symmetries of the square, so that a turned or flipped map
// has the same answer. Nothing holds the mean within the prior.
func (n *MomentNetwork) Predict(ctx context.Context, maps []field.LogMap) ([]Moments, error) {
	for i, m := range maps {
		if err := checkMap(m, n.manifest.Box); err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
	}
	poses := make([]field.Augmentation, field.Symmetries)
	for i := range poses {
		poses[i].Symmetry = field.Symmetry(i)
	}
	answers, err := n.device.answers(ctx, n.manifest.standard(), maps, poses)
	if err != nil {
		return nil, err
	}
	out := make([]Moments, len(maps))
	for i := range out {
		var mean, variance [thetas]float64
		for _, a := range answers[i*len(poses) : (i+1)*len(poses)] {
			for k := range thetas {
				mean[k] += a.mean[k] / float64(len(poses))
				variance[k] += a.variance[k] / float64(len(poses))
			}
		}
		out[i] = n.manifest.standard().moments(mean, variance)
	}
	return out, nil
}

// answer is what the network says of one map, in units of the standard.
type answer struct {
	mean, variance [thetas]float64
}

// evaluated is how many maps go through the network at a time: one size, so that one graph serves
// all.
const evaluated = 64

// answers runs the network on each map in each pose: [map][pose], flat.
func (d *device) answers(ctx context.Context, s standard, maps []field.LogMap,
	poses []field.Augmentation,
) ([]answer, error) {
	if len(maps) == 0 {
		return nil, nil
	}
	pixels := maps[0].Box.Pixels()
	scratch := make([]float32, pixels)
	out := make([]answer, 0, len(maps)*len(poses))
	for total := len(maps) * len(poses); len(out) < total; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := batch{size: evaluated, side: maps[0].Box.Cells, x: make([]float32, evaluated*pixels)}
		n := min(evaluated, total-len(out)) // the rest of the batch stays 0
		for j := range n {
			at := len(out) + j
			s.fill(b.x[j*pixels:(j+1)*pixels], scratch, maps[at/len(poses)], poses[at%len(poses)])
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

// of is the loss of answers to maps of known parameters.
func (l Loss) of(theta [][thetas]float64, answers []answer) float64 {
	sum, n := 0.0, float64(len(theta))
	for k := range thetas {
		var squares, excess, score float64
		for i, a := range answers {
			square := (theta[i][k] - a.mean[k]) * (theta[i][k] - a.mean[k])
			squares += square
			excess += (square - a.variance[k]) * (square - a.variance[k])
			score += (square/a.variance[k] + math.Log(a.variance[k])) / (n * thetas)
		}
		if l == LogSums {
			sum += math.Log(squares) + math.Log(excess)
		} else {
			sum += score
		}
	}
	return sum
}
