// Package checkpoint owns the checkpoint file: a manifest that says what was trained on what, and
// tensors, in one safetensors file. Training writes it, the emulator reads it. It knows no
// graphs.
package checkpoint
