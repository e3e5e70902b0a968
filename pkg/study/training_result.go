package study

import (
	"fmt"
	"time"

	"darkfield/pkg/tracking"
)

// Training holds the course of a training run, as its metrics file has it.
type Training struct {
	Steps           []int
	Loss            []float64
	ValidationSteps []int
	ValidationLoss  []float64 // mean squared error of the noise on fixed maps
	Caption         string
}

// ReadTraining reads the course of a run from its metrics file; the network's width, the maps' side and the batch are for the caption.
func ReadTraining(path string, width, side, batch int) (Training, error) {
	records, err := tracking.Read(path)
	if err != nil {
		return Training{}, err
	}
	out := Training{Caption: fmt.Sprintf("U-Net of width %d on %d² maps, batch %d. Predicting no noise at all scores 1.", width, side, batch)}
	for _, r := range records {
		if v, ok := r.Values[tracking.Loss]; ok {
			out.Steps, out.Loss = append(out.Steps, r.Step), append(out.Loss, v)
		}
		if v, ok := r.Values[tracking.ValidationMSE]; ok {
			out.ValidationSteps, out.ValidationLoss = append(out.ValidationSteps, r.Step), append(out.ValidationLoss, v)
		}
	}
	return out, nil
}

// TrainingTime returns how long the first steps of a run took, from the speeds in its metrics file; pauses do not count. Where the file does
// not hold all of these steps, it returns an error.
func TrainingTime(path string, steps int) (time.Duration, error) {
	records, err := tracking.Read(path)
	if err != nil {
		return 0, err
	}
	done, seconds := 0, 0.0
	for _, r := range records {
		if speed := r.Values[tracking.StepsPerSecond]; speed > 0 && r.Step > done && r.Step <= steps {
			seconds += float64(r.Step-done) / speed
			done = r.Step
		}
	}
	if short := steps - done; done == 0 || short > steps/10 {
		return 0, fmt.Errorf("study: %s knows the speed up to step %d of %d", path, done, steps)
	}
	return time.Duration(seconds * float64(steps) / float64(done) * float64(time.Second)), nil
}

// WriteCSV writes one row a value.
func (r Training) WriteCSV(path string) error {
	t := newTable("quantity", "step", "value")
	for i, s := range r.Steps {
		t.add("loss", s, r.Loss[i])
	}
	for i, s := range r.ValidationSteps {
		t.add("validation_mse", s, r.ValidationLoss[i])
	}
	return t.write(path)
}
