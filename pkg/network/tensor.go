package network

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Tensor describes one trainable tensor of a network.
type Tensor struct {
	Name  string // the variable's path with dots: downs.0.1.block1.proj.weight
	Shape []int
}

// Size returns the number of entries.
func (t Tensor) Size() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Array is one tensor on the host, row-major.
type Array struct {
	Shape []int
	Data  []float32
}

// Weights are the values of a network's tensors by name.
type Weights map[string]Array

// Check returns an error that lists every missing, unexpected and misshapen tensor of w.
func Check(tensors []Tensor, w Weights) error {
	var errs []error
	known := map[string]bool{}
	for _, t := range tensors {
		known[t.Name] = true
		a, ok := w[t.Name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", t.Name))
		case !slices.Equal(a.Shape, t.Shape):
			errs = append(errs, fmt.Errorf("%s has shape %v, want %v", t.Name, a.Shape, t.Shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("%s is not a tensor of this network", name))
		}
	}
	return errors.Join(errs...)
}

// NumParameters returns the number of trainable numbers.
func NumParameters(tensors []Tensor) int {
	n := 0
	for _, t := range tensors {
		n += t.Size()
	}
	return n
}
