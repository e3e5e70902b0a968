package diffusion

import (
	"context"
	"fmt"
)

// Batch is a batch of noisy maps for a Denoiser.
type Batch struct {
	Size     int       // number of maps
	Pixels   int       // pixels per map
	Xt       []float32 // Size×Pixels: scaled maps with noise
	Timestep []float32 // Size: t − 1
	Theta    []float32 // Size rows of parameters scaled to [0, 1]
}

// Denoiser returns the noise ε that it predicts in each map of a batch, Size×Pixels values. It must
// not keep or change the batch.
type Denoiser func(ctx context.Context, b Batch) ([]float32, error)

// predict calls d for maps that share the time t.
func (d Denoiser) predict(ctx context.Context, t Step, pixels int, xt,
	theta []float32,
) ([]float32, error) {
	size := len(xt) / pixels
	b := Batch{Size: size, Pixels: pixels, Xt: xt, Timestep: make([]float32, size), Theta: theta}
	for i := range b.Timestep {
		b.Timestep[i] = t.Timestep()
	}
	epsilon, err := d.run(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("predict the noise at step %d: %w", t, err)
	}
	return epsilon, nil
}

// run calls d unless ctx has ended, and checks what comes back.
func (d Denoiser) run(ctx context.Context, b Batch) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	epsilon, err := d(ctx, b)
	if err != nil {
		return nil, err
	}
	if len(epsilon) != len(b.Xt) {
		panic(fmt.Sprintf("diffusion: the denoiser returned %d values for %d pixels",
			len(epsilon), len(b.Xt)))
	}
	return epsilon, nil
}
