package tracking

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"darkfield/pkg/report"
)

// Curve is the course of a training run, as its metrics file has it.
type Curve struct {
	Steps           []int
	Loss            []float64
	ValidationSteps []int
	ValidationLoss  []float64 // mean squared error of the noise on fixed maps
	Caption         string
}

// Stage says where the metrics of a stage of a training lie, and what the caption says of it.
type Stage struct {
	Metrics     string // path
	Side, Batch int
}

// ReadCurve reads the course of a run of a network, as the caption is to call it, from the metrics
// files of its stages, whose steps count on. A later stage that has not begun is left out.
func ReadCurve(network string, stages ...Stage) (Curve, error) {
	var out Curve
	var parts []string
	last := 0
	for i, s := range stages {
		records, err := Read(s.Metrics)
		if i > 0 && (errors.Is(err, fs.ErrNotExist) || err == nil && len(records) == 0) {
			break
		}
		if err != nil {
			return Curve{}, err
		}
		before := last
		for _, r := range records {
			last = before + r.Step
			if v, ok := r.Values[Loss]; ok {
				out.Steps, out.Loss = append(out.Steps, last), append(out.Loss, v)
			}
			if v, ok := r.Values[ValidationMSE]; ok {
				out.ValidationSteps, out.ValidationLoss = append(out.ValidationSteps, last),
					append(out.ValidationLoss, v)
			}
		}
		part := fmt.Sprintf("on %d² maps, batch %d", s.Side, s.Batch)
		if i > 0 {
			part = fmt.Sprintf("from step %d %s", before+1, part)
		}
		parts = append(parts, part)
	}
	out.Caption = fmt.Sprintf("%s %s. Predicting no noise at all scores 1.", network,
		strings.Join(parts, "; "))
	return out, nil
}

// TrainingTime returns how long the first steps of a run took, from the speeds in its metrics file;
// pauses do not count. Where the file does not hold all of these steps, it returns an error.
func TrainingTime(path string, steps int) (time.Duration, error) {
	records, err := Read(path)
	if err != nil {
		return 0, err
	}
	done, seconds := 0, 0.0
	for _, r := range records {
		if speed := r.Values[StepsPerSecond]; speed > 0 && r.Step > done && r.Step <= steps {
			seconds += float64(r.Step-done) / speed
			done = r.Step
		}
	}
	if short := steps - done; done == 0 || short > steps/10 {
		return 0, fmt.Errorf("tracking: %s knows the speed up to step %d of %d", path, done, steps)
	}
	return time.Duration(seconds * float64(steps) / float64(done) * float64(time.Second)), nil
}

// WriteCSV writes one row a value.
func (c Curve) WriteCSV(path string) error {
	t := report.NewTable("quantity", "step", "value")
	for i, s := range c.Steps {
		t.Add("loss", s, c.Loss[i])
	}
	for i, s := range c.ValidationSteps {
		t.Add("validation_mse", s, c.ValidationLoss[i])
	}
	return t.Write(path)
}
