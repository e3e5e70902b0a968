package verify

import "embed"

// PyTorch holds the scripts of our PyTorch version of the network that measure it, below pytorch/,
// so that a program can bring them to a machine that has PyTorch and no more.
//
//go:embed pytorch/bench.py pytorch/diffusion.py pytorch/reordered.py pytorch/unet.py
var PyTorch embed.FS
