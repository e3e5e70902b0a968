package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

func example() (Manifest, Tensors) {
	network := unet.Default().WithDim(8)
	network.Multipliers = []int{1, 2}
	m := Manifest{
		Version: Version, Network: network, Schedule: diffusion.PaperName, Step: 7,
		Prior:   cosmology.CAMELSPrior(),
		Scaling: field.Scaling{Min: 9, Max: 15}, Seed: 3,
		Data: Data{
			Suite: "FastPM", Set: "LH", Unit: "u", Side: 16, BoxSide: 25,
			Split: Split{Train: []int{0, 2}, Validation: []int{1}},
		},
	}
	t := Tensors{}
	for _, group := range []string{Weights, EMA, AdamM} {
		for name, a := range network.Init(uint64(1 + len(group))) {
			t[group+name] = a
		}
	}
	return m, t
}

func TestRoundTrip(t *testing.T) {
	m, tensors := example()
	path, again := filepath.Join(t.TempDir(), "a.safetensors"),
		filepath.Join(t.TempDir(), "b.safetensors")
	for _, p := range []string{path, again} {
		if err := Save(p, m, tensors); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := os.ReadFile(path)
	b, _ := os.ReadFile(again)
	if !bytes.Equal(a, b) {
		t.Error("the same content gave other bytes")
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Manifest.Step != 7 || !slices.Equal(c.Manifest.Data.Split.Train, []int{0, 2}) ||
		c.Manifest.Network.Dim != 8 {
		t.Errorf("manifest came back as %+v", c.Manifest)
	}
	for name, want := range tensors {
		if got := c.Tensors[name]; !slices.Equal(got.Data, want.Data) ||
			!slices.Equal(got.Shape, want.Shape) {
			t.Fatalf("%s came back changed", name)
		}
	}
	for _, group := range []string{Weights, EMA, AdamM} {
		if err := m.Network.Check(Group(c.Tensors, group)); err != nil {
			t.Errorf("group %q: %v", group, err)
		}
	}
}

// TestPowerCorrectionIsNoWeight: a power correction beside the weights changes the file's hash, not
// the network's.
func TestPowerCorrectionIsNoWeight(t *testing.T) {
	m, tensors := example()
	load := func() Checkpoint {
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := Save(path, m, tensors); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := load()
	tensors[PowerCorrection+"x"] = network.Array{Shape: []int{2}, Data: []float32{1, 2}}
	after := load()
	if before.Hash == after.Hash || before.Network() != before.Hash || after.Network() != before.Hash {
		t.Errorf("hashes %.8s and %.8s, of the networks %.8s and %.8s", before.Hash, after.Hash,
			before.Network(), after.Network())
	}
	if err := m.Network.Check(Group(after.Tensors, Weights)); err != nil {
		t.Error(err)
	}
}

// TestDamage: truncation anywhere, a flipped byte and other files end in one line.
func TestDamage(t *testing.T) {
	m, tensors := example()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := Save(path, m, tensors); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	flipped := slices.Clone(whole)
	flipped[len(flipped)-5] ^= 1
	for name, raw := range map[string][]byte{
		"empty": nil, "text": []byte("hello, world, this is text"), "header alone": whole[:100],
		"half":           whole[:len(whole)/2],
		"one byte short": whole[:len(whole)-1], "flipped bit": flipped,
	} {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error = %v, want one line that names the file", name, err)
		}
	}
}

func TestAnotherArchitecture(t *testing.T) {
	m, tensors := example()
	m.Network = m.Network.WithDim(16)
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := Save(path, m, tensors); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), "width 16") ||
		!strings.Contains(err.Error(), "want [") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names shapes", err)
	}
}

func TestUnwritableLeavesNothing(t *testing.T) {
	m, tensors := example()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(file, "a.safetensors"), m, tensors); err == nil {
		t.Error("a checkpoint below a file was written")
	}
	m.Data.Side = 15
	if err := Save(filepath.Join(dir, "a.safetensors"), m, tensors); err == nil ||
		!strings.Contains(err.Error(), "15 pixels") {
		t.Errorf("error = %v, want it to name the side", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the directory, want the one that was there", len(entries))
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = Load(path) // must not panic
	})
}
