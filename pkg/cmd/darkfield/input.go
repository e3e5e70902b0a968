package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"darkfield/pkg/camels"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
)

// glance is how many simulations are looked at for a warning of values that a network has not seen.
const glance = 20

// dataOf is heldout.New with a warning of maps far outside the checkpoint's log range.
func (a *app) dataOf(e *emulator.Emulator, s *camels.Suite) (heldout.Data, error) {
	data, err := heldout.New(e, s)
	if err != nil {
		return data, err
	}
	return data, a.warnOfRange(s, e.Manifest().Scaling, e.Box().Cells)
}

// opened is a checkpoint with the maps of a directory.
type opened struct {
	*emulator.Emulator
	suite *camels.Suite
	data  heldout.Data
}

// open opens a checkpoint and a directory of maps, with the warnings of dataOf.
func (a *app) open(checkpoint, dir string, c camels.Choice) (o opened, err error) {
	if o.suite, err = camels.OpenChoice(dir, c); err != nil {
		return o, err
	}
	if o.Emulator, err = openEmulator(checkpoint); err != nil {
		return o, errors.Join(err, o.suite.Close())
	}
	if o.data, err = a.dataOf(o.Emulator, o.suite); err != nil {
		o.close()
	}
	return o, err
}

func (o opened) close() {
	o.Emulator.Close()
	_ = o.suite.Close() // it was only read
}

// warnOfRange warns of every set whose maps, averaged to side pixels, lie far outside a log range.
func (a *app) warnOfRange(s *camels.Suite, scaling field.Scaling, side int) error {
	for _, maps := range s.Sets {
		warning, err := maps.RangeWarning(scaling, side, glance)
		if err != nil {
			return err
		}
		a.warn(warning)
	}
	return nil
}

// warn writes warnings that are not empty.
func (a *app) warn(warnings ...string) {
	for _, w := range warnings {
		if w != "" {
			fmt.Fprintln(a.err, "warning:", w)
		}
	}
}

// expectMaps returns an error if a file is surely none of maps, before a network is opened for it.
func expectMaps(path string) error {
	f, err := camels.OpenFile(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// oneMap reads one map of a file for a checkpoint and averages it down to the network's pixels.
// Warnings say what was done to it, and that it lies far outside what the network was trained on.
func oneMap(path string, index int, e *emulator.Emulator,
) (out field.LogMap, warnings []string, err error) {
	f, err := camels.OpenFile(path)
	if err != nil {
		return out, nil, err
	}
	defer f.Close()
	fail := func(err error) (field.LogMap, []string, error) {
		return out, nil, fmt.Errorf("map %d of %s: %w", index, path, err)
	}
	data, box := e.Manifest().Data, e.Box()
	m, note, err := f.Map(index, box.Side, camels.Wanted{
		Field: cmp.Or(data.Field, "Mcdm"), Unit: data.Unit, Offset: data.Offset, BoxSide: box.Side,
	})
	if err != nil {
		return out, nil, err
	}
	if m, err = field.BlockAverage(m, box.Cells); err != nil {
		return fail(err)
	}
	if out, err = m.Log10(); err != nil {
		return fail(err)
	}
	low, high := out.Range()
	far := e.Manifest().Scaling.Warning(fmt.Sprintf("map %d of %s", index, path), low, high)
	return out, slices.DeleteFunc([]string{note, far}, func(w string) bool { return w == "" }), nil
}
