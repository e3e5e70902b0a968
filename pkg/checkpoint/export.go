package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"

	"github.com/nlpodyssey/safetensors"

	"darkfield/pkg/unet"
)

// Export writes weights alone as safetensors under PyTorch's names, for programs that know no manifest. The file appears whole
// or not at all.
func Export(path string, w unet.Weights) error {
	views := make(map[string]view, len(w))
	for name, a := range w {
		views[name] = view{a}
	}
	info := map[string]string{"format": "pt"} // some of PyTorch's loaders ask for it
	return write(path, func(out io.Writer) error { return safetensors.SerializeToWriter(views, info, out) })
}

// Recognise reports whether path is a safetensors file with a manifest, whatever its state otherwise. It reads the header alone.
func Recognise(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var length uint64
	info, err := f.Stat()
	if err != nil || binary.Read(f, binary.LittleEndian, &length) != nil || length > uint64(max(info.Size()-8, 0)) {
		return false
	}
	var header struct {
		Metadata map[string]any `json:"__metadata__"`
	}
	if json.NewDecoder(io.LimitReader(f, int64(length))).Decode(&header) != nil {
		return false
	}
	_, ok := header.Metadata[manifestKey]
	return ok
}
