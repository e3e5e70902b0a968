package convert

import (
	"compress/gzip"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// fixture unpacks a file that PyTorch or NumPy wrote (testdata/write.py) and returns where it lies.
func fixture(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, name, raw)
}

func write(t testing.TB, name string, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// imported converts a file that must be good.
func imported(t *testing.T, in string) (Report, checkpoint.Checkpoint) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.safetensors")
	r, err := Import(in, out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

// refused converts a file that must be bad, and returns an error of one line that names it.
// Nothing may be left behind.
func refused(t *testing.T, in string) string {
	t.Helper()
	dir := t.TempDir()
	_, err := Import(in, filepath.Join(dir, "out.safetensors"), Options{})
	if err == nil {
		t.Fatalf("%s was taken", in)
	}
	if !strings.Contains(err.Error(), in) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %q, want one line that names the file", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s was left behind", left[0].Name())
	}
	return err.Error()
}

// small is a network like that of the fixtures, with numbers that are easily lost: −0, the
// smallest and the largest.
func small(seed uint64) (unet.Config, network.Weights) {
	c := unet.Default().WithDim(8)
	c.Multipliers = []int{1, 2}
	w := c.Init(seed)
	copy(w["final_conv.1.weight"].Data,
		[]float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, math.MaxFloat32, -1e-40})
	return c, w
}

func exported(t *testing.T, w network.Weights) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.safetensors")
	// as by a program that knows no manifest
	if err := checkpoint.Write(path, "nobody's", nil, w); err != nil {
		t.Fatal(err)
	}
	return path
}

func same(t *testing.T, what string, got, want network.Weights) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	bit := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	for name, a := range want {
		if b := got[name]; !slices.Equal(a.Shape, b.Shape) || !slices.EqualFunc(a.Data, b.Data, bit) {
			t.Fatalf("%s: %s changed", what, name)
		}
	}
}

// TestPyTorch: six files of the same weights, by PyTorch, NumPy and safetensors, in four number
// types and three memory layouts, agree.
func TestPyTorch(t *testing.T) {
	_, reference := imported(t, fixture(t, "state.npz"))
	want := checkpoint.Group(reference.Tensors, checkpoint.Weights)
	for name, expected := range map[string]Report{
		"state.npz": {Format: "NumPy", Weights: Raw, Kinds: map[string]int{"F64": 154}},
		"state.pt":  {Format: "PyTorch", Weights: Raw, Kinds: map[string]int{"F32": 154}},
		"legacy.pt": {
			Format: "PyTorch before 1.6", Weights: Raw,
			Kinds: map[string]int{"F16": 154},
		},
		"training.pt": {
			Format: "PyTorch", Weights: both,
			Kinds: map[string]int{"F32": 154, "BF16": 154}, Step: 1234,
		},
		"state.safetensors": {Format: "safetensors", Weights: Raw, Kinds: map[string]int{"BF16": 154}},
		// beside sets and tuples
		"containers.pt": {Format: "PyTorch before 1.6", Weights: Raw, Kinds: map[string]int{"F16": 154}},
	} {
		r, c := imported(t, fixture(t, name))
		if r.Format != expected.Format || r.Weights != expected.Weights || r.Step != expected.Step ||
			!maps.Equal(r.Kinds, expected.Kinds) {
			t.Errorf("%s: report %+v, want %+v", name, r, expected)
		}
		if n := c.Manifest.Network; n.Dim != 8 || !slices.Equal(n.Multipliers, []int{1, 2}) ||
			n.Heads != 4 || n.ConditionDim != 2 {
			t.Errorf("%s: network %+v", name, n)
		}
		same(t, name, checkpoint.Group(c.Tensors, checkpoint.Weights), want)
	}
	_, c := imported(t, fixture(t, "training.pt"))
	average := checkpoint.Group(c.Tensors, checkpoint.EMA)
	other := 0
	for name, a := range average {
		for i, x := range a.Data {
			if x*8 != float32(math.Round(float64(x*8))) || math.Abs(float64(x)) > 0.5 {
				t.Fatalf("EMA %s[%d] = %g, want a multiple of 1/8 in ±0.5", name, i, x)
			}
			if x != want[name].Data[i] {
				other++
			}
		}
	}
	if other < 40000 {
		t.Errorf("the EMA differs from the weights in %d values only", other)
	}
}

func TestWholeModelIsRefused(t *testing.T) {
	if got := refused(t, fixture(t, "model.pt")); !strings.Contains(got,
		"torch.nn.modules.linear.Linear") || !strings.Contains(got, "state_dict") {
		t.Errorf("error = %s, want the class and the remedy", got)
	}
}

// TestRoundTrip: checkpoint → safetensors → checkpoint keeps every bit of either group.
func TestRoundTrip(t *testing.T) {
	form, raw := small(1)
	_, average := small(2)
	_, first := imported(t, exported(t, raw))
	tensors := checkpoint.Tensors{}
	for name := range raw {
		tensors[name], tensors[checkpoint.EMA+name] = raw[name], average[name]
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := checkpoint.Save(path, first.Manifest, tensors); err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]network.Weights{"": average, EMA: average, Raw: raw} {
		out := filepath.Join(t.TempDir(), "b.safetensors")
		if _, err := Export(path, out, asked); err != nil {
			t.Fatal(err)
		}
		_, c := imported(t, out)
		same(t, asked, checkpoint.Group(c.Tensors, checkpoint.Weights), want)
		if c.Manifest.Network.NumParameters() != form.NumParameters() {
			t.Errorf("network came back as %+v", c.Manifest.Network)
		}
	}
	if err := checkpoint.Save(path, first.Manifest, raw); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "c.safetensors")
	if r, err := Export(path, out, ""); err != nil || r.Weights != Raw {
		t.Errorf("report %+v, error %v, want the raw weights of a checkpoint without average", r, err)
	}
	for _, asked := range []string{EMA, "best"} {
		if _, err := Export(path, out, asked); err == nil || !strings.Contains(err.Error(), "raw") {
			t.Errorf("%s: error = %v, want it to name the choice", asked, err)
		}
	}
	if _, err := Export(path, path, ""); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Errorf("error = %v, want IN and OUT to be kept apart", err)
	}
}

// TestFaults: every missing, unexpected and misshapen tensor is in the one error.
func TestFaults(t *testing.T) {
	_, w := small(1)
	delete(w, "final_conv.1.bias")
	delete(w, "mid_block1.mlp.1.weight")
	w["extra.weight"] = network.Array{Shape: []int{1}, Data: []float32{1}}
	w["time_mlp.3.bias"] = network.Array{Shape: []int{2}, Data: []float32{1, 2}}
	got := refused(t, exported(t, w))
	for _, want := range []string{
		"width 8 and multipliers [1 2]", "wrong shapes (1): time_mlp.3.bias [2], want [32]; unexpected " +
			"(1): extra.weight; missing (2): ",
		"mid_block1.mlp.1.weight", "final_conv.1.bias",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("error = %s, want %q in it", got, want)
		}
	}
	_, w = small(1)
	w["final_conv.1.bias"].Data[0] = float32(math.NaN())
	if got := refused(t, exported(t, w)); !strings.Contains(got, "final_conv.1.bias entry 0 is NaN") {
		t.Errorf("error = %s, want the tensor that is not finite", got)
	}
	_, w = small(1)
	in := exported(t, w)
	d := Options{Side: 33}
	out := filepath.Join(t.TempDir(), "out.safetensors")
	if _, err := Import(in, out, d); err == nil || !strings.Contains(err.Error(), "33 pixels") {
		t.Errorf("error = %v, want it to name the side", err)
	}
	if _, err := Import(in, filepath.Join(t.TempDir(), "out.pt"), Options{}); err == nil ||
		!strings.Contains(err.Error(), ".safetensors") {
		t.Errorf("error = %v, want the ending", err)
	}
}

// TestPrefixes: names as wrappers of PyTorch write them.
func TestPrefixes(t *testing.T) {
	_, raw := small(1)
	_, average := small(2)
	for _, prefix := range []string{
		"module.", "model.", "ema_model.", "_orig_mod.", "module.model.",
		"model.module._orig_mod.",
	} {
		w := network.Weights{}
		for name, a := range raw {
			w[prefix+name] = a
		}
		_, c := imported(t, exported(t, w))
		same(t, prefix, checkpoint.Group(c.Tensors, checkpoint.Weights), raw)
	}
	w := network.Weights{
		"initted": {Shape: []int{}, Data: []float32{1}},
		"step":    {Shape: []int{1}, Data: []float32{1}},
	}
	for name := range raw {
		w["online_model."+name], w["ema_model.module."+name] = raw[name], average[name]
	}
	r, c := imported(t, exported(t, w))
	if r.Weights != both {
		t.Errorf("weights %q, want %q", r.Weights, both)
	}
	same(t, "online", checkpoint.Group(c.Tensors, checkpoint.Weights), raw)
	same(t, "averaged", checkpoint.Group(c.Tensors, checkpoint.EMA), average)
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x3c00: 1, 0xc000: -2, 0x3555: 0.333251953125, 0x7bff: 65504, 0xfbff: -65504, 0x0400: 0x1p-14,
		0x03ff: 1023 * 0x1p-24,
		0x0001: 0x1p-24, 0x8001: -0x1p-24, 0x0000: 0, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := half(bits); float64(got) != want {
			t.Errorf("%#04x is %g, want %g", bits, got, want)
		}
	}
	if x := half(0x8000); x != 0 || !math.Signbit(float64(x)) {
		t.Errorf("0x8000 is %g, want −0", x)
	}
	if x := half(0x7e00); x == x {
		t.Errorf("0x7e00 is %g, want NaN", x)
	}
}
