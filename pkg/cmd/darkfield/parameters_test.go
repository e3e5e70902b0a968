package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/reference"
)

// quijotePrior is the prior of Quijote's Latin hypercube.
func quijotePrior() cosmology.Prior {
	return cosmology.CAMELSPrior().With("omega_b", 0.03, 0.07).With("h", 0.5, 0.9).
		With("n_s", 0.8, 1.2)
}

// fiveColumns writes a set LH with all five parameters to a new directory, whose description names
// them.
func fiveColumns(t *testing.T, cells int, params []cosmology.Params,
	pixel func(sim, i, pixel int) float32,
) string {
	t.Helper()
	dir, prior := t.TempDir(), quijotePrior()
	five := camels.Parameters(prior)
	d := camels.Quijote()
	d.Parameters = &five
	w, err := camels.NewWriter(dir, d, "Mcdm", camels.LH, cells, params)
	if err != nil {
		t.Fatal(err)
	}
	for sim := range params {
		maps := make([]field.Map, camels.MapsPerSimulation)
		for i := range maps {
			maps[i] = field.NewMap(field.Box{Side: d.BoxSide, Cells: cells})
			for p := range maps[i].Values {
				maps[i].Values[p] = pixel(sim, i, p)
			}
		}
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("suite: %s\nbox_side_mpc_h: %g\nperiodic: false\nunit: %s\n"+
		"log_range: [%g, %g]\n%s\n", d.Suite, d.BoxSide, d.Unit, d.LogRange[0], d.LogRange[1],
		camels.ParametersOf(prior))
	err = os.WriteFile(filepath.Join(dir, camels.DescriptionFile), []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFiveParametersOfNoise: a network of five parameters, from training to a joint posterior, on
// maps of noise.
func TestFiveParametersOfNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	params := make([]cosmology.Params, 12)
	for i := range params {
		u := make(cosmology.UnitParams, 5)
		for k := range u {
			u[k] = rng.Float64()
		}
		params[i] = quijotePrior().Params(u)
	}
	fiveParameters(t, fiveColumns(t, 8, params, func(sim, _, _ int) float32 {
		return float32(math.Exp(params[sim].Sigma8 * rng.NormFloat64() / 2))
	}))
}

// TestFiveParametersOfQuijote: the same on maps and parameters of Quijote's Latin hypercube.
func TestFiveParametersOfQuijote(t *testing.T) {
	pack, err := npz.Open(reference.Path(t, "data", "quijote", "quijote_lh_150x15x64.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer pack.Close()
	var level []uint8
	var table []float32 // Om, Ob, h, ns, s8
	if err := pack.Read("level.npy", &level); err != nil {
		t.Fatal(err)
	}
	if err := pack.Read("params.npy", &table); err != nil {
		t.Fatal(err)
	}
	const cells, simulations = 64, 30
	params := make([]cosmology.Params, simulations)
	for i := range params {
		row := make([]float64, 5)
		for k, column := range []int{0, 4, 1, 2, 3} {
			row[k] = float64(table[5*i+column])
		}
		params[i] = quijotePrior().At(row)
	}
	fiveParameters(t, fiveColumns(t, cells, params, func(sim, i, pixel int) float32 {
		at := (sim*camels.MapsPerSimulation+i)*cells*cells + pixel
		return float32(0.5 * math.Pow(2000, float64(level[at])/255))
	}))
}

// said runs the command and returns all that it prints. It must end with a status.
func said(t *testing.T, status int, args ...string) string {
	t.Helper()
	var text bytes.Buffer
	cmd := exec.Command("darkfield", args...)
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.Env = append([]string{"GOMLX_BACKEND=go"}, os.Environ()...)
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		t.Fatalf("%s: %v, want exit status %d: %s", strings.Join(args, " "), err, status, text.String())
	}
	return text.String()
}

// fiveParameters trains at smoke size on a directory of five parameters, resumes, samples, compares
// and infers.
func fiveParameters(t *testing.T, data string) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	says := func(text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("does not say %q: %s", w, text)
			}
		}
	}
	says(said(t, 0, "inspect", data), "h in [0.5, 0.9], n_s in [0.8, 1.2]")
	train := []string{
		"train", "--data", data, "--run", run, "--preset", "smoke", "--side", "8", "--warmup", "2",
		"--batch", "4", "--checkpoint-every", "2", "--steps",
	}
	said(t, 0, append(train, "2")...)
	says(said(t, 0, append(train, "4")...), "step", "4")
	says(said(t, 0, "inspect", run), "omega_m in [0.1, 0.5], sigma_8 in [0.6, 1], "+
		"omega_b in [0.03, 0.07], h in [0.5, 0.9], n_s in [0.8, 1.2]")

	sample := func(status int, out string, more ...string) string {
		t.Helper()
		return said(t, status, append([]string{
			"sample", "--checkpoint", run, "--sampler-steps", "2", "--out", filepath.Join(dir, out),
		}, more...)...)
	}
	const set = "omega_m=0.3,sigma_8=0.8,omega_b=0.05,h=0.7,n_s="
	sample(0, "maps.npy", "--set", set+"0.85")
	sample(0, "same.npy", "--omega-m", "0.3", "--sigma-8", "0.8", "--set", "n_s=0.85,omega_b=0.05",
		"--set", "h=0.7")
	sample(0, "other.npy", "--set", set+"1.15")
	files := map[string][]byte{}
	for _, name := range []string{"maps.npy", "same.npy", "other.npy"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = raw
	}
	if !bytes.Equal(files["maps.npy"], files["same.npy"]) {
		t.Error("--omega-m and --sigma-8 make other maps than --set")
	}
	if bytes.Equal(files["maps.npy"], files["other.npy"]) {
		t.Error("maps do not depend on n_s")
	}
	says(sample(1, "no.npy", "--set", "omega_m=0.3,sigma_8=0.8,h=0.95,n_S=1"), "--set",
		"n_S is no parameter, want omega_m, sigma_8, omega_b, h, n_s",
		"omega_b has no value, want one in [0.03, 0.07]", "n_s has no value",
		"h = 0.95 lies outside the prior [0.5, 0.9]")
	says(sample(2, "no.npy", "--set", set+"1", "--omega-m", "0.3"), "--omega-m with --set omega_m")
	says(sample(2, "no.npy", "--set", "sigma_8=0.8"), "omega_m=…")
	says(sample(2, "no.npy", "--set", "n_s"), "n_s=0.96")

	says(said(t, 0, "evaluate", "--checkpoint", run, "--data", data, "--params", "1", "--maps", "2",
		"--sampler-steps", "2"), "chi²")
	says(said(t, 1, "calibrate", "--checkpoint", run, "--data", data, "--out",
		filepath.Join(dir, "calibration")), "Ω_m and σ_8 alone", "omega_b, h, n_s")

	chains := filepath.Join(dir, "chains")
	infer := []string{
		"infer", "--checkpoint", run, "--terms", "0", "--map",
		filepath.Join(data, "Maps_Mcdm_Quijote_LH_z=0.00.npy"),
	}
	says(said(t, 1, infer...), "--hmc DIR", "omega_m, sigma_8, omega_b, h, n_s")
	infer = append(infer, "--hmc", chains, "--hmc-chains", "2", "--hmc-warmup", "50", "--hmc-draws",
		"20", "--chunk", "4", "--parameters")
	says(said(t, 1, append(infer, "h,w")...), "--parameters h,w, want two of omega_m")
	says(said(t, 0, append(infer, "h,n_s")...), "Ω_m", "n_s by the chains", "not calibrated")
	for name, header := range map[string]string{
		"draws.csv": "chain,draw,omega_m,sigma_8,omega_b,h,n_s\n",
		"joint.csv": "h,n_s,minus_two_delta_ln_p\n",
	} {
		raw, err := os.ReadFile(filepath.Join(chains, name))
		if err != nil || !strings.HasPrefix(string(raw), header) {
			t.Errorf("%s (%v) begins with %.60q, want %q", name, err, raw, header)
		}
	}
	if _, err := os.Stat(filepath.Join(chains, "joint.png")); err != nil {
		t.Error(err)
	}
}
