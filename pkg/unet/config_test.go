package unet

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestValidConfigsBuild: whatever Validate accepts has a list of parameters under distinct names
// and a graph that takes them, from maps of the smallest side to maps of that side. Shapes are
// checked while a graph is built, so nothing is compiled.
func TestValidConfigsBuild(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Dim:          rapid.SampledFrom([]int{-2, 0, 2, 4, 5, 6, 8, 12, 16}).Draw(t, "Dim"),
			Multipliers:  rapid.SliceOfN(rapid.IntRange(0, 4), 0, 5).Draw(t, "Multipliers"),
			Groups:       rapid.IntRange(-1, 8).Draw(t, "Groups"),
			Heads:        rapid.IntRange(-1, 4).Draw(t, "Heads"),
			HeadDim:      rapid.IntRange(-1, 8).Draw(t, "HeadDim"),
			ConditionDim: rapid.IntRange(-1, 7).Draw(t, "ConditionDim"),

			Conditioning: rapid.SampledFrom([]Conditioning{ShiftOnly, ScaleShift, "scale"}).Draw(t,
				"Conditioning"),
			Hidden: rapid.SampledFrom([]int{-1, 0, 1, 10, 20}).Draw(t, "Hidden"),
			Rings:  rapid.SampledFrom([]int{-1, 0, 1, 2, 12, 25}).Draw(t, "Rings"),
			Patch:  rapid.SampledFrom([]int{-1, 0, 1, 2, 3, 17}).Draw(t, "Patch"),
			Detail: rapid.SampledFrom([]int{-1, 0, 4, 7, 12}).Draw(t, "Detail"),
		}
		if rapid.Bool().Draw(t, "likely") { // most of the others are refused
			c.Multipliers = append([]int{1}, rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(t, "levels")...)
			c.Dim, c.Groups = 4*max(c.Groups, 1), max(c.Groups, 1)
			c.Heads, c.HeadDim, c.ConditionDim = max(c.Heads, 1), max(c.HeadDim, 1), max(c.ConditionDim, 1)
			c.Hidden, c.Rings = max(c.Hidden, 0), min(max(c.Rings, 0), mostRings)
			c.Patch, c.Detail = min(max(c.Patch, 0), mostPatch), 0
			if c.Patch > 1 {
				c.Detail = 2 * c.Dim
			}
		}
		if c.Validate() != nil {
			return
		}
		accepted++
		side := c.smallestSide()
		if err := c.CheckSide(side); err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		list, err := c.Network().Tensors(side, c.ConditionDim)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		for _, p := range list {
			if names[p.Name] || p.Size() < 1 {
				t.Fatalf("%+v: tensor %+v", c, p)
			}
			names[p.Name] = true
		}
		if again := c.Init(1); c.Check(again) != nil || len(again) != len(list) {
			t.Fatalf("%+v: %d initial tensors for %d", c, len(again), len(list))
		}
	})
	if accepted < 20 {
		t.Errorf("%d configurations were accepted, too few to say anything", accepted)
	}
}

// TestRefusedConfigs: what cannot be built is refused under the field's name, however large.
func TestRefusedConfigs(t *testing.T) {
	change := func(f func(c *Config)) Config {
		c := Default()
		f(&c)
		return c
	}
	for want, c := range map[string]Config{
		"Multipliers = [2 4], want 1 first": change(func(c *Config) {
			c.Multipliers = []int{
				2,
				4,
			}
		}),
		"Multipliers = [1], want 2 to 12 levels": change(func(c *Config) { c.Multipliers = []int{1} }),
		"Multipliers = [], want 2 to 12 levels":  change(func(c *Config) { c.Multipliers = nil }),
		"want every entry 1 to 256": change(func(c *Config) {
			c.Multipliers = []int{
				1,
				0,
			}
		}),
		"want 2 to 12 levels": change(func(c *Config) {
			c.Multipliers = slices.Repeat([]int{1},
				70)
		}),
		"Dim = 1073741824, want an even number":   change(func(c *Config) { c.Dim = 1 << 30 }),
		"Dim = 20, want a multiple of Groups = 8": change(func(c *Config) { c.Dim = 20 }),
		"Groups = 0, want >= 1":                   change(func(c *Config) { c.Groups = 0 }),
		"Heads = 4611686018427387904, want 1 to":  change(func(c *Config) { c.Heads = 1 << 62 }),
		"HeadDim = 8192, want 1 to 16384 / Heads": change(func(c *Config) { c.HeadDim = 8192 }),
		"ConditionDim = 1048576, want 1 to 1024":  change(func(c *Config) { c.ConditionDim = 1 << 20 }),
		"Multipliers = [1 9999999], want every entry": change(func(c *Config) {
			c.Multipliers = []int{
				1,
				9999999,
			}
		}),
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "unet.Config.") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error = %v, want %q", c, err, want)
		}
	}
}
