package checkpoint

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/nlpodyssey/safetensors"

	"darkfield/pkg/network"
)

// exportKey is the key of the manifest in the metadata of an exported file. It differs from that of
// a checkpoint, since the file holds one set of weights without prefixes.
const exportKey = "darkfield_weights"

// Export writes weights as safetensors under PyTorch's names, for other programs. The manifest goes
// into the metadata, which PyTorch's loaders ignore and Exported reads. The file appears whole or
// not at all.
func Export(path string, m Manifest, w network.Weights) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("checkpoint: write %s: %w", path, err)
	}
	views := make(map[string]view, len(w))
	for name, a := range w {
		views[name] = view{a}
	}
	// Some of PyTorch's loaders require the format.
	info := map[string]string{"format": "pt", exportKey: string(text)}
	return write(path, func(out io.Writer) error {
		return safetensors.SerializeToWriter(views, info, out)
	})
}

// Exported returns the manifest in the metadata of a file of Export, or nil if there is none.
func Exported(metadata map[string]string) (*Manifest, error) {
	text, ok := metadata[exportKey]
	if !ok {
		return nil, nil
	}
	var m Manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("metadata %s: %w: the file is damaged", exportKey, err)
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("metadata %s: %s", exportKey, oneLine(err))
	}
	return &m, nil
}
