package training

import (
	"errors"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
)

// TestVariables: new ones begin as the weights do, a step replaces all groups by name, and what
// reads them leaves them as they are.
func TestVariables(t *testing.T) {
	b := newBackend()
	parameters := []network.Tensor{{Name: "a", Shape: []int{2}}, {Name: "b", Shape: []int{1, 3}}}
	initial := checkpoint.Tensors{
		"a": {Shape: []int{2}, Data: []float32{1, 2}},
		"b": {Shape: []int{1, 3}, Data: []float32{3, 4, 5}},
	}
	v, err := NewVariables(b, parameters, initial)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	// Weights grow tenfold, the average takes the weights' old values, moments grow by the input.
	step, err := v.NewProgram(func(in []*Node) []*Node {
		g := in[0].Graph()
		out := []*Node{ReduceAllSum(v.Node(g, checkpoint.Weights, parameters[1]))}
		for i, group := range Groups {
			for _, p := range parameters {
				w, m := v.Node(g, checkpoint.Weights, p), v.Node(g, group, p)
				out = append(out, []*Node{MulScalar(w, 10), w, Add(m, in[0]), Sub(m, in[0])}[i])
			}
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer step.Close()
	for i, want := range []float32{12, 120} {
		out, err := v.Step(step, parameters, tensors.FromScalar(float32(7)))
		if err != nil || len(out) != 1 || tensors.ToScalar[float32](out[0]) != want {
			t.Fatalf("step %d: outputs %v, %v, want %g", i, out, err, want)
		}
	}
	sum, err := v.NewProgram(func(in []*Node) []*Node {
		return []*Node{Add(in[0], ReduceAllSum(v.Node(in[0].Graph(), checkpoint.EMA, parameters[0])))}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sum.Close()
	for range 2 {
		out, err := sum.Run(tensors.FromScalar(float32(0)))
		if err != nil || tensors.ToScalar[float32](out[0]) != 30 {
			t.Fatalf("sum of the average's a: %v, %v, want 30", out, err)
		}
	}
	got, err := v.Read(Groups...)
	if err != nil {
		t.Fatal(err)
	}
	a, s := []int{2}, []int{1, 3}
	want := checkpoint.Tensors{
		checkpoint.Weights + "a": {Shape: a, Data: []float32{100, 200}}, checkpoint.Weights +
			"b": {Shape: s, Data: []float32{300, 400, 500}},
		checkpoint.EMA + "a": {Shape: a, Data: []float32{10, 20}}, checkpoint.EMA +
			"b": {Shape: s, Data: []float32{30, 40, 50}},
		checkpoint.AdamM + "a": {Shape: a, Data: []float32{14, 14}}, checkpoint.AdamM +
			"b": {Shape: s, Data: []float32{14, 14, 14}},
		checkpoint.AdamV + "a": {Shape: a, Data: []float32{-14, -14}}, checkpoint.AdamV +
			"b": {Shape: s, Data: []float32{-14, -14, -14}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestVariablesThatAreNotFinite are not read, so that they are not written.
func TestVariablesThatAreNotFinite(t *testing.T) {
	parameters := []network.Tensor{{Name: "a", Shape: []int{2}}}
	v, err := NewVariables(newBackend(), parameters,
		checkpoint.Tensors{"a": {Shape: []int{2}, Data: []float32{1, float32(math.NaN())}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Read(checkpoint.AdamM); err != nil {
		t.Errorf("moments: %v", err)
	}
	if _, err := v.Read(checkpoint.Weights); !errors.Is(err, ErrNotFinite) {
		t.Errorf("error %v, want %v", err, ErrNotFinite)
	}
}

// TestPortions: parameters keep their order, and no portion is larger than it may be unless one
// tensor is.
func TestPortions(t *testing.T) {
	tensor := func(name string, size int) network.Tensor {
		return network.Tensor{Name: name, Shape: []int{size}}
	}
	a, b, c, d := tensor("a", portion/2), tensor("b", portion/2), tensor("c", 2*portion),
		tensor("d", 1)
	v := &Variables{tensors: []network.Tensor{a, b, c, d}}
	if diff := cmp.Diff([][]network.Tensor{{a, b}, {c}, {d}}, v.Portions()); diff != "" {
		t.Error(diff)
	}
}
