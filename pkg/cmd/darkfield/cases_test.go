package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/reference"
)

// TestSharedCases: every reference input that users' files were modelled on is read with the right
// value, or refused in one line that says why. Inputs of the project's own stand in other tests.
func TestSharedCases(t *testing.T) {
	dir := reference.Path(t, "cases")
	weights := smallNetwork(t)
	calibration := smallCalibration(t, weights)
	scratch := t.TempDir()
	seen := map[string]bool{}
	for _, c := range []struct {
		file string   // below dir
		args []string // FILE stands for it, OUT for a new file
		code int
		want []string // in what is printed
	}{
		{
			"npy-python2-long/maps.npy",
			[]string{"inspect", "FILE"},
			0,
			[]string{"15 of 32²", "mean 11.0000"},
		},
		{"npy-version3/maps.npy", []string{"inspect", "FILE"}, 0, []string{"15 of 32²", "mean 11.0000"}},
		{"npy-other-writers/double_quotes.npy", []string{"inspect", "FILE"}, 0, []string{"mean 11.0000"}},
		{"npy-other-writers/key_order.npy", []string{"inspect", "FILE"}, 0, []string{"mean 11.0000"}},
		{"npy-other-writers/no_newline.npy", []string{"inspect", "FILE"}, 0, []string{"mean 11.0000"}},
		{"npy-other-writers/no_spaces.npy", []string{"inspect", "FILE"}, 0, []string{"mean 11.0000"}},
		{
			"npy-memmap-half-filled/maps.npy",
			[]string{"inspect", "FILE"},
			0,
			[]string{"7 of 15, never written: maps 8–14"},
		},
		{
			"npy-memmap-half-filled/maps.npy",
			[]string{"spectrum", "FILE", "--index", "9"},
			1,
			[]string{"map 9", "never written"},
		},
		{
			"npy-nan-pixel/maps.npy",
			[]string{"inspect", "FILE"},
			0,
			[]string{"map 0 pixel (y=3, x=4) is NaN"},
		},
		{
			"npy-nan-pixel/maps.npy",
			[]string{"spectrum", "FILE", "--json"},
			1,
			[]string{"maps.npy map 0: pixel (y=3, x=4) is NaN"},
		},
		{"npy-nan-pixel/one_pixel.npy", []string{"spectrum", "FILE"}, 1, []string{"1 pixel a side"}},
		{"spectrum-of-overdensity/density.npy", []string{"spectrum", "FILE"}, 0, []string{"23.866"}},
		{
			"spectrum-of-overdensity/delta.npy",
			[]string{"spectrum", "FILE"},
			0,
			[]string{"23.866", "density contrast"},
		},
		{
			"units/log10_maps.npy",
			[]string{"infer", "--checkpoint", weights, "--map", "FILE", "--index", "0"},
			1,
			[]string{"log10"},
		},
		{
			"units/1e10Msun",
			[]string{"inspect", "FILE"},
			1,
			[]string{`look like "1e10 (Msun/h)/(Mpc/h)^2"`},
		},
		{
			"spectrum-ignores-box/Maps_Mcdm_Quijote_LH_z=0.00.npy",
			[]string{"spectrum", "FILE"},
			0,
			[]string{"0.07247"}, // 2π/86.7
		},
		{"yaml-bom", []string{"inspect", "FILE"}, 0, []string{"25 Mpc/h"}},
		{
			"table-column-h-as-sigma8",
			[]string{"inspect", "FILE"},
			0,
			[]string{"column 3, sigma_8"},
		},
		{
			"pt-with-own-betas/checkpoint_200000.pt",
			[]string{"import", "FILE", "OUT"},
			0,
			[]string{"2000 steps", "200000"},
		},
		{"pt-six-parameters/six.pt", []string{"import", "FILE", "OUT"}, 0, []string{"6 parameters"}},
		{"pt-wrapped-network/lightning.ckpt", []string{"import", "FILE", "OUT"}, 0, []string{"net.*"}},
		{
			"pt-wrapped-network/litema.ckpt",
			[]string{"import", "FILE", "OUT"},
			0,
			[]string{"model_ema.*: averaged weights (EMA), which are used"},
		},
		{
			"pt-wrapped-network/lucidrains-model-7.pt",
			[]string{"import", "FILE", "OUT"},
			0,
			[]string{"ema_model.model.*: averaged weights (EMA), which are used"},
		},
		{
			"infer-same-universe-twice/Maps_Mcdm_FastPM_LH_z=0.00.npy",
			[]string{
				"infer", "--checkpoint", weights, "--calibration", calibration, "--map", "FILE",
				"--index", "0,0",
			},
			2,
			[]string{"want each map once"},
		},
		{
			"infer-same-universe-twice/Maps_Mcdm_FastPM_LH_z=0.00.npy",
			[]string{
				"infer", "--checkpoint", weights, "--calibration", calibration, "--map", "FILE",
				"--index", "0,7",
			},
			1,
			[]string{"maps 0 and 7", "slabs of one simulation, 0"},
		},
	} {
		seen[strings.Split(c.file, "/")[0]] = true
		name := strings.Join([]string{c.args[0], c.file}, " ")
		t.Run(name, func(t *testing.T) {
			args := make([]string, len(c.args))
			for i, a := range c.args {
				switch a {
				case "FILE":
					a = filepath.Join(dir, filepath.FromSlash(c.file))
				case "OUT":
					a = filepath.Join(scratch, filepath.Base(c.file)+".safetensors")
				}
				args[i] = a
			}
			var text bytes.Buffer
			cmd := exec.Command("darkfield", args...)
			cmd.Stdout, cmd.Stderr = &text, &text
			cmd.Env = append([]string{"GOMLX_BACKEND=go"}, os.Environ()...)
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit status %d, want %d: %s", code, c.code, text.String())
			}
			if text.Len() > 2500 {
				t.Errorf("%d bytes of text, want a few lines", text.Len())
			}
			for _, want := range c.want {
				if !strings.Contains(text.String(), want) {
					t.Errorf("does not say %q: %s", want, text.String())
				}
			}
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !seen[e.Name()] {
			t.Errorf("no check of %s", e.Name())
		}
	}
}
