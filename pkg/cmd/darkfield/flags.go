package main

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/camels"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/inference"
	"darkfield/pkg/network"
)

// Flags that several commands have are declared here, so that a name has one meaning.

// require marks flags that must be given.
func require(c *cobra.Command, flags ...string) {
	for _, f := range flags {
		if err := c.MarkFlagRequired(f); err != nil {
			panic(err) // the flag does not exist
		}
	}
}

func checkpointFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "checkpoint", "", "`FILE` of weights (.safetensors), or a run directory: its "+
		"selected checkpoint, or else the newest")
}

func runFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "run", "", "run `DIR`: train makes it, or goes on with it")
}

// dataFlags name a directory of maps, and which of them where it holds several kinds.
func dataFlags(f *pflag.FlagSet, dir *string, c *camels.Choice) {
	f.StringVar(dir, "data", "", "`DIR` of the training maps, in the layout of CMD")
	choiceFlags(f, c)
}

func choiceFlags(f *pflag.FlagSet, c *camels.Choice) {
	f.StringVar(&c.Suite, "suite", "", "suite `NAME`, where the directory holds several, such as "+
		"IllustrisTNG")
	f.StringVar(&c.Field, "field", "", "field `NAME`, where the directory holds several, such as Mcdm")
}

func testFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "test", "", "`DIR` of simulations that neither training nor the calibration has "+
		"seen")
}

func controlFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "control", "", "`DIR` of independent simulations at held-out parameters, made "+
		"with simulate control")
}

func mapFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "map", "", "`FILE` of maps (.npy)")
}

func indexFlag(f *pflag.FlagSet, p *int) {
	f.IntVar(p, "index", 0, "number `I` of the map in the file, from 0")
}

func boxSideFlag(f *pflag.FlagSet, p *float64) {
	f.Float64Var(p, "box-side", 0, "side of the box in `Mpc/h`; default: as is said in the file or "+
		"beside it, or else 25")
}

func calibrationFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "calibration", "", "`DIR` or file that calibrate wrote for this checkpoint")
}

// generatedFlags say how many maps a comparison makes.
func generatedFlags(f *pflag.FlagSet, params, maps *int) {
	f.IntVar(params, "params", *params, "`N` held-out parameters")
	f.IntVar(maps, "maps", *maps, "`N` maps generated at each parameter")
}

func responseMapsFlag(f *pflag.FlagSet, p *int) {
	f.IntVar(p, "response-maps", *p, "`N` maps generated at each value of a set 1P")
}

func noiseSeedFlag(f *pflag.FlagSet, p *uint64) {
	f.Uint64Var(p, "seed", *p, "`SEED` of the noise that maps are made from")
}

func cacheFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "cache", "", "`DIR` that keeps generated maps, so that an interrupted call goes on")
}

func chunkFlag(f *pflag.FlagSet, p *int) {
	f.IntVar(p, "chunk", *p, "`N` maps, or pairs of parameters and noise, in one call of the "+
		"network; results do not depend on it")
}

func noiseDrawsFlag(f *pflag.FlagSet, p *int) {
	f.IntVar(p, "noise-draws", *p, "`N` draws of the noise that each term is averaged over")
}

func evaluationsFlag(f *pflag.FlagSet, p *int) {
	f.IntVar(p, "evaluations", *p, "`N` parameters at most at which each term is evaluated; from 49 "+
		"on by adaptive polynomials, with fewer by one: 4×4, 5×4, 7×4, 9×4 or 9×5")
}

// observedFlags say what an instrument has done to maps.
func observedFlags(f *pflag.FlagSet, o *inference.Observed) {
	f.Float64Var(&o.Beam, "beam", 0, "standard deviation, in `MPC/H`, of the Gaussian that the maps' "+
		"density is smoothed with")
	f.Float64Var(&o.Noise, "noise", 0, "standard deviation, in `DEX`, of white noise in log10 of the "+
		"maps' pixels, after the beam; 0.06 is 1 % of the range of CAMELS' maps")
}

// checkObserved returns an error that names a flag of observedFlags out of range.
func checkObserved(o inference.Observed) error {
	var errs []error
	for flag, v := range map[string]float64{"beam": o.Beam, "noise": o.Noise} {
		if !(v >= 0) || math.IsInf(v, 0) {
			errs = append(errs, fmt.Errorf("--%s %g, want a finite number of at least 0", flag, v))
		}
	}
	return errors.Join(errs...)
}

// quadrature is n terms for the whole bound of maps with this noise: from the first one whose own
// noise is as large, which looks at no structure that the noise hides.
func quadrature(e *emulator.Emulator, n int, o inference.Observed) diffusion.Quadrature {
	scaled := o.Noise * 2 / e.Manifest().Scaling.Dex(1) // the network sees the range as −1 to 1
	return e.Schedule().Quadrature(e.Schedule().FirstTerm(scaled), n)
}

func presetFlag(f *pflag.FlagSet, p *string, value string) {
	f.StringVar(p, "preset", value, "preset `NAME`: smoke, quick, standard or paper")
}

func predictionFlag(f *pflag.FlagSet, p *diffusion.Prediction) {
	f.StringVar((*string)(p), "prediction", string(*p),
		"`WHAT` the network predicts: epsilon (the noise) or v")
}

// precision is a flag for one.
type precision struct{ *network.Precision }

// Set implements pflag.Value.
func (p precision) Set(text string) (err error) {
	*p.Precision, err = network.ParsePrecision(text)
	return err
}

// Type implements pflag.Value.
func (precision) Type() string { return "precision" }

func precisionFlag(f *pflag.FlagSet, p *network.Precision) {
	f.Var(precision{p}, "precision", "`NUMBERS` that the network computes with: float32, bfloat16 or "+
		"tf32 (train and verify on a GPU); weights, losses and likelihoods are float32")
}

func logThetaFlag(f *pflag.FlagSet, p *bool) {
	f.BoolVar(p, "log-theta", *p, "condition the network on ln Ω_m and ln σ_8")
}

// serverFlags name an MLflow server.
func serverFlags(f *pflag.FlagSet, server, experiment *string) {
	f.StringVar(server, "server", os.Getenv("MLFLOW_TRACKING_URI"), "`URL` of an MLflow server, "+
		"such as http://127.0.0.1:5000; default: MLFLOW_TRACKING_URI")
	f.StringVar(experiment, "experiment", "darkfield", "MLflow experiment `NAME`")
}
