package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/backend"
)

// gpuReport is what dev gpu prints.
type gpuReport struct {
	backend.CUDA
	Devices  int               `json:"devices"`  // that CUDA computes on
	GPUs     []string          `json:"gpus"`     // name, memory and capability of each
	Packages map[string]string `json:"packages"` // versions of the plugin and the libraries
}

func (a *app) gpu() *cobra.Command {
	return &cobra.Command{
		Use:   "gpu",
		Short: "Show the GPU that CUDA computes on, or say why there is none",
		Long: `Looks for what GOMLX_BACKEND=xla:cuda needs, in this order: a GPU of NVIDIA, the plugin that make
setup PJRT=cuda13 (or cuda12) installs, the C library, the driver and CUDA's libraries; then opens
the GPU. The first thing that is missing is named, with a remedy, and the exit status is 1.`,
		Example: `  darkfield dev gpu`,
		Args:    cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			r, err := examineGPU(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) {
				row(w, "plugin", r.Plugin)
				row(w, "CUDA", r.Release)
				row(w, "driver", r.Driver)
				row(w, "devices", r.Devices)
				for _, gpu := range r.GPUs {
					row(w, "GPU", gpu)
				}
				for _, name := range slices.Sorted(maps.Keys(r.Packages)) {
					row(w, name, r.Packages[name])
				}
			})
		}),
	}
}

func examineGPU(ctx context.Context) (r gpuReport, err error) {
	if r.CUDA, err = backend.FindCUDA(); err != nil {
		return r, err
	}
	r.Packages = r.CUDA.Packages()
	if r.Devices, err = r.Open(); err != nil {
		return r, err
	}
	// the driver's own program; without it the names are not known
	said, err := exec.CommandContext(ctx, "nvidia-smi",
		"--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader").Output()
	if err != nil {
		return r, fmt.Errorf("dev gpu: nvidia-smi, which comes with the driver: %w", err)
	}
	for line := range strings.Lines(string(said)) {
		r.GPUs = append(r.GPUs, strings.TrimSpace(line))
	}
	return r, nil
}
