// Package convert turns PyTorch's weight files into checkpoints and checkpoints into files that
// PyTorch loads. It runs nothing that a file asks for: a pickle may name tensors and plain
// containers only. Names and shapes are checked before values are read. What weights cannot say
// (the variance schedule, what the network predicts and is fed, groups and heads) is taken from
// what the file says beside them, from the caller, or from the paper, and Report says which.
package convert
