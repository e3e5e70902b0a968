package study

// Training holds the course of a training run, as its metrics file has it.
type Training struct {
	Steps           []int
	Loss            []float64
	ValidationSteps []int
	ValidationLoss  []float64 // mean squared error of the noise on fixed maps
	Caption         string
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
