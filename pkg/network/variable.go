package network

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Uniform returns a variable of a scope whose initial values are uniform in ±bound.
func Uniform(scope *model.Scope, name string, bound float64, dims ...int) *model.Variable {
	return variable(scope, name, dims, func(rng *rand.Rand) float32 {
		return float32((2*rng.Float64() - 1) * bound)
	})
}

// Constant returns a variable of a scope whose initial values are all the same.
func Constant(scope *model.Scope, name string, value float32, dims ...int) *model.Variable {
	return variable(scope, name, dims, func(*rand.Rand) float32 { return value })
}

// variable returns a variable of a scope, drawn on the host where the store has a seed: GoMLX's
// initialisers would compile a graph for them.
func variable(scope *model.Scope, name string, dims []int,
	draw func(*rand.Rand) float32,
) *model.Variable {
	shape := shapes.Make(dtypes.Float32, dims...)
	seed, drawn := scope.GetParam(seedParam)
	if !drawn || scope.GetVariable(name) != nil {
		return scope.VariableWithShape(name, shape)
	}
	path := fnv.New64a()
	path.Write([]byte(model.JoinPath(scope.Scope(), name)))
	rng := rand.New(rand.NewPCG(seed.(uint64), path.Sum64()))
	data := make([]float32, shape.Size())
	for i := range data {
		data[i] = draw(rng)
	}
	return scope.VariableWithValue(name, tensors.FromFlatDataAndDimensions(data, dims...))
}
