package baseline

import (
	"context"
	"fmt"
	"math"
	"slices"

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
	m, d, err := open(b, path, Score)
	if err != nil {
		return nil, err
	}
	return &MomentNetwork{manifest: m, device: d}, nil
}

// open reads a file of a network that was trained with a loss.
func open(b compute.Backend, path string, loss Loss) (Manifest, *device, error) {
	m, t, err := load(path)
	if err != nil {
		return m, nil, err
	}
	if m.Config.Loss != loss {
		return m, nil, fmt.Errorf("baseline: %s holds a network with the loss %q, want %q", path,
			m.Config.Loss, loss)
	}
	d, err := newDevice(b, m.Config.Network, checkpoint.Group(t, checkpoint.Weights))
	return m, d, err
}

// Close frees the compiled graph and the tensors on the backend.
func (n *MomentNetwork) Close() { n.device.close() }

// Manifest says what the network was trained on.
func (n *MomentNetwork) Manifest() Manifest { return n.manifest }

// Predict returns the posterior's moments for each map, which must have the box of the training
// maps. They are averages over the 8 symmetries of the square, so that a rotated or flipped map has
// the same answer. The mean is not confined to the prior.
func (n *MomentNetwork) Predict(ctx context.Context, maps []field.LogMap) ([]Moments, error) {
	answers, err := n.device.symmetric(ctx, n.manifest, maps)
	if err != nil {
		return nil, err
	}
	out := make([]Moments, len(maps))
	for i := range out {
		var mean, variance [thetas]float64
		for _, a := range answers[i] {
			for k := range thetas {
				mean[k] += a[k] / float64(len(answers[i]))
				variance[k] += math.Exp(a[thetas+k]) / float64(len(answers[i]))
			}
		}
		out[i] = n.manifest.standard().moments(mean, variance)
	}
	return out, nil
}

// evaluated is the number of maps per call of the network. It is fixed, so that one compiled graph
// serves all calls.
const evaluated = 64

// answers runs the network on each map with each augmentation: [map][augmentation], flat, each the
// network's numbers.
func (d *device) answers(ctx context.Context, s standard, maps []field.LogMap,
	augmentations []field.Augmentation,
) ([][]float64, error) {
	if len(maps) == 0 {
		return nil, nil
	}
	pixels := maps[0].Box.Pixels()
	scratch := make([]float32, pixels)
	width := d.network.outputs()
	out := make([][]float64, 0, len(maps)*len(augmentations))
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
			a := make([]float64, width)
			for k := range a {
				a[k] = float64(values[width*j+k])
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// symmetric runs the network on each map in the 8 orientations of the square: [map][orientation].
func (d *device) symmetric(ctx context.Context, m Manifest, maps []field.LogMap,
) ([][][]float64, error) {
	for i, one := range maps {
		if err := checkMap(one, m.Box); err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
	}
	augmentations := make([]field.Augmentation, field.Symmetries)
	for i := range augmentations {
		augmentations[i].Symmetry = field.Symmetry(i)
	}
	answers, err := d.answers(ctx, m.standard(), maps, augmentations)
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(answers, len(augmentations))), nil
}

func mapsOf(labelled []Labelled) []field.LogMap {
	out := make([]field.LogMap, len(labelled))
	for i, m := range labelled {
		out[i] = m.Map
	}
	return out
}

// meanLoss is the network's loss of its numbers for maps of known parameters.
func (n Network) meanLoss(theta [][thetas]float64, answers [][]float64) float64 {
	sum := 0.0
	for i, a := range answers {
		if n.Components > 0 {
			sum += mixture(a).nll(theta[i])
			continue
		}
		for k := range thetas {
			square := (theta[i][k] - a[k]) * (theta[i][k] - a[k])
			sum += (square*math.Exp(-a[thetas+k]) + a[thetas+k]) / thetas
		}
	}
	return sum / float64(len(theta))
}
