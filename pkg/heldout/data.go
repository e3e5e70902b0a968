package heldout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
)

// Data are true maps and how one checkpoint's training divided them. Without a suite they serve
// the inference from single maps.
type Data struct {
	Suite *camels.Suite
	// simulations of the LH set that the checkpoint was trained on, those that training has not
	// seen, and those that nothing was chosen by
	Train, Validation, Test []int
	Prior                   cosmology.Prior // over which the network is conditioned
	Box                     field.Box       // of the network's maps
	Checkpoint              Checkpoint

	// Progress is told what is being done and which fraction of it is; nil: nobody is.
	Progress func(stage string, fraction float64)
}

// Checkpoint is what captions say of the weights, and what kept results go by.
type Checkpoint struct {
	Hash    string // of all tensors
	Network string // hash of those of the network alone
	Step    int    // of the training
	Suite   string // that it was trained on; captions name it where it differs from the data's
	Name    string // what captions call the weights; empty: the checkpoint
}

// New returns the data of a checkpoint: maps of a suite, which may be nil. It returns an error for
// maps of another box or field, without the parameters that the network is conditioned on, or of
// pixels that cannot be averaged to the network's.
func New(e *emulator.Emulator, suite *camels.Suite) (Data, error) {
	m := e.Manifest()
	d := Data{
		Suite: suite,
		Train: m.Data.Split.Train, Validation: m.Data.Split.Validation, Test: m.Data.Split.Test,
		Prior: m.Prior, Box: e.Box(),
		Checkpoint: Checkpoint{
			Hash: e.Hash(), Network: e.NetworkHash(), Step: m.Step, Suite: m.Data.Suite,
		},
	}
	if suite == nil {
		return d, nil
	}
	return d, cmp.Or(d.checkBox(), checkField(suite, cmp.Or(m.Data.Field, "Mcdm"), m.Data.Unit,
		m.Data.Offset), d.checkParameters())
}

// checkParameters returns an error unless the suite's tables give the parameters that the
// checkpoint is conditioned on. One of Ω_m and σ_8 alone takes them from any.
func (d Data) checkParameters() error {
	if has := d.Suite.Description.Prior(); len(d.Prior.Further) > 0 &&
		!slices.Equal(has.Further, d.Prior.Further) {
		return fmt.Errorf("heldout: the checkpoint is conditioned on %s, and %s gives %s; write %s to "+
			"%s there, or choose other data", strings.Join(d.Prior.Names(), ", "), d.Suite.Dir,
			strings.Join(has.Names(), ", "), camels.ParametersOf(d.Prior), camels.DescriptionFile)
	}
	return nil
}

// checkField returns an error unless the suite's maps show what the checkpoint was trained on.
// Its log range may differ: the emulator keeps its own.
func checkField(suite *camels.Suite, name, unit string, offset float64) error {
	if suite.Field != name {
		return fmt.Errorf("heldout: %s has maps of %s, the checkpoint was trained on %s; choose data of "+
			"the same field", suite.Dir, suite.Field, name)
	}
	if d := suite.Description; d.Unit != unit || d.Offset != offset {
		return fmt.Errorf("heldout: %s has maps in %s with %g added, the checkpoint was trained on maps "+
			"in %s with %g; choose other data or correct %s", suite.Dir, d.Unit, d.Offset, unit, offset,
			camels.DescriptionFile)
	}
	return nil
}

// checkBox returns an error unless the suite's maps can be averaged to the checkpoint's.
func (d Data) checkBox() error {
	for _, maps := range d.Suite.Sets {
		box := maps.Box()
		if box.Side != d.Box.Side {
			return fmt.Errorf("heldout: %s has maps of %g Mpc/h a side, the checkpoint was trained on %g; "+
				"choose data of the same box", maps.Path(), box.Side, d.Box.Side)
		}
		if box.Cells%d.Box.Cells != 0 {
			return fmt.Errorf("heldout: %s has maps of %d pixels a side, which cannot be averaged to the "+
				"checkpoint's %d", maps.Path(), box.Cells, d.Box.Cells)
		}
	}
	return nil
}

// Report returns the progress function of the i-th of n equal parts of a stage.
func (d Data) Report(stage string, i, n int) func(done, total int) {
	return func(done, total int) {
		if d.Progress != nil {
			d.Progress(stage, (float64(i)+float64(done)/float64(max(total, 1)))/float64(n))
		}
	}
}

// Maps returns the LH set, or the Sobol set where that is missing: either spreads simulations over
// the prior.
func (d Data) Maps() (*camels.Maps, error) {
	set, ok := d.Suite.TrainingSet()
	if !ok {
		return nil, fmt.Errorf("heldout: %s has no LH set, which holds the validation parameters; make "+
			"it or choose another directory", d.Suite.Dir)
	}
	return d.Suite.Sets[set], nil
}

// Among returns those of the simulations that a set has, inside the prior.
func (d Data) Among(maps *camels.Maps, sims []int) []int {
	var out []int
	for _, sim := range sims {
		if sim >= 0 && sim < maps.Simulations() && d.Prior.Contains(maps.Params(sim)) {
			out = append(out, sim)
		}
	}
	return out
}

// Within returns the first n simulations of a set that lie inside the prior; 0: all of them.
func (d Data) Within(maps *camels.Maps, n int) []int {
	all := make([]int, maps.Simulations())
	for i := range all {
		all[i] = i
	}
	in := d.Among(maps, all)
	if n > 0 {
		in = in[:min(n, len(in))]
	}
	return in
}

// Choose returns up to n validation simulations that the suite has. The first spread are those far
// from each other in the prior, beginning with the one nearest to its centre; the rest follow in
// the order of the split. The choice depends on the split and the parameters alone, so that every
// checkpoint of a run is judged on the same ones.
func (d Data) Choose(n, spread int) ([]int, error) {
	maps, err := d.Maps()
	if err != nil {
		return nil, err
	}
	have, err := d.some(maps, "validation", d.Validation)
	if err != nil {
		return nil, err
	}
	chosen := d.spread(maps, have, min(spread, len(have)))
	for _, sim := range have {
		if len(chosen) < n && !slices.Contains(chosen, sim) {
			chosen = append(chosen, sim)
		}
	}
	return chosen[:min(n, len(chosen))], nil
}

// Unseen returns the simulations that training has not seen: the validation set and, where it is
// asked for, the test set.
func (d Data) Unseen(withTest bool) ([]int, *camels.Maps, error) {
	maps, err := d.Maps()
	if err != nil {
		return nil, nil, err
	}
	sims := d.Validation
	if withTest {
		sims = slices.Concat(sims, d.Test)
	}
	have, err := d.some(maps, "held-out", sims)
	return have, maps, err
}

// some is Among, with an error where there is none.
func (d Data) some(maps *camels.Maps, kind string, sims []int) ([]int, error) {
	have := d.Among(maps, sims)
	if len(have) == 0 {
		return nil, fmt.Errorf("heldout: none of the checkpoint's %d %s simulations is among the %d of "+
			"%s; use the data it was trained on, or make more simulations", len(sims), kind,
			maps.Simulations(), maps.Path())
	}
	return have, nil
}

// Central returns an unseen simulation near the prior's centre, and its set: what to show one map
// of.
func (d Data) Central() (sim int, maps *camels.Maps, err error) {
	sims, maps, err := d.Unseen(true)
	if err != nil {
		return 0, nil, err
	}
	return d.spread(maps, sims, 1)[0], maps, nil
}

// spread picks n simulations by farthest-point order in the unit box of the prior.
func (d Data) spread(maps *camels.Maps, have []int, n int) []int {
	distance := func(a, b cosmology.UnitParams) float64 { return floats.Distance(a, b, 2) }
	at := func(sim int) cosmology.UnitParams { return d.Prior.Unit(maps.Params(sim)) }
	centre := make(cosmology.UnitParams, d.Prior.Len())
	floats.AddConst(0.5, centre)
	chosen := []int{slices.MinFunc(have, func(a, b int) int {
		return cmp.Compare(distance(at(a), centre), distance(at(b), centre))
	})}
	for len(chosen) < n {
		nearest := func(sim int) float64 {
			d := math.Inf(1)
			for _, c := range chosen {
				d = min(d, distance(at(sim), at(c)))
			}
			return d
		}
		chosen = append(chosen,
			slices.MaxFunc(have, func(a, b int) int { return cmp.Compare(nearest(a), nearest(b)) }))
	}
	slices.SortFunc(chosen,
		func(a, b int) int { return cmp.Compare(maps.Params(a).OmegaM, maps.Params(b).OmegaM) })
	return chosen
}

// Simulation returns the maps of a simulation as the network makes them: averaged to its pixels,
// then log10.
func (d Data) Simulation(maps *camels.Maps, sim int) ([]field.LogMap, error) {
	linear, err := maps.Simulation(sim)
	if err != nil {
		return nil, err
	}
	out := make([]field.LogMap, len(linear))
	for i, m := range linear {
		if out[i], err = d.log(m, maps, sim, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Map returns map k of a simulation likewise.
func (d Data) Map(maps *camels.Maps, sim, k int) (field.LogMap, error) {
	m, err := maps.Map(sim*camels.MapsPerSimulation + k)
	if err != nil {
		return field.LogMap{}, err
	}
	return d.log(m, maps, sim, k)
}

// log averages map k of a simulation, m, and takes its log10.
func (d Data) log(m field.Map, maps *camels.Maps, sim, k int) (out field.LogMap, err error) {
	if m, err = field.BlockAverage(m, d.Box.Cells); err == nil {
		out, err = m.Log10()
	}
	if err != nil {
		err = fmt.Errorf("heldout: %s, simulation %d, map %d: %w", maps.Path(), sim, k, err)
	}
	return out, err
}

// Caption says which maps a result is about, after them first, then which checkpoint, how it was
// used, and more, which may be empty.
func (d Data) Caption(first, how, more string) string {
	trained := ""
	if c := d.Checkpoint; c.Suite != "" && c.Suite != d.Suite.Description.Suite {
		trained = " (trained on " + c.Suite + ")"
	}
	weights := "checkpoint"
	if d.Checkpoint.Name != "" {
		weights = d.Checkpoint.Name + ","
	}
	text := fmt.Sprintf("%s%s; %s step %d, %.8s%s; %s.", SuiteCaption(d.Suite, d.Box), first, weights,
		d.Checkpoint.Step, d.Checkpoint.Hash, trained, how)
	if more != "" {
		text += " " + more
	}
	return text
}

// SuiteCaption says which maps these are, so that nobody takes simulated boxes for CAMELS.
func SuiteCaption(suite *camels.Suite, box field.Box) string {
	name := suite.Description.Suite
	if name == camels.FastPM {
		name = "FastPM simulated boxes (not CAMELS)"
	}
	return fmt.Sprintf("%s, %d² pixels, %g Mpc/h a side", name, box.Cells, box.Side)
}
