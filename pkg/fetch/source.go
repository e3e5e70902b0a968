package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"darkfield/pkg/camels"
)

// Addresses of the maps, which the authors of this program have not tried. Their sources are
//
//   - Server: CMD's documentation (docs/source/access.rst of github.com/franciscovillaescusa/CMD),
//     which names the folders down to 2D_maps/data; scripts of CMD's users have a folder per suite
//     below it.
//   - SecondServer: the documentation of CAMELS, which names its first part, and scripts of users.
//   - Documentation describes other ways: Globus (recommended for large files), Binder, and URLs.
//
// CMD made all maps again in May 2024, because pixels at their boundaries were wrong
// (docs/source/news.rst): the files are not bit for bit those of earlier papers.
const (
	Server = "https://users.flatironinstitute.org/~fvillaescusa/priv/" +
		"DEPnzxoWlaTQ6CjrXqsm0vYi8L7Jy/CMD/2D_maps/data"
	SecondServer  = "https://users.flatironinstitute.org/~camels/CMD/2D_maps/data"
	Documentation = "https://camels-multifield-dataset.readthedocs.io/en/latest/access.html"
)

// Selection says which files are wanted: maps at z = 0 and their tables.
type Selection struct {
	Suite string // IllustrisTNG, SIMBA or Astrid, or Nbody_ and one of these
	Field string // e.g. Mcdm; Nbody suites have only Mtot
	Sets  []camels.Set
	URL   string // of the directory that holds the files; empty for the suite's on Server
}

// Paper returns the selection that the paper uses.
func Paper() Selection {
	return Selection{
		Suite: "IllustrisTNG", Field: "Mcdm",
		Sets: []camels.Set{camels.LH, camels.OneP, camels.CV},
	}
}

// File is one file to fetch.
type File struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

var (
	suites    = []string{"IllustrisTNG", "SIMBA", "Astrid"}
	sets      = []camels.Set{camels.LH, camels.OneP, camels.CV, camels.EX, camels.BE}
	fieldName = regexp.MustCompile(`^[A-Za-z0-9]+$`)
)

// Validate returns an error that names everything that is wrong with the selection.
func (s Selection) Validate() error {
	var errs []error
	twin, nbody := strings.CutPrefix(s.Suite, "Nbody_")
	if !slices.Contains(suites, twin) {
		errs = append(errs, fmt.Errorf("fetch: suite %q, want IllustrisTNG, SIMBA or Astrid, or Nbody_ "+
			"and one of these", s.Suite))
	}
	switch {
	case !fieldName.MatchString(s.Field):
		errs = append(errs, fmt.Errorf("fetch: field %q, want for example Mcdm", s.Field))
	case nbody && s.Field != "Mtot":
		errs = append(errs, fmt.Errorf("fetch: field %s of %s, but N-body suites have only Mtot",
			s.Field, s.Suite))
	}
	if len(s.Sets) == 0 {
		errs = append(errs, fmt.Errorf("fetch: no sets, want some of %v", sets))
	}
	for i, set := range s.Sets {
		if !slices.Contains(sets, set) || slices.Contains(s.Sets[:i], set) {
			errs = append(errs,
				fmt.Errorf("fetch: set %q is unknown or named twice, want some of %v", set, sets))
		}
	}
	if u, err := url.Parse(s.URL); s.URL != "" &&
		(err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		errs = append(errs, fmt.Errorf("fetch: address %q, want http:// or https:// and the directory "+
			"that holds the files", s.URL))
	}
	return errors.Join(errs...)
}

// Files returns the files of a valid selection, tables first: they are small, so that a wrong
// address shows at once.
func (s Selection) Files() []File {
	base := s.URL
	if base == "" {
		folder := s.Suite
		if strings.HasPrefix(folder, "Nbody_") {
			folder = "Nbody"
		}
		base = Server + "/" + folder
	}
	var tables, maps []File
	for _, set := range s.Sets {
		for _, f := range []struct {
			name string
			to   *[]File
		}{
			{fmt.Sprintf("params_%s_%s.txt", set, s.Suite), &tables},
			{fmt.Sprintf("Maps_%s_%s_%s_z=0.00.npy", s.Field, s.Suite, set), &maps},
		} {
			*f.to = append(*f.to, File{Name: f.name, URL: strings.TrimSuffix(base, "/") + "/" + f.name})
		}
	}
	return append(tables, maps...)
}
