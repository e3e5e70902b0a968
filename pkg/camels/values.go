package camels

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"darkfield/pkg/field"
)

// Content is the kind of quantity that the values of maps look like. Its text is the unit that a
// description of such maps should have.
type Content string

// The contents that are distinguished. The mean of a density of dark or of all matter is fixed by
// the matter density, up to the variance between slabs, so that powers of ten in its unit are seen;
// other fields have no such means.
const (
	UnknownContent Content = ""
	Surface        Content = SurfaceDensity
	Surface1e10    Content = "1e10 " + SurfaceDensity
	SurfaceKpc     Content = "(Msun/h)/(kpc/h)^2"
	LogSurface     Content = "log10 " + SurfaceDensity
	Density        Content = "overdensity"      // ρ/ρ̄, at least 0
	Contrast       Content = "density contrast" // δ = ρ/ρ̄ − 1, at least −1
)

// Values accumulates statistics of the pixels of one or more maps.
type Values struct {
	Pixels, NotFinite, Zero, Negative int
	Min, Max                          float64 // of the finite ones
	sum, squares                      float64
}

// Add adds the pixels of a map.
func (v *Values) Add(pixels []float32) {
	for _, p := range pixels {
		x := float64(p)
		v.Pixels++
		if math.IsNaN(x) || math.IsInf(x, 0) {
			v.NotFinite++
			continue
		}
		if v.Pixels == v.NotFinite+1 {
			v.Min, v.Max = x, x
		}
		v.Min, v.Max = min(v.Min, x), max(v.Max, x)
		switch {
		case x == 0:
			v.Zero++
		case x < 0:
			v.Negative++
		}
		v.sum, v.squares = v.sum+x, v.squares+x*x
	}
}

// Mean returns the mean of the finite pixels, 0 without any.
func (v Values) Mean() float64 {
	return v.sum / float64(max(1, v.Pixels-v.NotFinite))
}

// Empty reports whether all pixels are 0, which means that the map was never written.
func (v Values) Empty() bool { return v.Pixels > 0 && v.Zero == v.Pixels }

// Limits of the mean that separate contents. A slab of CAMELS at the ends of the prior has a mean
// of 1e10 to 2.5e12 (Msun/h)/(Mpc/h)², or 0.1 to 5 times the mean of all slabs; other units differ
// by 6 or more powers of ten. The limits thus lie in wide gaps, except the one between
// overdensities and units of 1e10.
const (
	leastSurface = 1e8
	leastKpc     = 1e3
	least1e10    = 3
	leastDensity = 0.03
)

// logLow to logHigh contains the log10 of every pixel of a surface density of matter, and
// logMeanLow to logMeanHigh their means.
const (
	logLow, logHigh         = 7, 17
	logMeanLow, logMeanHigh = 9, 13.5
)

// A density contrast reaches values above skewed, which its logarithm does not; none exceeds
// densest at any resolution; and every slab has voids below emptier.
const skewed, densest, emptier = 5, 1e6, -0.2

// Content returns what values look like, by their size alone, for maps of matter. It is unknown for
// a constant, for logarithms of overdensities and for values that fit nothing.
//
// Values of at least −1, some below 0, are a density contrast if their mean is 0, or if the largest
// is above 5: logarithms of an overdensity may be as small, but not as large. With mean 0 and
// standard deviation 1 they are standardised values, of unknown origin. Values of 7 to 17 with a
// mean of 9 to 13.5 are logarithms of a surface density: the density itself, in any unit, varies by
// more than a factor of three. Everything else is decided by the mean.
func (v Values) Content() Content {
	n := v.Pixels - v.NotFinite
	if n == 0 || v.Min == v.Max {
		return UnknownContent
	}
	mean := v.Mean()
	if v.Negative > 0 {
		std := math.Sqrt(max(0, v.squares/float64(n)-mean*mean))
		const rounding = 1e-5
		centred, unitary := math.Abs(mean) <= 1e-3*std, math.Abs(std-1) <= 1e-3
		slab := v.Min < emptier && v.Max > skewed && v.Max < densest
		standardised := centred && unitary
		if v.Min >= -1-rounding && (centred || slab) && !standardised {
			return Contrast
		}
		return UnknownContent
	}
	switch {
	case v.Min >= logLow && v.Max <= logHigh && mean >= logMeanLow && mean <= logMeanHigh:
		return LogSurface
	case mean >= leastSurface:
		return Surface
	case mean >= leastKpc:
		return SurfaceKpc
	case mean >= least1e10:
		return Surface1e10
	case mean >= leastDensity:
		return Density
	}
	return UnknownContent
}

// contradicts reports whether values cannot be those of a field in a unit; the field may be
// unknown. For stars, hydrogen and other fields the mean is not known, so that only logarithms and
// contrasts are recognised.
func (v Values) contradicts(unit, fieldName string) bool {
	c := v.Content()
	switch unit {
	case SurfaceDensity:
		switch fieldName {
		case "", "Mcdm", "Mtot", "Mgas":
			return c != Surface && c != UnknownContent
		}
		return c == LogSurface || c == Contrast
	case string(Density):
		return c == LogSurface || c == Contrast || v.Mean() >= most
	}
	return false
}

// most is larger than the mean overdensity of any map; slabs of 25 Mpc/h reach 5.
const most = 10

// remedy returns how to convert or describe values that look like c, where unit was expected, for
// files in dir.
func (c Content) remedy(unit, dir string) string {
	say := fmt.Sprintf("write unit: %q to %s beside them", c, filepath.Join(dir, DescriptionFile))
	switch {
	case c == Surface1e10:
		return "multiply them by 1e10, or " + say
	case c == SurfaceKpc:
		return "multiply them by 1e6, or " + say
	case c == LogSurface:
		return "save 10**a instead of a, or " + say
	case unit == SurfaceDensity:
		return "the mean density was divided out of them: use the densities themselves, or a " +
			"checkpoint of overdensities and " + say
	case c == Contrast:
		return "save 1 + a instead of a, or " + say
	}
	return say + ", if that is what they are"
}

// check returns an error if the values contradict a unit. where names file and map.
func (v Values) check(where, dir, unit, fieldName string) error {
	if !v.contradicts(unit, fieldName) {
		return nil
	}
	c := v.Content()
	return fmt.Errorf("%s: its values (%.4g to %.4g, mean %.4g) look like %q, not like %q: %s",
		where, v.Min, v.Max, v.Mean(), c, unit, c.remedy(unit, dir))
}

// storage is how a file stores linear values of a unit.
type storage struct {
	log      bool    // they are log10
	factor   float64 // by which they are multiplied; 0: 1
	contrast bool    // they are δ, read as 1 + δ
}

// stored splits the unit of a description into the unit of linear values and how they are stored:
// "log10 X", "1e10 X", areas in (kpc/h)², and the density contrast, which becomes an overdensity.
func stored(unit string) (string, storage) {
	var s storage
	for {
		first, rest, more := strings.Cut(strings.TrimSpace(unit), " ")
		switch factor, err := strconv.ParseFloat(first, 64); {
		case more && strings.EqualFold(first, "log10"):
			s.log = true
		case more && err == nil && factor > 0 && !math.IsInf(factor, 0):
			s.factor = cmp.Or(s.factor, 1) * factor
		default:
			unit = strings.TrimSpace(unit)
			switch strings.ToLower(unit) {
			case string(Contrast), "delta", "δ", "overdensity - 1":
				s.contrast, unit = true, string(Density)
			case strings.ToLower(string(SurfaceKpc)):
				s.factor, unit = cmp.Or(s.factor, 1)*1e6, SurfaceDensity
			}
			return unit, s
		}
		unit = rest
	}
}

// linear converts stored values to linear ones, in place.
func (s storage) linear(values []float32) {
	if s == (storage{}) {
		return
	}
	factor := cmp.Or(s.factor, 1)
	for i, v := range values {
		x := float64(v)
		if s.log {
			x = math.Pow(10, x)
		}
		x *= factor
		if s.contrast {
			x++
		}
		values[i] = float32(x)
	}
}

// errEmpty is the error of a map of zeros.
var errEmpty = errors.New("all its pixels are 0: it was never written, as where a program " +
	"stopped that filled the file; make the file " +
	"again, or remove what is 0 (`darkfield inspect` of the file itself says which maps)")

// firstNotFinite names the first pixel of a map that is not finite; there must be one.
func firstNotFinite(m field.Map) *field.PixelError {
	for i, v := range m.Values {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return &field.PixelError{Y: i / m.Box.Cells, X: i % m.Box.Cells, Value: v}
		}
	}
	panic("camels: every pixel is finite")
}
