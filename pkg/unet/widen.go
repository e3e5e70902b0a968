package unet

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"darkfield/pkg/network"
)

// Widen returns weights for c that give the same output as w does for from, and the names of the
// tensors that are new or larger. c may differ from from by ScaleShift instead of ShiftOnly, by a
// larger Hidden, by Rings > 0 instead of 0, and by a Patch where from has none; the error names any
// other difference. New scales and gains are 0. New rows of the first layer of the embedding of θ
// are drawn as Init does; the columns of the second layer that read them are 0.
//
// With Patch = p the network does on the means of squares what it did on pixels, at the time that
// their noise is like, and takes what lies within squares for Gaussian noise of the variance that
// it has in maps of darkfield's simulator.
func (c Config) Widen(from Config, w network.Weights,
	seed uint64,
) (out network.Weights, added []string, err error) {
	if err := errors.Join(c.widens(from), from.Check(w)); err != nil {
		return nil, nil, err
	}
	out = c.Init(seed)
	for _, p := range c.Parameters() {
		old, ok := w[p.Name]
		switch {
		case !ok:
			added = append(added, p.Name)
		case slices.Equal(old.Shape, p.Shape):
			out[p.Name] = old
		default:
			added = append(added, p.Name)
			embed(out[p.Name], old, p.Name == secondOfTheta)
		}
	}
	return out, added, nil
}

// secondOfTheta is the tensor whose columns are the hidden layer of the embedding of θ.
const secondOfTheta = "conditional_embedding.2.weight"

// widens returns an error that names each field of c that from cannot be widened to.
func (c Config) widens(from Config) error {
	errs := []error{c.Validate(), from.Validate()}
	bad := func(ok bool, field string, value, was any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("unet.Config.%s = %v, the weights are of a network with %v: "+
				"want %s", field, value, was, want))
		}
	}
	bad(c.Conditioning == from.Conditioning || from.Conditioning == ShiftOnly, "Conditioning",
		c.Conditioning, from.Conditioning, "the same, or scale-shift from shift")
	bad(c.hidden() >= from.hidden(), "Hidden", c.hidden(), from.hidden(), "as many or more")
	bad(c.Rings == from.Rings || from.Rings == 0, "Rings", c.Rings, from.Rings,
		"the same, or any from 0")
	bad(c.patch() == from.patch() || from.patch() == 1, "Patch", c.patch(), from.patch(),
		"the same, or any from 1")
	bad(c.patch() != from.patch() || c.Detail == from.Detail, "Detail", c.Detail, from.Detail,
		"the same")
	same := func(c Config) Config {
		c.Conditioning, c.Hidden, c.Rings, c.Patch, c.Detail = ShiftOnly, 0, 0, 0, 0
		return c
	}
	if now, was := same(c), same(from); !reflect.DeepEqual(now, was) {
		errs = append(errs, fmt.Errorf("a network of %+v, the weights are of one of %+v: these have to "+
			"agree", now, was))
	}
	return errors.Join(errs...)
}

// embed writes old into the first rows and columns of a, which is at least as large. The rest of a
// is set to 0 if zero is true.
func embed(a, old network.Array, zero bool) {
	if zero {
		clear(a.Data)
	}
	width, oldWidth := 1, 1 // of a row
	if len(a.Shape) > 1 {
		width, oldWidth = a.Shape[1], old.Shape[1]
	}
	for row := range old.Shape[0] {
		copy(a.Data[row*width:row*width+oldWidth], old.Data[row*oldWidth:(row+1)*oldWidth])
	}
}
