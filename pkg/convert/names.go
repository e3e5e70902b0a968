package convert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"darkfield/pkg/unet"
)

// Names that wrappers add to those of the network.
const (
	averaged = "ema_model." // an averaging wrapper keeps both networks
	online   = "online_model."
)

var (
	prefixes = strings.Fields("module. _orig_mod. model. ema_model. online_model.")
	counters = map[string]bool{"initted": true, "step": true, "n_averaged": true} // of averaging wrappers, no weights
)

// tidy gives both groups the network's own names.
func (s *source) tidy() {
	for _, group := range []map[string]tensor{s.raw, s.average} {
		for name := range group {
			if counters[name] && len(group) > len(counters) {
				delete(group, name)
			}
		}
	}
	// One dictionary with both networks of an averaging wrapper; training's own copy, if there is one, is kept.
	for _, group := range []map[string]tensor{s.raw, s.average} {
		if with(group, averaged) && with(group, online) {
			first, second := map[string]tensor{}, map[string]tensor{}
			for name, t := range group {
				if strings.HasPrefix(name, online) {
					first[name] = t
				} else {
					second[name] = t
				}
			}
			if s.raw == nil || with(s.raw, averaged) {
				s.raw = first
			}
			s.average = second
			break
		}
	}
	s.raw, s.average = strip(s.raw), strip(s.average)
	if s.raw == nil { // an average alone is all there is to know
		s.raw, s.average = s.average, nil
	}
}

func with(group map[string]tensor, prefix string) bool {
	for name := range group {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// strip takes off prefixes that all names share.
func strip(group map[string]tensor) map[string]tensor {
	for i := 0; i < len(prefixes); i++ {
		out := map[string]tensor{}
		for name, t := range group {
			if rest, ok := strings.CutPrefix(name, prefixes[i]); ok {
				out[rest] = t
			}
		}
		if len(out) > 0 && len(out) == len(group) {
			group, i = out, -1 // prefixes may be nested in any order
		}
	}
	return group
}

// infer reads the network's form from the shapes of some tensors. What it cannot read stays as in the paper, and the check of
// all names and shapes says what does not fit.
func infer(group map[string]tensor) unet.Config {
	c := unet.Default()
	dimension := func(name string, rank, axis int) (int, bool) {
		t, ok := group[name]
		if !ok || len(t.shape) != rank || t.shape[axis] < 1 || t.shape[axis] > 1<<20 {
			return 0, false
		}
		return t.shape[axis], true
	}
	if n, ok := dimension("time_mlp.1.weight", 2, 1); ok {
		c.Dim = n
	}
	if n, ok := dimension("conditional_embedding.0.weight", 2, 1); ok {
		c.Thetas = n
	}
	if n, ok := dimension("mid_attn.fn.fn.to_qkv.weight", 4, 0); ok && n%(3*c.HeadDim) == 0 {
		c.Heads = n / (3 * c.HeadDim)
	}
	var multipliers []int
	for {
		n, ok := dimension(fmt.Sprintf("downs.%d.0.block1.proj.weight", len(multipliers)), 4, 0)
		if !ok || n%c.Dim != 0 {
			break
		}
		multipliers = append(multipliers, n/c.Dim)
	}
	if len(multipliers) >= 2 {
		c.Multipliers = multipliers
	}
	return c
}

// check compares names and shapes with the network's and lists every difference in one line.
func check(group map[string]tensor, c unet.Config) error {
	var shapes, missing, strangers []string
	known := map[string]bool{}
	for _, p := range c.Parameters() {
		known[p.Name] = true
		if t, ok := group[p.Name]; !ok {
			missing = append(missing, p.Name)
		} else if !slices.Equal(t.shape, p.Shape) {
			shapes = append(shapes, fmt.Sprintf("%s %v, want %v", p.Name, t.shape, p.Shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if !known[name] {
			strangers = append(strangers, strings.Trim(strconv.QuoteToASCII(name), `"`))
		}
	}
	var faults []string
	for _, list := range []struct {
		what  string
		names []string
	}{{"wrong shapes", shapes}, {"unexpected", strangers}, {"missing", missing}} {
		n := len(list.names)
		if n == 0 {
			continue
		}
		faults = append(faults, fmt.Sprintf("%s (%d): %s", list.what, n, strings.Join(list.names, ", ")))
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}
