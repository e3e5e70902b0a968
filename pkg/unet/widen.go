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
// With Patch = p the network does on squares what it did on pixels: it takes p times the mean of a
// square, in which white noise has the variance that it has in a pixel, and gives each pixel of the
// square 1/p of what it gave.
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
			if patched[p.Name] {
				repeat(out[p.Name], old, c.patch())
			} else {
				embed(out[p.Name], old, p.Name == secondOfTheta)
			}
		}
	}
	return out, added, nil
}

// secondOfTheta is the tensor whose columns are the hidden layer of the embedding of θ.
const secondOfTheta = "conditional_embedding.2.weight"

// patched are the tensors that read a map or write one, with a channel for each pixel of a square.
var patched = map[string]bool{
	"downs.0.0.block1.proj.weight": true, "downs.0.0.res_conv.weight": true,
	"final_conv.1.weight": true, "final_conv.1.bias": true,
}

// repeat fills a with 1/side of old for each pixel of a square: old has one channel where a has
// side².
func repeat(a, old network.Array, side int) {
	within := len(old.Data) // numbers of one channel of the map
	if len(old.Shape) > 1 && old.Shape[1] == 1 {
		within /= old.Shape[0] // the map is the second axis, the network's channels the first
	}
	for i := range a.Data {
		channel := i / (side * side * within)
		a.Data[i] = old.Data[channel*within+i%within] / float32(side)
	}
}

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
	same := func(c Config) Config {
		c.Conditioning, c.Hidden, c.Rings, c.Patch = ShiftOnly, 0, 0, 0
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
