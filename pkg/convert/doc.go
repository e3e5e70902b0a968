// Package convert turns PyTorch's weight files into checkpoints and checkpoints into files that PyTorch loads. It runs nothing
// that a file asks for: a pickle may name tensors and plain containers only. Names and shapes are checked before values are read.
package convert
