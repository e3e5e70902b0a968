// Package convert turns PyTorch's weight files into checkpoints and checkpoints into files that
// PyTorch loads. It never runs what a file asks for: a pickle may name tensors and plain containers
// only, and names and shapes are checked before values are read.
//
// What weights do not tell (the variance schedule, what the network predicts and is fed, groups and
// heads) is taken from other values in the file, from the caller, or from the paper, in this order;
// Report says which.
package convert
