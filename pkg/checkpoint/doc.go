// Package checkpoint reads and writes checkpoints: safetensors files that hold tensors and a
// manifest that says what was trained on what. It knows no graphs, and of the moment network's
// files only that they hold another manifest.
package checkpoint
