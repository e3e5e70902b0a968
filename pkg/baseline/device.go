package baseline

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// device holds the network's tensors and the compiled graphs that use them.
type device struct {
	network Network
	store   *model.Store
	step    *model.Exec // nil where nothing is trained
	predict *model.Exec // maps [B, side, side, 1] → [B, 2·thetas]
}

// newDevice puts tensors on the backend, as training.NewStore does. The averaged weights predict: single steps may leave the network too sure
// of itself.
func newDevice(b compute.Backend, network Network, t checkpoint.Tensors) (*device, error) {
	d := &device{network: network, store: training.NewStore(network.Parameters(), t)}
	var err error
	d.predict, err = model.NewExec(b, d.store, func(_ *model.Scope, in []*Node) *Node {
		mean, logVariance := network.moments(d.weights(checkpoint.EMA, in[0].Graph()), in[0])
		return Concatenate([]*Node{mean, logVariance}, 1)
	})
	if err != nil {
		return nil, fmt.Errorf("baseline: %s", oneLine(err))
	}
	return d, nil
}

// compile adds the graph of a training step.
func (d *device) compile(b compute.Backend, c Config) (err error) {
	d.step, err = model.NewExec(b, d.store, d.stepGraph(c))
	if err != nil {
		return fmt.Errorf("baseline: %s", oneLine(err))
	}
	return nil
}

// close frees the compiled graphs and the tensors on the device.
func (d *device) close() {
	if d.step != nil {
		d.step.Finalize()
	}
	d.predict.Finalize()
	d.store.Finalize()
}

func (d *device) weights(group string, g *Graph) unet.Weight {
	return func(name string) *Node { return d.variable(group, name).NodeValue(g) }
}

func (d *device) variable(group, name string) *model.Variable {
	return d.store.GetVariable("/" + group + name)
}

// stepGraph is one step of Adam with decoupled weight decay and of the average: maps, parameters, Adam's two scalars, the share by which
// weights shrink and the average's decay → loss.
func (d *device) stepGraph(c Config) func(*model.Scope, []*Node) *Node {
	return func(_ *model.Scope, in []*Node) *Node {
		g := in[0].Graph()
		mean, logVariance := d.network.moments(d.weights(checkpoint.Weights, g), in[0])
		loss := c.Loss.value(in[1], mean, logVariance)
		parameters := d.network.Parameters()
		weights := make([]*Node, len(parameters))
		for i, p := range parameters {
			weights[i] = d.variable(checkpoint.Weights, p.Name).NodeValue(g)
		}
		gradients := training.ClipNorm(Gradient(loss, weights...), c.ClipNorm)
		adam, shrink, decay := training.Adam{Rate: in[2], Spread: in[3]}, in[4], in[5]
		for i, p := range parameters {
			m, v := d.variable(checkpoint.AdamM, p.Name), d.variable(checkpoint.AdamV, p.Name)
			w, m1, v1 := adam.Update(weights[i], m.NodeValue(g), v.NodeValue(g), gradients[i])
			if len(p.Shape) > 1 { // biases do not decay
				w = Sub(w, Mul(shrink, weights[i]))
			}
			average := d.variable(checkpoint.EMA, p.Name)
			average.SetNodeValue(Add(Mul(decay, average.NodeValue(g)), Mul(OneMinus(decay), w)))
			m.SetNodeValue(m1)
			v.SetNodeValue(v1)
			d.variable(checkpoint.Weights, p.Name).SetNodeValue(w)
		}
		return loss
	}
}

// advance takes step n at a learning rate and returns its loss.
func (d *device) advance(b batch, c Config, learningRate float64, n int) (float64, error) {
	rate, spread := training.Unbias(learningRate, n)
	out, err := call(d.step, b.maps(), tensors.FromFlatDataAndDimensions(b.theta, b.size, thetas),
		tensors.FromScalar(float32(rate)), tensors.FromScalar(float32(spread)), tensors.FromScalar(float32(learningRate*c.WeightDecay)),
		tensors.FromScalar(float32(c.decay(n))))
	if err != nil {
		return 0, fmt.Errorf("baseline: step %d: %s", n, oneLine(err))
	}
	return float64(out[0]), nil
}

// outputs returns the network's 2·thetas numbers for each map of a batch.
func (d *device) outputs(b batch) ([]float32, error) {
	out, err := call(d.predict, b.maps())
	if err != nil {
		return nil, fmt.Errorf("baseline: run the network: %s", oneLine(err))
	}
	return out, nil
}

// call runs a graph, copies its result and frees what was put on the device.
func call(exec *model.Exec, inputs ...*tensors.Tensor) ([]float32, error) {
	args := make([]any, len(inputs))
	for i, t := range inputs {
		args[i] = t
	}
	out, err := exec.Call1(args...)
	if err != nil {
		return nil, err
	}
	values, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return nil, err
	}
	for _, t := range append(inputs, out) {
		if err := t.FinalizeAll(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// read copies the tensors of all groups from the device; a value that is not finite is an error.
func (d *device) read() (checkpoint.Tensors, error) {
	out := checkpoint.Tensors{}
	for _, group := range training.Groups {
		for _, p := range d.network.Parameters() {
			value, err := d.variable(group, p.Name).Value()
			if err != nil {
				return nil, fmt.Errorf("baseline: read %s%s: %s", group, p.Name, oneLine(err))
			}
			data, err := tensors.CopyFlatData[float32](value)
			if err != nil {
				return nil, fmt.Errorf("baseline: read %s%s: %s", group, p.Name, oneLine(err))
			}
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
