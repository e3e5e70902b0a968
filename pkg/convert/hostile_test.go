package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"darkfield/pkg/network"
)

// zipped is a .pt file around a pickle; storage 0 has eight float32.
func zipped(t testing.TB, pickle []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range map[string][]byte{
		"a/data.pkl": pickle, "a/byteorder": []byte("little"),
		"a/data/0": make([]byte, 32),
	} {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	magicPickle    = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
	protocolPickle = "\x80\x02M\xe9\x03."
	systemPickle   = "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."
)

// TestNothingRuns: pickles that would run a program name what they ask for in the error, and the
// program does not run.
func TestNothingRuns(t *testing.T) {
	for _, global := range []string{
		"os system", "posix system", "builtins eval", "builtins exec", "__builtin__ eval",
		"subprocess Popen", "subprocess check_output", "nt system",
		"torch load", "torch.storage _load_from_bytes", "operator attrgetter",
		"torch.nn.modules.linear Linear", "functools partial", "numpy fromfile",
	} {
		module, name, _ := strings.Cut(global, " ")
		made := filepath.Join(t.TempDir(), "made")
		payload := "touch " + made
		if strings.HasSuffix(module, "builtins__") || module == "builtins" {
			payload = fmt.Sprintf("open(%q, 'w')", made)
		}
		text := fmt.Sprintf("X%s%s", binary.LittleEndian.AppendUint32(nil, uint32(len(payload))), payload)
		short := func(s string) string { return fmt.Sprintf("\x8c%c%s", len(s), s) }
		reduce := "\x80\x02c" + module + "\n" + name + "\n" + text + "\x85R."
		for form, raw := range map[string][]byte{
			"zip":           zipped(t, []byte(reduce)),
			"stack global":  zipped(t, []byte("\x80\x04"+short(module)+short(name)+"\x93"+text+"\x85R.")),
			"new object":    zipped(t, []byte("\x80\x02c"+module+"\n"+name+"\n"+text+"\x85\x81.")),
			"instance":      zipped(t, []byte("("+text+"i"+module+"\n"+name+"\n.")),
			"within a dict": zipped(t, []byte("\x80\x02}X\x01\x00\x00\x00a"+reduce[2:len(reduce)-1]+"s.")),
			"legacy":        []byte(magicPickle + protocolPickle + systemPickle + reduce + "\x80\x02]."),
			"legacy system": []byte(magicPickle + protocolPickle + reduce),
			"legacy first":  []byte(reduce),
		} {
			got := refused(t, write(t, "bad.pt", raw))
			if !strings.Contains(got, `"`+module+"."+name+`"`) || !strings.Contains(got, "state_dict") {
				t.Errorf("%s, %s: error = %s, want the global and the remedy", global, form, got)
			}
			if _, err := os.Stat(made); err == nil {
				t.Fatalf("%s, %s: the payload ran", global, form)
			}
		}
	}
}

// TestLyingLengths: what a header claims is not allocated before it is there.
func TestLyingLengths(t *testing.T) {
	eight := func(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }
	four := func(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }
	// A state dict of one tensor over storage 0, which claims count values; shape and strides are
	// pickled tuples.
	one := func(count, shape, strides string) []byte {
		return zipped(t,
			[]byte(
				"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"+
					count+"tQK\x00"+shape+strides+"\x89Nt\x52s."))
	}
	large := "\x8a\x05\x00\x00\x00\x00\x10" // 2³⁶
	files := map[string][]byte{
		"text":              zipped(t, []byte("\x80\x02X"+four(1<<31-1)+"abc.")),
		"long text":         zipped(t, []byte("\x80\x04\x8d"+eight(1<<40)+"abc.")),
		"bytes":             zipped(t, []byte("\x80\x04\x8e"+eight(1<<62)+"abc.")),
		"byte array":        zipped(t, []byte("\x80\x05\x96"+eight(1<<36)+"abc.")),
		"frame":             zipped(t, []byte("\x80\x04\x95"+eight(1<<40)+"N.")),
		"number":            zipped(t, []byte("\x80\x02\x8b"+four(1<<30)+"abc.")),
		"no number":         zipped(t, []byte("\x80\x02\x8a\x00.")),
		"marks":             zipped(t, bytes.Repeat([]byte("("), 1<<20)),
		"storage":           one(large, "K\x08\x85", "K\x01\x85"),
		"repeated values":   one("K\x08", large+"\x85", "K\x00\x85"),
		"shape":             one("K\x08", large+large+"\x86", "K\x01K\x01\x86"),
		"strides":           one("K\x08", "K\x04\x85", "K\x03\x85"),
		"strides beyond 64": one(large, "K\x03"+large+"\x86", large+"K\x01\x86"),
		"rank":              one("K\x08", "K\x08\x85", "K\x01K\x01\x86"),
		"negative":          one("K\x08", "J\xff\xff\xff\xff\x85", "K\x01\x85"),
		"legacy": []byte(magicPickle + protocolPickle + systemPickle + "\x80\x02X" +
			four(1<<31-1) + "abc."),
		"safetensors header": []byte(eight(1<<60) + "{}"),
		"safetensors tensor": []byte(eight(67) +
			`{"a":{"dtype":"F32","shape":[68719476736],"data_offsets":[0,64]}}  `),
	}
	var npz bytes.Buffer
	z := zip.NewWriter(&npz)
	f, _ := z.Create("w/a.npy")
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (68719476736,), }\n"
	f.Write(
		[]byte("\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) +
			header))
	z.Close()
	files["npz"] = npz.Bytes()
	for name, raw := range files {
		path := write(t, "bad.pt", raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		refused(t, path)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
			t.Errorf("%s: a file of %d bytes made %d MiB of allocations", name, len(raw), got>>20)
		}
	}
}

// TestTangles: containers that hold themselves, are held a million times or lie deep end soon.
func TestTangles(t *testing.T) {
	key := func(s string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil,
			uint32(len(s)))) + s
	}
	shared := "](" + strings.Repeat("h\x01", 1<<20) + "e" // a list of one list, a million times
	deep := strings.Repeat("}"+key("a"), 500) + "N" + strings.Repeat("s", 500)
	var wide strings.Builder
	for i := range 200000 {
		wide.WriteString(key(fmt.Sprint(i)) + "}")
	}
	long := dict{{"time_mlp.1.weight", network.Array{Shape: []int{1}, Data: []float32{1}}}}
	for i := range 2000 {
		long = append(long, pair{strings.Repeat("a.", 2000) + fmt.Sprint(i), network.Array{
			Shape: []int{1},
			Data:  []float32{1},
		}})
	}
	for name, raw := range map[string][]byte{
		"a dict in itself":    zipped(t, []byte("\x80\x02}q\x01"+key("a")+"h\x01s.")),
		"a list in itself":    zipped(t, []byte("\x80\x02]q\x01h\x01a.")),
		"a million times":     zipped(t, []byte("\x80\x02]q\x01"+shared+".")),
		"a million in a dict": zipped(t, []byte("\x80\x02]q\x010}q\x02"+key("b")+shared+"s.")),
		"deep":                zipped(t, []byte("\x80\x02"+deep+".")),
		"wide":                zipped(t, []byte("\x80\x02}("+wide.String()+"u.")),
		"long names":          saved(t, long),
		"lists of lists": zipped(t, []byte("\x80\x02"+strings.Repeat("](", 900)+strings.Repeat("e",
			900)+".")),
		"legacy": []byte(magicPickle + "\x80\x02]q\x01h\x01a." + systemPickle),
	} {
		start := time.Now()
		if got := refused(t, write(t, "bad.pt", raw)); len(got) > 2500 {
			t.Errorf("%s: an error of %d bytes", name, len(got))
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: a file of %d bytes took %v", name, len(raw), took)
		}
	}
}

// TestDamage: fixtures cut anywhere, with bytes changed, and other files end in one line or,
// where the values alone were hit, well.
func TestDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"state.pt", "training.pt", "legacy.pt", "state.npz"} {
		whole, err := os.ReadFile(fixture(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{
			0, 1, 2, 5, 8, 9, 30, 64, 100, 1000, 5000, len(whole) / 2,
			len(whole) - 100, len(whole) - 1,
		} {
			refused(t, write(t, name, whole[:n]))
		}
		for range 25 {
			raw := slices.Clone(whole)
			part := raw[:20000]
			if random.IntN(2) == 0 {
				part = raw[len(raw)-20000:]
			}
			for range 1 + random.IntN(8) {
				part[random.IntN(len(part))] = byte(random.Uint32())
			}
			path := write(t, name, raw)
			_, err := Import(path, filepath.Join(t.TempDir(), "out.safetensors"), Options{})
			if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path)) {
				t.Errorf("error = %q, want one line that names the file", err)
			}
		}
	}
	for name, raw := range map[string]string{
		"text":  "hello, this is text",
		"zeros": strings.Repeat("\x00", 1000), "zip": "PK\x03\x04 and no more", "json": "12345678{}",
	} {
		t.Run(name, func(t *testing.T) { refused(t, write(t, "bad.pt", []byte(raw))) })
	}
	refused(t, filepath.Join(t.TempDir(), "nowhere.pt"))
	refused(t, t.TempDir())
}

// bounded imports a file that may hold anything: without a panic, with an error of one line that is
// no longer than the name of the file and a dozen names, and with memory in proportion to the file.
func bounded(t *testing.T, raw []byte) {
	path := write(t, "a.pt", raw)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Import(path, filepath.Join(t.TempDir(), "out.safetensors"), Options{})
	runtime.ReadMemStats(&after)
	if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > len(path)+3000) {
		t.Errorf("an error of %d bytes: %.300q", len(err.Error()), err)
	}
	// A byte of a pickle becomes a few hundred at most: a container, an entry and its interfaces.
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+1000*len(raw)); got > most {
		t.Errorf("a file of %d bytes made %d bytes of allocations, want at most %d", len(raw), got, most)
	}
}

// seeds are state dicts that are nearly right, and parts of a pickle that seldom come.
func seeds(f *testing.F) [][]byte {
	a := network.Array{Shape: []int{2}, Data: []float32{1, 2}}
	var out [][]byte
	for _, value := range []any{
		dict{{"time_mlp.1.weight", a}, {"betas", row64(linear(0.1, 0.2, 4))}},
		dict{{"step", counter(3)}, {"ema", dict{{"shadow_params", []any{a, a}}}}, {
			"model",
			dict{{"net.time_mlp.1.weight", a}},
		}},
		dict{
			{"state_dict", dict{{"model.time_mlp.1.bias", a}, {"model_ema.time_mlp1bias", a}}},
			{"objective", "pred_v"},
		},
		[]any{dict{{"module.time_mlp.1.bias", a}}, 3, 0.5, true, nil},
	} {
		s := saver{shared: map[*network.Array]int{}}
		s.pickle.WriteString("\x80\x02")
		s.put(f, value)
		out = append(out, append(s.pickle.Bytes(), '.'))
	}
	return append(out, []byte("\x80\x02ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00_metadataNsb."),
		[]byte("\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x94]\x94\x8f\x94."))
}

// FuzzPickle is for the pickle of a .pt file, of today's form and of the one before PyTorch 1.6.
func FuzzPickle(f *testing.F) {
	for _, raw := range seeds(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		bounded(t, zipped(t, raw))
		bounded(t, []byte(magicPickle+protocolPickle+systemPickle+string(raw)+"\x80\x02]."))
	})
}

// FuzzContainer is for whole files: zip archives of pickles and of arrays, and pickles in a row.
func FuzzContainer(f *testing.F) {
	for _, raw := range seeds(f) {
		f.Add(zipped(f, raw))
	}
	f.Add([]byte(magicPickle + protocolPickle + systemPickle + "\x80\x02}.\x80\x02]."))
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, _ := z.Create("time_mlp.1.weight.npy")
	w.Write([]byte("\x93NUMPY\x01\x00\x39\x00{'descr': '<f4', 'fortran_order': False, 'shape': " +
		"(2,), }\n\x00\x00\x80\x3f\x00\x00\x80\x3f"))
	z.Close()
	f.Add(out.Bytes())
	f.Fuzz(bounded)
}

// FuzzSafetensors is for the header of a safetensors file, before 64 bytes of values.
func FuzzSafetensors(f *testing.F) {
	for _, header := range []string{
		`{}`, `{"time_mlp.1.weight":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}`,
		`{"__metadata__":{"step":"3","prediction":"v","darkfield_weights":"{\"version\":1}"},"betas":{"dtype":"F64","shape":[8],"data_offsets":[0,64]}}`,
		`{"a":{"dtype":"BF16","shape":[32],"data_offsets":[0,64]},"model.time_mlp.1.bias":{"dtype":"I64","shape":[],"data_offsets":[64,72]}}`,
	} {
		f.Add([]byte(header))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		raw := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		bounded(t, append(raw, make([]byte, 64)...))
		bounded(t, header)
	})
}
