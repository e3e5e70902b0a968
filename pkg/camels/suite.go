package camels

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"darkfield/pkg/filetype"
)

// Set names one of CAMELS' sets of simulations.
type Set string

const (
	LH   Set = "LH" // Latin hypercube: parameters spread over the prior
	OneP Set = "1P" // one parameter varied at a time
	CV   Set = "CV" // cosmic variance: the fiducial model with other random phases
	EX   Set = "EX" // extreme astrophysics
	BE   Set = "BE" // butterfly effect
)

// Sobol reports whether a set is one of CAMELS' newer ones, such as SB28, a Sobol sequence of as
// many parameters as the name says.
func (s Set) Sobol() bool { return strings.HasPrefix(string(s), "SB") }

// Suite is an opened directory of maps in CMD's layout.
type Suite struct {
	Dir         string
	Description Description
	Field       string // e.g. Mcdm
	Sets        map[Set]*Maps
}

// Choice selects maps in a directory that holds several suites or fields; empty strings match
// anything.
type Choice struct {
	Suite string
	Field string
}

var mapFile = regexp.MustCompile(`^Maps_([A-Za-z0-9]+)_(.+)_(LH|1P|CV|EX|BE|SB[0-9]*)` +
	`(_L[0-9]+n[0-9]+)?_z=([0-9.]+)\.(?i:npy)$`)

// Open opens a directory of maps in CMD's layout: Maps_<field>_<suite>_<set>_z=<redshift>.npy
// beside params_<set>_<suite>.txt (older files: params_<suite>.txt, or CAMELS' own
// CosmoAstroSeed_<suite>_L25n256_<set>.txt). Boxes of CAMELS' second generation, of 50 Mpc/h, are
// recognised by L50n512 behind the suite or the set, or by the set SB35. Headers, sizes and tables
// are checked; maps are read on demand.
func Open(dir string) (*Suite, error) { return OpenChoice(dir, Choice{}) }

// OpenChoice is Open for a directory with several suites or fields.
func OpenChoice(dir string, c Choice) (*Suite, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, syscall.ENOTDIR) {
		err = cmp.Or(filetype.Expect(dir, filetype.MapsDir), err)
	}
	if err != nil {
		return nil, fmt.Errorf("camels: %w", err)
	}
	found := map[Choice]map[Set]string{}
	for _, e := range entries {
		p := mapFile.FindStringSubmatch(e.Name())
		if p != nil {
			p[2] += p[4]
		}
		if p == nil || c.Field != "" && p[1] != c.Field || c.Suite != "" && p[2] != c.Suite {
			continue
		}
		key := Choice{Suite: p[2], Field: p[1]}
		if found[key] == nil {
			found[key] = map[Set]string{}
		}
		if other, twice := found[key][Set(p[3])]; twice {
			return nil, fmt.Errorf("camels: %s holds both %s and %s: move one of them to another directory",
				dir, other, e.Name())
		}
		found[key][Set(p[3])] = e.Name()
	}
	key, err := only(dir, c, found)
	if err != nil {
		return nil, err
	}
	return open(dir, key, found[key])
}

// only returns the one key of found, or an error that lists them.
func only(dir string, c Choice, found map[Choice]map[Set]string) (Choice, error) {
	var names []string
	for key := range found {
		names = append(names, key.Field+" of "+key.Suite)
	}
	slices.Sort(names)
	switch len(found) {
	case 1:
		for key := range found {
			return key, nil
		}
	case 0:
		if c != (Choice{}) {
			return c, fmt.Errorf("camels: %s holds no maps of suite %q and field %q (empty: any): look "+
				"what there is with `ls`", dir, c.Suite, c.Field)
		}
		return c, fmt.Errorf("camels: %s holds no maps of the form "+
			"Maps_<field>_<suite>_<set>_z=0.00.npy: name another directory, or simulate maps with "+
			"`darkfield simulate`", dir)
	}
	return c, fmt.Errorf("camels: %s holds several kinds of maps (%s): choose one with --suite and "+
		"--field, or keep one a directory", dir, strings.Join(names, ", "))
}

func open(dir string, key Choice, files map[Set]string) (*Suite, error) {
	d, err := describe(dir, key.Suite, key.Field, order(files))
	if err != nil {
		return nil, err
	}
	s := &Suite{Dir: dir, Description: d, Field: key.Field, Sets: map[Set]*Maps{}}
	s.Description.Unit, _ = stored(d.Unit) // maps are read as linear values
	for _, set := range order(files) {
		if err := s.add(set, files[set], d); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// order returns sets in the order in which they are opened and reported, the training set first.
func order[V any](sets map[Set]V) []Set {
	known := []Set{LH, OneP, CV, EX, BE}
	return slices.SortedFunc(maps.Keys(sets), func(a, b Set) int {
		place := func(s Set) int {
			if i := slices.Index(known, s); i >= 0 {
				return i
			}
			return len(known)
		}
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
}

// TrainingSet returns the set whose parameters cover the prior: LH, or else a Sobol set. ok is
// false if the suite has neither.
func (s *Suite) TrainingSet() (set Set, ok bool) {
	for _, set := range order(s.Sets) {
		if set == LH || set.Sobol() {
			return set, true
		}
	}
	return "", false
}

// add opens a set; its maps must have as many pixels as those of the sets before it.
func (s *Suite) add(set Set, name string, d Description) error {
	table, err := tablePath(s.Dir, s.Description.Suite, set)
	if err != nil {
		return err
	}
	m, err := openMaps(filepath.Join(s.Dir, name), table, d)
	if err != nil {
		return err
	}
	s.Sets[set] = m
	if err := s.checkGeneration(m); err != nil {
		return err
	}
	for _, other := range s.Sets {
		if other.box.Cells != m.box.Cells {
			return fmt.Errorf("camels: %s has maps of %d pixels a side and %s of %d: keep maps of one "+
				"side in a directory", m.Path(), m.box.Cells, other.Path(), other.box.Cells)
		}
	}
	return nil
}

// checkGeneration returns an error for a table of the second generation's 35 parameters beside maps
// whose name and description do not say that their box has 50 Mpc/h.
func (s *Suite) checkGeneration(m *Maps) error {
	if len(m.table.columns) != 35 || s.Description.BoxSide != cmdSide || !known(s.Description.Suite) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(s.Dir, DescriptionFile)); err == nil {
		return nil
	}
	return fmt.Errorf("camels: %s has 35 parameters, as CAMELS' boxes of 50 Mpc/h have, but "+
		"the name of %s is that of boxes of %d Mpc/h: call it "+
		"Maps_<field>_<suite>_L50n512_<set>_z=0.00.npy, or write box_side_mpc_h: %d to %s",
		m.table.path, m.Path(), cmdSide, cmdSide, filepath.Join(s.Dir, DescriptionFile))
}

// tablePath returns the table of a set: new names first, then old ones. Simulations of an Nbody
// suite have the parameters of those that they are matched with, so that Nbody_SIMBA may use the
// tables of SIMBA.
func tablePath(dir, suite string, set Set) (string, error) {
	box := volume.FindString(suite)
	var names []string
	for _, s := range []string{suite, strings.TrimPrefix(suite, "Nbody_")} {
		bare := withoutVolume(s)
		names = append(names, fmt.Sprintf("params_%s_%s.txt", set, s))
		switch {
		case box != "":
			names = append(names, fmt.Sprintf("params_%s_%s.txt", set, bare),
				fmt.Sprintf("CosmoAstroSeed_%s%s_%s.txt", bare, box, set))
		case set == "SB35":
			names = append(names, fmt.Sprintf("CosmoAstroSeed_%s_L50n512_%s.txt", s, set),
				fmt.Sprintf("CosmoAstroSeed_%s_%s.txt", s, set))
		default:
			names = append(names, fmt.Sprintf("params_%s.txt", s),
				fmt.Sprintf("CosmoAstroSeed_%s_L25n256_%s.txt", s, set),
				fmt.Sprintf("CosmoAstroSeed_%s_%s.txt", s, set))
		}
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("camels: %s has maps of %s %s but no table %s (or %s): put it beside them",
		dir, suite, set, names[0], strings.Join(names[1:3], ", "))
}

// Has reports whether the suite has a set.
func (s *Suite) Has(set Set) bool { return s.Sets[set] != nil }

// Close closes all files.
func (s *Suite) Close() error {
	var errs []error
	for _, m := range s.Sets {
		errs = append(errs, m.close())
	}
	return errors.Join(errs...)
}
