// Package unet is the network of the paper, (x_t, t, θ) → predicted noise, as a GoMLX graph, with
// optional extensions. Its tensors have PyTorch's names and layout; it knows no schedule, no loss
// and no files.
package unet
