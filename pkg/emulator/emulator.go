// Package emulator turns a checkpoint into maps and likelihoods at any parameters of its prior. It
// takes and returns cosmology.Params, field.LogMap and plain numbers; graphs and tensors stay
// inside, and it knows neither files of maps nor what likelihoods are used for.
package emulator

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
)

// Emulator is a trained network on a backend. It is safe for use by one goroutine at a time.
type Emulator struct {
	manifest   checkpoint.Manifest
	hash       string // of all tensors
	network    string // hash without the power correction
	schedule   diffusion.Schedule
	sampling   SampleConfig
	net        network.Network
	exec       *model.Exec // the predicted noise
	coarse     *model.Exec // the same in bfloat16, for maps alone; nil: the network has none
	slope      *model.Exec // terms of the VLB and their gradients
	device     onDevice
	correction *PowerCorrection // nil: none
}

// Open reads a checkpoint and puts its averaged weights (or, where it has none, its weights) on
// the backend. A network that is not the U-Net is one of own, by its name; the error of another
// function names the tensors that differ.
func Open(b compute.Backend, path string, own ...network.Network) (*Emulator, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	if err := c.Manifest.Conditioned(); err != nil {
		return nil, fmt.Errorf("emulator: open %s: %w", path, err)
	}
	weights := checkpoint.Averaged(c.Tensors)
	net, err := c.Manifest.Function(own...)
	if err == nil {
		err = fits(c.Manifest, net, weights)
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: open %s: %s", path, faults.OneLine(err))
	}
	schedule, err := c.Manifest.Diffusion()
	if err != nil {
		return nil, fmt.Errorf("emulator: open %s: %w", path, err)
	}
	sampling, err := DefaultSampling().With(c.Manifest.Sampling)
	if err != nil {
		return nil, fmt.Errorf("emulator: open %s: its manifest's sampling: %w", path, err)
	}
	transfer, err := PowerCorrectionOf(c)
	if err != nil {
		return nil, fmt.Errorf("emulator: open %s: %w", path, err)
	}
	e := &Emulator{
		correction: transfer, manifest: c.Manifest, hash: c.Hash, network: c.Network(),
		schedule: schedule, sampling: sampling, net: net,
	}
	store := network.Store(weights)
	predict := func(n network.Network) (*model.Exec, error) {
		return model.NewExec(b, store, func(scope *model.Scope, in []*Node) *Node {
			return e.predict(n, scope, in[0], in[1], in[2])
		})
	}
	e.exec, err = predict(net)
	var half *network.Network
	if coarse, none := net.In(network.BFloat16); err == nil && none == nil {
		half = &coarse
		e.coarse, err = predict(coarse)
	}
	if err == nil {
		e.device, err = e.openOnDevice(b, store, &net, half)
	}
	if err == nil {
		e.slope, err = model.NewExec(b, store, e.slopeGraph)
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: open %s: %w", path, err)
	}
	return e, nil
}

// fits returns an error unless weights are those of a network.
func fits(m checkpoint.Manifest, n network.Network, w network.Weights) error {
	if is := n.String(); is != m.Description() {
		return fmt.Errorf("it was trained with the network %s, this is %s: use the same settings",
			m.Description(), is)
	}
	list, err := n.Tensors(m.Data.Side, m.Conditions())
	if err != nil {
		return err
	}
	if err := network.Check(list, w); err != nil {
		return fmt.Errorf("it was trained with another function of the name %q: %w", n.Name, err)
	}
	return nil
}

// predict returns the noise that a network predicts in xt.
func (e *Emulator) predict(n network.Network, scope *model.Scope, xt, timestep, theta *Node) *Node {
	output := n.Predict(scope, xt, timestep, theta)
	return diffusion.EpsilonGraph(e.schedule, e.manifest.Prediction, output, xt, timestep)
}

// Close frees the compiled graphs.
func (e *Emulator) Close() {
	e.exec.Finalize()
	if e.coarse != nil {
		e.coarse.Finalize()
	}
	e.slope.Finalize()
	e.device.close()
}

// Manifest returns the manifest of the checkpoint.
func (e *Emulator) Manifest() checkpoint.Manifest { return e.manifest }

// Schedule returns the variance schedule that the network was trained with.
func (e *Emulator) Schedule() diffusion.Schedule { return e.schedule }

// Sampling returns the sampling settings of the manifest, or else DefaultSampling.
func (e *Emulator) Sampling() SampleConfig { return e.sampling }

// Hash returns the SHA-256 of the checkpoint's tensors, which generated maps depend on.
func (e *Emulator) Hash() string { return e.hash }

// NetworkHash returns the SHA-256 of the tensors without a power correction, which likelihoods
// depend on.
func (e *Emulator) NetworkHash() string { return e.network }

// Box returns the geometry of the generated maps.
func (e *Emulator) Box() field.Box { return e.manifest.Data.Box() }

// denoiser returns the network in float32 as a Denoiser that works in batches of one size, so that
// one compiled graph serves all; the last batch is padded with copies.
func (e *Emulator) denoiser(size int) diffusion.Denoiser { return e.denoiserOf(e.exec, size) }

// denoiserIn is denoiser in a precision of SampleConfig.
func (e *Emulator) denoiserIn(p network.Precision, size int) (diffusion.Denoiser, error) {
	if p != network.BFloat16 {
		return e.denoiser(size), nil
	}
	if e.coarse == nil {
		_, err := e.net.In(p)
		return nil, fmt.Errorf("emulator: %w", err)
	}
	return e.denoiserOf(e.coarse, size), nil
}

func (e *Emulator) denoiserOf(exec *model.Exec, size int) diffusion.Denoiser {
	side := e.manifest.Data.Side
	return func(ctx context.Context, b diffusion.Batch) ([]float32, error) {
		out := make([]float32, 0, len(b.Xt))
		thetas := len(b.Theta) / b.Size
		for first := 0; first < b.Size; first += size {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := min(size, b.Size-first)
			t, err := exec.Call1(
				tensors.FromFlatDataAndDimensions(fill(b.Xt[first*b.Pixels:(first+n)*b.Pixels], size*b.Pixels),
					size, side, side, 1),
				tensors.FromFlatDataAndDimensions(fill(b.Timestep[first:first+n], size), size),
				tensors.FromFlatDataAndDimensions(fill(b.Theta[first*thetas:(first+n)*thetas], size*thetas),
					size, thetas),
			)
			if err != nil {
				return nil, fmt.Errorf("emulator: run the network: %w", err)
			}
			values, err := tensors.CopyFlatData[float32](t)
			if err != nil {
				return nil, fmt.Errorf("emulator: read the network's output: %w", err)
			}
			if err := t.FinalizeAll(); err != nil {
				return nil, fmt.Errorf("emulator: free the network's output: %w", err)
			}
			out = append(out, values[:n*b.Pixels]...)
		}
		return out, nil
	}
}

// fill returns src, repeated until it has n entries.
func fill(src []float32, n int) []float32 {
	if len(src) == n {
		return src
	}
	out := make([]float32, n)
	for done := 0; done < n; {
		done += copy(out[done:], src)
	}
	return out
}

// thetas returns the parameters as the network takes them, map by map. Parameters outside the prior
// are an error.
func (e *Emulator) thetas(params []cosmology.Params) ([]float32, error) {
	out := make([]float32, 0, e.manifest.Prior.Len()*len(params))
	for _, p := range params {
		if err := e.manifest.Prior.Check(p); err != nil {
			return nil, fmt.Errorf("emulator: %w: the network was not trained there", err)
		}
		out = append(out, e.manifest.Theta(p).Float32()...)
	}
	return out, nil
}
