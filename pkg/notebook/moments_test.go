package notebook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"darkfield/pkg/heldout"
	"darkfield/pkg/preset"
)

// TestMomentKey: another moment network, other settings of its training and other simulations are
// other results.
func TestMomentKey(t *testing.T) {
	weights := filepath.Join("data", "pretrained", "fastpm-64.safetensors")
	moments := filepath.Join("data", "pretrained", "fastpm-64.moments.safetensors")
	project(t, weights, moments)
	p, err := preset.Get("quick")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	other := func(what string, s *Session, held heldout.Data) {
		t.Helper()
		key, err := s.momentKey(held)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		if before, found := seen[string(text)]; found {
			t.Errorf("%s has the key of %s", what, before)
		}
		seen[string(text)] = what
	}
	s := &Session{Preset: p}
	other("the first", s, heldout.Data{})
	other("other simulations", s, heldout.Data{Train: []int{1}})
	if err := os.WriteFile(moments, []byte("another network"), 0o600); err != nil {
		t.Fatal(err)
	}
	other("another network", s, heldout.Data{})
	if err := os.Remove(moments); err != nil {
		t.Fatal(err)
	}
	other("a trained one", s, heldout.Data{})
	s.Preset.Moments.Epochs++
	other("one trained for longer", s, heldout.Data{})
}
