// Package unet is the network of the paper: (x_t, t, θ) → predicted noise, as a GoMLX graph. Its
// tensors have PyTorch's names and layout everywhere; the graph turns them into what XLA likes.
// It knows no schedule, no loss and no files.
package unet
