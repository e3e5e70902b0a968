package notebook

import (
	"fmt"

	"darkfield/pkg/figure"
	"darkfield/pkg/network"
)

// Compare shows trained experiments side by side: their networks, what they cost, and the course
// of their validation errors. Errors of the noise can be compared where schedules are the same:
// another one makes noises of other sizes.
func Compare(experiments ...*Experiment) {
	var rows [][]string
	var curves []figure.Curve
	for _, e := range experiments {
		c := e.Curve()
		list := Must(e.Network.Tensors(e.Side, e.conditions()))
		error := "none yet"
		if n := len(c.ValidationLoss); n > 0 {
			error = fmt.Sprintf("%.4f", c.ValidationLoss[n-1])
		}
		rows = append(rows, []string{
			e.Name, e.Network.Name, fmt.Sprintf("%.3f", float64(network.NumParameters(list))/1e6),
			e.Schedule.Name, e.Training.Loss, fmt.Sprint(e.Checkpoint().Manifest.Step), error,
		})
		curve := figure.Curve{Label: e.Name, Y: c.ValidationLoss}
		for _, step := range c.ValidationSteps {
			curve.X = append(curve.X, float64(step))
		}
		curves = append(curves, curve)
	}
	s := experiments[0].session
	s.Table([]string{
		"experiment", "network", "million parameters", "schedule", "loss", "steps",
		"validation error",
	}, rows)
	s.Draw(figure.Plot(figure.Axes{
		X: "training step", Y: "validation: mean squared error of the noise", LogY: true,
	}, curves...))
}
