package convert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// form finds the network's form: from the file's manifest, or else from shapes and, for what these
// leave open, from the file or the flags. The paper's numbers are assumed where they fit the shapes
// and nobody says otherwise; assumed names them. Where they do not fit, the choices are an error.
func (s *source) form(group map[string]tensor, o Options,
) (c unet.Config, assumed []string, err error) {
	if s.manifest != nil {
		c = s.manifest.Network
		if o.Groups != 0 && o.Groups != c.Groups || o.Heads != 0 && o.Heads != c.Heads {
			return c, nil, fmt.Errorf("says that its network has %d groups and %d heads, against "+
				"--groups or --heads: leave them out", c.Groups, c.Heads)
		}
		return c, nil, nil
	}
	c = unet.Default()
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
		c.ConditionDim = n
	}
	if n, ok := dimension("conditional_embedding.0.weight", 2, 0); ok {
		c = c.WithHidden(n)
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
	hidden, known := dimension("mid_attn.fn.fn.to_qkv.weight", 4, 0)
	if known = known && hidden%3 == 0; known {
		hidden /= 3
	} else {
		hidden = c.Heads * c.HeadDim
	}
	if c.Heads, c.HeadDim, err = s.heads(hidden, o); err != nil {
		return c, nil, err
	}
	if c.Heads == 0 {
		c.Heads, c.HeadDim = unet.Default().Heads, unet.Default().HeadDim
		if c.Heads*c.HeadDim != hidden {
			return c, nil, fmt.Errorf("has attention of %d channels, which may be %s heads: state --heads",
				hidden, choices(hidden, true))
		}
		assumed = append(assumed, fmt.Sprintf("%d attention heads of %d channels", c.Heads, c.HeadDim))
	}
	if c.Groups, err = s.groups(c.Dim, o); err != nil {
		return c, nil, err
	}
	if c.Groups == 0 {
		if c.Groups = unet.Default().Groups; c.Dim%c.Groups != 0 {
			return c, nil, fmt.Errorf("has normalisations of %d channels, which may be in %s groups: "+
				"state --groups", c.Dim, choices(c.Dim, false))
		}
		assumed = append([]string{fmt.Sprintf("%d groups of channels", c.Groups)}, assumed...)
	}
	return c, assumed, nil
}

// number returns what the file says under the first of some keys.
func (s *source) number(keys string) (int, string) {
	for _, key := range strings.Fields(keys) {
		if n, ok := whole(s.said[key]); ok && n > 0 {
			return n, key
		}
	}
	return 0, ""
}

// heads returns what the flags or the file say of the attention's heads, 0 for nothing.
func (s *source) heads(hidden int, o Options) (heads, width int, err error) {
	heads, by := s.number("attn_heads num_heads n_heads heads")
	if width, key := s.number("attn_dim_head dim_head head_dim"); heads == 0 && width > 0 &&
		hidden%width == 0 {
		heads, by = hidden/width, key
	}
	if o.Heads != 0 {
		heads, by = o.Heads, "--heads"
	}
	if heads == 0 {
		return 0, 0, nil
	}
	if heads < 0 || hidden%heads != 0 {
		return 0, 0, fmt.Errorf("has attention of %d channels, which %s = %d does not divide: want %s "+
			"heads", hidden, by, heads, choices(hidden, false))
	}
	return heads, hidden / heads, nil
}

// groups returns what the flags or the file say of the normalisations' groups, 0 for nothing.
func (s *source) groups(dim int, o Options) (int, error) {
	groups, by := s.number("resnet_block_groups norm_num_groups num_groups groups")
	if o.Groups != 0 {
		groups, by = o.Groups, "--groups"
	}
	if groups < 0 || groups > 0 && dim%groups != 0 {
		return 0, fmt.Errorf("has normalisations of %d channels, which %s = %d does not divide: want "+
			"%s groups", dim, by, groups, choices(dim, false))
	}
	return groups, nil
}

// choices lists the divisors of n, each with what it leaves where that is asked for.
func choices(n int, each bool) string {
	var out []string
	for d := 1; d <= n; d++ {
		if n%d != 0 {
			continue
		}
		text := fmt.Sprint(d)
		if each {
			text += fmt.Sprintf(" × %d", n/d)
		}
		out = append(out, text)
	}
	if len(out) == 1 {
		return out[0]
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}

// check compares names and shapes with the network's and names what differs in one line.
func check(group map[string]tensor, parameters []network.Tensor) error {
	var shapes, missing, strangers []string
	known := map[string]bool{}
	for _, p := range parameters {
		known[p.Name] = true
		if t, ok := group[p.Name]; !ok {
			missing = append(missing, p.Name)
		} else if !slices.Equal(t.shape, p.Shape) {
			shapes = append(shapes, fmt.Sprintf("%s %v, want %v", p.Name, t.shape, p.Shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if !known[name] {
			strangers = append(strangers, name)
		}
	}
	var faults []string
	for _, kind := range []struct {
		what  string
		names []string
	}{{"wrong shapes", shapes}, {"unexpected", strangers}, {"missing", missing}} {
		if n := len(kind.names); n > 0 {
			faults = append(faults, fmt.Sprintf("%s (%d): %s", kind.what, n, list(kind.names, mostNames/2)))
		}
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}
