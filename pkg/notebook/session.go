package notebook

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"darkfield/pkg/backend"
	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/emulator"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/heldout"
	"darkfield/pkg/inference"
	"darkfield/pkg/network"
	"darkfield/pkg/preset"
	"darkfield/pkg/suite"
	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// Variables that choose a session; `make reproduce` sets them, and so may a user before
// JupyterLab starts.
const (
	presetVariable = "DARKFIELD_PRESET" // default quick
	dataVariable   = "DARKFIELD_DATA"   // a directory in CMD's layout; empty: simulated boxes
	runVariable    = "DARKFIELD_RUN"    // default runs/<preset>[-<name of the data directory>]
)

// splitSeed divides simulations the same way in every session.
const splitSeed = 1

// Session is one study: a preset, its data and its run directory.
type Session struct {
	Preset preset.Preset
	Run    string      // directory of all results
	Anew   bool        // results are made again even where they are kept
	data   string      // the user's maps; empty: simulated boxes in Run
	hash   string      // of the checkpoint that Source opened
	own    *Experiment // whose network figures show; nil: the preset's
	ctx    context.Context
	page   page
}

// Open returns the session that the environment describes. A problem ends the cell with one line.
func Open() *Session { return Must(open()) }

func open() (*Session, error) {
	name := os.Getenv(presetVariable)
	if name == "" {
		name = "quick"
	}
	p, err := preset.Get(name)
	if err != nil {
		return nil, err
	}
	s := &Session{
		Preset: p, data: os.Getenv(dataVariable), Run: os.Getenv(runVariable),
		page: newPage(),
	}
	if s.Run == "" {
		root, err := root()
		if err != nil {
			return nil, err
		}
		s.Run = filepath.Join(root, "runs", name)
		if s.data != "" {
			s.Run += "-" + filepath.Base(s.data)
		}
	}
	// An interrupted cell has five seconds to write a checkpoint before the kernel kills it.
	s.ctx, _ = signal.NotifyContext(context.Background(), os.Interrupt)
	return s, os.MkdirAll(s.Run, 0o755)
}

// OpenData is Open for the maps of a directory.
func OpenData(dir string) *Session {
	s := Open()
	s.data = dir
	return s
}

// root returns the project's directory: that of go.mod above the working directory.
func root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("notebook: no go.mod above %s: start inside the project or set %s",
				start, runVariable)
		}
	}
}

// Must returns v, or ends the cell with the error in one line.
func Must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	return v
}

// check ends the cell with the error in one line.
func check(err error) { Must(struct{}{}, err) }

// Context ends when the cell is interrupted.
func (s *Session) Context() context.Context { return s.ctx }

// Describe shows what this session is.
func (s *Session) Describe() {
	p := s.Preset
	data := s.data
	if data == "" {
		data = fmt.Sprintf("simulated boxes (suite FastPM, seed %d), %d³ particles each", p.Universe.Seed,
			p.Universe.NBody.Particles)
	}
	figures := "the network that is trained here"
	sampling := p.Evaluate.Sampling
	if path, why := s.shipped(); path != "" {
		sampling = Must(sampling.With(Must(checkpoint.Load(path)).Manifest.Sampling))
		figures = "shipped weights, " + filepath.Join(shippedDir, filepath.Base(path))
	} else if why != "" {
		figures += ". " + why
	}
	s.Table([]string{"", ""}, [][]string{
		{"preset", p.Name + " (" + p.About + ")"},
		{"data", data},
		{"maps", fmt.Sprintf("%d×%d pixels", p.Side(), p.Side())},
		{"network", fmt.Sprintf("U-Net of width %d, %.2f million parameters", p.Network.Dim,
			float64(p.Network.NumParameters())/1e6)},
		{"training", courses(p.Stages)},
		{"figures 1 to 5", figures},
		{"generated maps", fmt.Sprintf("%d at each of %d held-out parameters, %s, seed %d",
			p.Evaluate.MapsPerParam, p.Evaluate.ValidationParams, sampling, p.Evaluate.Seed)},
		{"results in", s.Run},
	})
}

// courses says how the stages of a training go.
func courses(stages []preset.Stage) string {
	var out []string
	for _, s := range stages {
		t := s.Training
		text := fmt.Sprintf("%d steps of %d maps, %s loss, learning rate %g, seed %d", t.Steps, t.Batch,
			t.Loss, t.LearningRate, t.Seed)
		if len(stages) > 1 {
			text = fmt.Sprintf("at %d²: %s", s.Side, text)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; then ")
}

// dataDir is the directory of the maps.
func (s *Session) dataDir() string {
	if s.data != "" {
		return s.data
	}
	return filepath.Join(s.root(), "universe")
}

// MakeData makes what is missing of the simulated boxes, or does nothing where the user brought
// maps.
func (s *Session) MakeData() {
	if s.data != "" {
		s.Note("Maps from " + s.data)
		return
	}
	u := s.Preset.Universe
	for _, set := range []camels.Set{camels.LH, camels.OneP, camels.CV} {
		n := u.Sims[set]
		if n == 0 {
			continue
		}
		bar := s.page.bar("universes of set " + string(set))
		check(suite.Make(s.ctx, suite.Config{
			Dir: s.dataDir(), Set: set, Sims: n, Cells: s.Preset.Side(), Seed: u.Seed, NBody: u.NBody,
		}, bar.count))
		bar.done()
	}
}

// Suite opens the maps.
func (s *Session) Suite() *camels.Suite { return Must(camels.Open(s.dataDir())) }

// trainDir is the training run.
func (s *Session) trainDir() string { return filepath.Join(s.Run, "train") }

// Train trains as the preset says, stage after stage, or goes on where an interrupted cell was,
// showing a live curve. A finished run is left as it is.
func (s *Session) Train() { s.train(s.trainDir(), s.Preset.Network, s.Preset.Stages...) }

func (s *Session) train(dir string, network unet.Config, stages ...preset.Stage) {
	maps := s.Suite()
	defer maps.Close()
	jobs := make([]training.Job, len(stages))
	for i, stage := range stages {
		data, manifest, err := dataset.Prepare(maps, network.Network(), stage.Side, splitSeed)
		check(err)
		jobs[i] = training.Job{Config: stage.Training, Manifest: manifest, Data: data}
	}
	s.run(dir, jobs, func() tracking.Curve { return Must(course(dir, network, stages...)) })
}

// Curve returns the course of the training run.
func (s *Session) Curve() (tracking.Curve, error) {
	return course(s.trainDir(), s.Preset.Network, s.Preset.Stages...)
}

// course returns the course of a run in stages.
func course(dir string, network unet.Config, stages ...preset.Stage) (tracking.Curve, error) {
	parts := make([]tracking.Stage, len(stages))
	for i, d := range training.StageDirs(dir, len(stages)) {
		parts[i] = tracking.Stage{
			Metrics: training.MetricsPath(d), Side: stages[i].Side,
			Batch: stages[i].Training.Batch,
		}
	}
	return tracking.ReadCurve(fmt.Sprintf("U-Net of width %d", network.Dim), parts...)
}

// network opens the network of the figures (see Checkpoint) and the maps, with a bar for each stage
// of what is done with them.
func (s *Session) network() (*emulator.Emulator, heldout.Data) {
	path, weights, _, err := s.figured()
	check(err)
	e := Must(emulator.Open(Must(backend.Open()), path, s.functions()...))
	s.hash = e.Hash()
	maps := s.Suite()
	data := Must(heldout.New(e, maps))
	const glance = 20 // simulations
	for _, set := range maps.Sets {
		if warning := Must(set.RangeWarning(e.Manifest().Scaling, e.Box().Cells, glance)); warning != "" {
			s.Note("Warning: " + warning)
		}
	}
	data.Checkpoint.Name = weights
	bars := map[string]*bar{}
	data.Progress = func(stage string, fraction float64) {
		if bars[stage] == nil {
			bars[stage] = s.page.bar(stage)
		}
		bars[stage].fraction(fraction)
	}
	return e, data
}

// functions are the networks that a checkpoint of the session may need.
func (s *Session) functions() []network.Network {
	if s.own == nil {
		return nil
	}
	return []network.Network{s.own.Network}
}

// Emulator opens the network of the figures to make maps. They are kept in the run directory. What
// the checkpoint recommends of the sampler replaces the preset's settings.
func (s *Session) Emulator() evaluate.Emulator {
	e, data := s.network()
	s.Preset.Evaluate.Sampling = Must(s.Preset.Evaluate.Sampling.With(e.Manifest().Sampling))
	return evaluate.Of(e, data, s.Preset.Evaluate.Sampling, filepath.Join(s.Run, "samples"))
}

// Likelihood opens it to infer parameters from maps.
func (s *Session) Likelihood() inference.Likelihood {
	e, data := s.network()
	return inference.Of(e, data, s.Preset.Evaluate.Sampling.Batch)
}
