package baseline

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/faults"
	"darkfield/pkg/training"
)

// device holds the network's tensors and the graphs that use them.
type device struct {
	network   Network
	variables *training.Variables
	step      *training.Program // nil where nothing is trained
	predict   *training.Program // maps [B, side, side, 1] → [B, outputs]
}

// newDevice puts tensors on the backend, as training.NewVariables does. Predictions are made with
// the averaged weights, which are better calibrated than those of single steps.
func newDevice(b compute.Backend, network Network, t checkpoint.Tensors) (*device, error) {
	list, err := network.tensors()
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	variables, err := training.NewVariables(b, list, t)
	if err != nil {
		return nil, fmt.Errorf("baseline: %s", faults.OneLine(err))
	}
	d := &device{network: network, variables: variables}
	d.predict, err = variables.NewProgram(func(in []*Node) []*Node {
		return []*Node{network.answer(variables.Scope(checkpoint.EMA), in[0])}
	})
	if err != nil {
		return nil, fmt.Errorf("baseline: %s", faults.OneLine(err))
	}
	return d, nil
}

// compile adds the graph of a training step.
func (d *device) compile(c Config) (err error) {
	d.step, err = d.variables.NewProgram(d.stepGraph(c))
	if err != nil {
		return fmt.Errorf("baseline: %s", faults.OneLine(err))
	}
	return nil
}

// close frees the compiled graphs and the tensors on the device.
func (d *device) close() {
	if d.step != nil {
		d.step.Close()
	}
	d.predict.Close()
	_ = d.variables.Close() // the device is no longer used
}

// stepGraph is one step of Adam with decoupled weight decay and of the average, from maps,
// parameters, Adam's two scalars, the share by which weights shrink and the average's decay; its
// first output is the loss.
func (d *device) stepGraph(c Config) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		out := d.network.answer(d.variables.Scope(checkpoint.Weights), in[0])
		loss := d.network.loss(in[1], out)
		gradients := training.ClipNorm(d.variables.Gradients(loss), c.ClipNorm)
		adam, shrink, decay := training.Adam{Rate: in[2], SecondMomentScale: in[3]}, in[4], in[5]
		return append([]*Node{loss}, d.variables.OptimiserStep(d.variables.Tensors(), gradients,
			adam, decay, shrink)...)
	}
}

// advance takes step n at a learning rate and returns its loss.
func (d *device) advance(b batch, c Config, learningRate float64, n int) (float64, error) {
	rate, secondMomentScale := training.BiasCorrections(learningRate, n)
	inputs := []any{
		b.maps(), tensors.FromFlatDataAndDimensions(b.theta, b.size, thetas),
		tensors.FromScalar(float32(rate)), tensors.FromScalar(float32(secondMomentScale)),
		tensors.FromScalar(float32(learningRate * c.WeightDecay)),
		tensors.FromScalar(float32(c.decay(n))),
	}
	out, err := d.variables.Step(d.step, d.variables.Tensors(), inputs...)
	if err != nil {
		return 0, fmt.Errorf("baseline: step %d: %s", n, faults.OneLine(err))
	}
	loss, err := collect(out, inputs)
	if err != nil {
		return 0, err
	}
	return float64(loss[0]), nil
}

// outputs returns the network's numbers for each map of a batch, one after the other.
func (d *device) outputs(b batch) ([]float32, error) {
	maps := b.maps()
	out, err := d.predict.Run(maps)
	if err != nil {
		return nil, fmt.Errorf("baseline: run the network: %s", faults.OneLine(err))
	}
	return collect(out, []any{maps})
}

// collect copies the only output of a graph and frees what was put on the device for it.
func collect(out []*tensors.Tensor, inputs []any) ([]float32, error) {
	values, err := tensors.CopyFlatData[float32](out[0])
	for _, t := range append(inputs, out[0]) {
		if err == nil {
			err = t.(*tensors.Tensor).FinalizeAll()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("baseline: read the network's output: %s", faults.OneLine(err))
	}
	return values, nil
}
