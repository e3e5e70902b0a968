package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"unsafe"

	"github.com/nlpodyssey/safetensors"

	"darkfield/pkg/filetype"
	"darkfield/pkg/network"
	"darkfield/pkg/safefile"
)

// Groups of tensors that a file may hold, told apart by a prefix of their names.
const (
	Weights = ""        // as trained, under PyTorch's names
	EMA     = "ema."    // their exponential moving average
	AdamM   = "adam.m." // first moments of the optimiser
	AdamV   = "adam.v." // second moments of the optimiser

	PowerCorrection = "transfer." // see emulator.PowerCorrection
)

const (
	manifestKey = "darkfield"
	hashKey     = "sha256" // of the tensors' names and bytes
)

// Tensors are arrays by name, with the prefix of their group.
type Tensors = map[string]network.Array

// Group returns the tensors of one group by their names without the prefix.
func Group(t Tensors, prefix string) network.Weights {
	out := network.Weights{}
	for name, a := range t {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && (prefix != Weights || !strings.HasPrefix(name, EMA) &&
			!strings.HasPrefix(name, "adam.") && !strings.HasPrefix(name, PowerCorrection)) {
			out[rest] = a
		}
	}
	return out
}

// Averaged returns the averaged weights, or the weights themselves if there is no average.
func Averaged(t Tensors) network.Weights {
	if w := Group(t, EMA); len(w) > 0 {
		return w
	}
	return Group(t, Weights)
}

// Save writes the manifest and the tensors to path as safetensors of float32. The file appears
// whole or not at all, and the same content gives the same bytes.
func Save(path string, m Manifest, t Tensors) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("checkpoint: write %s: %w", path, err)
	}
	return Write(path, manifestKey, m, t)
}

// Write writes tensors as Save does with any manifest, as JSON under a key of the metadata. Load
// refuses the files of other keys.
func Write(path, key string, manifest any, t Tensors) error {
	text, err := json.Marshal(manifest)
	if err != nil {
		return fmt.Errorf("checkpoint: write %s: %w", path, err)
	}
	views := make(map[string]view, len(t))
	for name, a := range t {
		views[name] = view{a}
	}
	info := map[string]string{key: string(text), hashKey: hash(t)}
	return write(path,
		func(w io.Writer) error { return safetensors.SerializeToWriter(views, info, w) })
}

// write lets fill write the file at path, whole or not at all.
func write(path string, fill func(io.Writer) error) error {
	if err := safefile.Write(path, fill); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// view adapts an Array to the safetensors library.
type view struct{ network.Array }

func (v view) DType() safetensors.DType { return safetensors.F32 }
func (v view) DataLen() uint64          { return uint64(4 * len(v.Array.Data)) }
func (v view) Data() []byte             { return bytesOf(v.Array.Data) }
func (v view) Shape() []uint64 {
	out := make([]uint64, len(v.Array.Shape))
	for i, d := range v.Array.Shape {
		out[i] = uint64(d)
	}
	return out
}

// bytesOf returns the little-endian bytes of numbers, without a copy on little-endian machines:
// checkpoints may be large.
func bytesOf(values []float32) []byte {
	if len(values) == 0 {
		return nil
	}
	if one := uint16(1); *(*byte)(unsafe.Pointer(&one)) == 1 {
		return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	}
	out := make([]byte, 0, 4*len(values))
	for _, x := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// hash returns the SHA-256 of all names, shapes and values in the order of names.
func hash(t Tensors) string {
	h := sha256.New()
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(h, "%s %v\n", name, t[name].Shape)
		h.Write(bytesOf(t[name].Data))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Checkpoint is a file that was read.
type Checkpoint struct {
	Manifest Manifest
	Tensors  Tensors
	Hash     string // SHA-256 of the tensors and, if it is not the paper's, of the schedule
}

// Network returns the SHA-256 without a power correction, which likelihoods depend on. It is Hash
// if there is no correction.
func (c Checkpoint) Network() string {
	correction := PowerCorrections(c.Tensors)
	if len(correction) == 0 {
		return c.Hash
	}
	own := maps.Clone(c.Tensors)
	for name := range correction {
		delete(own, name)
	}
	return scheduled(hash(own), c.Manifest.Betas)
}

// scheduled returns the hash of tensors together with the variances of a schedule. With the paper's
// schedule, which has no betas in the manifest, it is the hash of the tensors.
func scheduled(tensors string, betas []float64) string {
	if len(betas) == 0 {
		return tensors
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %v", tensors, betas)
	return hex.EncodeToString(h.Sum(nil))
}

// PowerCorrections returns the tensors of the power correction by their whole names.
func PowerCorrections(t Tensors) Tensors {
	out := maps.Clone(t)
	maps.DeleteFunc(out,
		func(name string, _ network.Array) bool { return !strings.HasPrefix(name, PowerCorrection) })
	return out
}

// Load reads a checkpoint and checks its manifest, its hash and the names and shapes of its
// weights.
func Load(path string) (Checkpoint, error) {
	fail := func(err error) (Checkpoint, error) {
		return Checkpoint{}, fmt.Errorf("checkpoint: read %s: %s", path, oneLine(err))
	}
	var c Checkpoint
	var err error
	if c.Tensors, c.Hash, err = Read(path, manifestKey, &c.Manifest); err != nil {
		return Checkpoint{}, err
	}
	if err := c.Manifest.Validate(); err != nil {
		return fail(err)
	}
	c.Hash = scheduled(c.Hash, c.Manifest.Betas)
	averaged := len(Group(c.Tensors, EMA)) > 0
	for _, group := range []string{Weights, EMA} {
		w := Group(c.Tensors, group)
		if len(w) == 0 && (group == EMA || averaged) { // one of the two groups suffices
			continue
		}
		if c.Manifest.Model != nil {
			continue // what opens it has the function
		}
		if err := c.Manifest.Network.Check(w); err != nil {
			return fail(fmt.Errorf("the %sweights do not fit the network of width %d that the manifest "+
				"describes: %w", group, c.Manifest.Network.Dim, err))
		}
	}
	return c, nil
}

// Read reads a file of Write: the JSON under key into manifest, the tensors, and their SHA-256,
// which it checks.
func Read(path, key string, manifest any) (Tensors, string, error) {
	fail := func(err error) (Tensors, string, error) {
		return nil, "", fmt.Errorf("checkpoint: read %s: %s", path, oneLine(err))
	}
	if err := filetype.Expect(path, wanted(key)); err != nil {
		return nil, "", fmt.Errorf("checkpoint: %w", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return fail(errors.Unwrap(err))
	}
	st, err := parse(raw)
	if err != nil {
		return fail(err)
	}
	want, err := header(raw, key, manifest)
	if err != nil {
		return fail(err)
	}
	t := Tensors{}
	for _, nt := range st.Tensors() {
		a, err := array(nt.TensorView)
		if err != nil {
			return fail(fmt.Errorf("tensor %s: %w", nt.Name, err))
		}
		t[nt.Name] = a
	}
	if got := hash(t); got != want {
		return fail(fmt.Errorf("the tensors have SHA-256 %.12s…, the file says %.12s…: the file is "+
			"damaged, use another checkpoint", got, want))
	}
	return t, want, nil
}

// wanted is the kind of file that a manifest under key makes.
func wanted(key string) filetype.Kind {
	if key == manifestKey {
		return filetype.Checkpoint
	}
	return filetype.Moments
}

// parse checks the lengths in the header, which the library trusts, and turns its panics into
// errors.
func parse(raw []byte) (st safetensors.SafeTensors, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not a safetensors file: %v", r)
		}
	}()
	if len(raw) < 8 || binary.LittleEndian.Uint64(raw) > uint64(len(raw)-8) {
		return st, fmt.Errorf("%d bytes are too few for a safetensors file with the header it "+
			"announces: it is truncated or something else", len(raw))
	}
	st, err = safetensors.Deserialize(raw)
	if err != nil {
		return st, fmt.Errorf("not a whole safetensors file (%w): it is truncated or something else", err)
	}
	return st, nil
}

// header reads the manifest and returns the SHA-256 that the file states.
func header(raw []byte, key string, manifest any) (string, error) {
	_, meta, err := safetensors.ReadMetadata(raw)
	if err != nil {
		return "", err
	}
	text, ok := meta.Metadata()[key]
	if !ok {
		return "", errors.New("a safetensors file without darkfield's manifest: only checkpoints that " +
			"darkfield wrote can be used")
	}
	if err := json.Unmarshal([]byte(text), manifest); err != nil {
		return "", fmt.Errorf("manifest: %w", err)
	}
	return meta.Metadata()[hashKey], nil
}

// array copies a tensor of float32.
func array(v safetensors.TensorView) (network.Array, error) {
	if v.DType() != safetensors.F32 {
		return network.Array{}, fmt.Errorf("holds %s, want F32", v.DType())
	}
	raw := v.Data()
	a := network.Array{Data: make([]float32, len(raw)/4)}
	for _, d := range v.Shape() {
		a.Shape = append(a.Shape, int(d))
	}
	for i := range a.Data {
		a.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return a, nil
}

// oneLine joins the lines of errors.Join, and shortens long lists.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	const most = 12
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	return strings.Join(lines, "; ")
}
