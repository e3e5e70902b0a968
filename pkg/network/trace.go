package network

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend" // on whose empty graphs functions are run
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

var pureGo = sync.OnceValues(func() (compute.Backend, error) {
	return compute.NewWithConfig("go:ops_sequential")
})

// Trace runs a function on an empty graph, so that it makes its variables in a store, and lists
// those that are trainable, in the order in which they were made. A panic of the function is an
// error of one line.
func Trace(store *model.Store, build func(*Graph, *model.Scope)) (list []Tensor, err error) {
	if _, err := run(store, build); err != nil {
		return nil, err
	}
	for v := range store.IterVariables() {
		if !v.Trainable {
			continue
		}
		if v.DType() != dtypes.Float32 {
			return nil, fmt.Errorf("its variable %s is of %s, want float32", v.Path(), v.DType())
		}
		if strings.Contains(v.Path(), ".") {
			return nil, fmt.Errorf("its variable %s has a dot in its path: files write dots for slashes",
				v.Path())
		}
		list = append(list, Tensor{Name: nameOf(v), Shape: v.Shape().Dimensions})
	}
	if len(list) == 0 {
		return nil, errors.New("it has no variables to train")
	}
	return list, nil
}

// run returns the text of the graph that a function builds.
func run(store *model.Store, build func(*Graph, *model.Scope)) (text string, err error) {
	b, err := pureGo()
	if err != nil {
		return "", err
	}
	g := NewGraph(b, "trace")
	defer g.Finalize()
	defer func() {
		if r := recover(); r != nil {
			line, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			err = fmt.Errorf("its function failed: %s", line)
		}
	}()
	model.SetStore(g, store)
	build(g, store.RootScope())
	return g.String(), nil
}

// Fingerprint returns a SHA-256 of the graph that a function builds: functions with the same code
// have the same, and most changes of the code change it.
func Fingerprint(build func(*Graph, *model.Scope)) (string, error) {
	text, err := run(model.NewStore(), build)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text))), err
}

// nameOf returns the name of a variable in files.
func nameOf(v *model.Variable) string { return strings.ReplaceAll(v.Path()[1:], "/", ".") }

// Variable returns the variable of a tensor in the store in which it was made.
func (t Tensor) Variable(store *model.Store) *model.Variable {
	return store.GetVariable("/" + strings.ReplaceAll(t.Name, ".", "/"))
}

// Store returns a store that holds weights, for the network that they belong to.
func Store(w Weights) *model.Store {
	store := model.NewStore()
	for name, a := range w {
		store.VariableWithValue("/"+strings.ReplaceAll(name, ".", "/"),
			tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
	}
	return store
}

// seedParam is the hyperparameter of a store whose variables are drawn as they are made.
const seedParam = "darkfield_seed"

// Draw returns initial values of the variables that trace makes: those of this package as their
// makers say, others as their GoMLX initialisers do on the backend. They depend on the seed and the
// variables' paths.
func Draw(b compute.Backend, seed uint64, trace func(*model.Store) ([]Tensor, error),
) (Weights, error) {
	store := model.NewStore()
	store.SetParam(seedParam, seed)
	if err := store.SetRNGStateFromSeed(int64(seed)); err != nil {
		return nil, err
	}
	list, err := trace(store)
	if err != nil {
		return nil, err
	}
	if err := store.InitializeVariables(b, nil); err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("draw its initial values: %s", line)
	}
	out := Weights{}
	for _, t := range list {
		data, err := tensors.CopyFlatData[float32](t.Variable(store).MustValue())
		if err != nil {
			return nil, fmt.Errorf("read the initial value of %s: %w", t.Name, err)
		}
		out[t.Name] = Array{Shape: t.Shape, Data: data}
	}
	return out, nil
}
