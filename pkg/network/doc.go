// Package network describes a network as a Go function in GoMLX's idiom, which makes its variables
// in a scope. It finds the tensors of a function by running it on an empty graph, draws their
// initial values, and compares them with those of a file. It does not know what a network is
// trained for, nor the file.
package network
