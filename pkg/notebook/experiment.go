package notebook

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/network"
	"darkfield/pkg/preset"
	"darkfield/pkg/safefile"
	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// Experiment is a model that a cell describes: a network, a schedule, a loss and a training, in one
// stage on the session's maps. Cells that call the same function get the same experiment; one with
// other settings or another function is another run, in a directory of its own.
type Experiment struct {
	Name     string
	Network  network.Network
	Schedule Schedule
	Loss     training.Loss // the zero value: the one that Training names
	Training training.Config
	Side     int // pixels that maps are averaged to

	session *Session
}

// Schedule is a variance schedule under the name that checkpoints know it by.
type Schedule struct {
	Name string
	diffusion.Schedule
}

// PaperSchedule returns the schedule of the paper.
func PaperSchedule() Schedule { return Schedule{diffusion.PaperName, diffusion.Paper()} }

// CosineSchedule returns that of Nichol and Dhariwal (2021).
func CosineSchedule(steps int) Schedule {
	return Schedule{"cosine", Must(diffusion.Cosine(steps))}
}

// LinearSchedule returns that of Ho et al. (2020), with variances from first to last.
func LinearSchedule(steps int, first, last float64) Schedule {
	return Schedule{"linear", Must(diffusion.Linear(steps, first, last))}
}

// OwnSchedule returns that of the variances β_1…β_T.
func OwnSchedule(name string, betas []float64) Schedule {
	return Schedule{name, Must(diffusion.NewSchedule(betas))}
}

// New returns an experiment with the network and the settings of the last stage of the preset.
func New(name string) *Experiment { return newExperiment(Open(), name) }

// NewOn is New for the maps of a directory.
func NewOn(dir, name string) *Experiment { return newExperiment(OpenData(dir), name) }

func newExperiment(s *Session, name string) *Experiment {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		check(fmt.Errorf("notebook: an experiment called %q, want a name that can be a directory's",
			name))
	}
	last := s.Preset.Stages[len(s.Preset.Stages)-1]
	return &Experiment{
		Name: name, Network: s.Preset.Network.Network(), Schedule: PaperSchedule(),
		Training: last.Training, Side: last.Side, session: s,
	}
}

// Preset returns the preset of the experiment's session.
func (e *Experiment) Preset() preset.Preset { return e.session.Preset }

// identity is all that makes an experiment another one. Steps are not part of it, so that a longer
// training goes on from a shorter one.
type identity struct {
	Network, Loss string // fingerprints
	Training      training.Config
	Schedule      string
	Betas         []float64
	Side          int
	Data          string
}

// conditions is the number of parameters θ of the maps.
func (e *Experiment) conditions() int {
	maps := e.session.Suite()
	defer maps.Close()
	return maps.Description.Prior().Len()
}

// identify returns the experiment's identity as JSON.
func (e *Experiment) identify() ([]byte, error) {
	id := identity{
		Training: e.Training, Schedule: e.Schedule.Name, Betas: e.Schedule.Betas(), Side: e.Side,
	}
	id.Training.Steps = 0
	var err error
	if id.Network, err = e.Network.Fingerprint(e.Side, e.conditions()); err != nil {
		return nil, err
	}
	if e.Loss.Func != nil {
		id.Training.Loss = e.Loss.Name
		id.Loss, err = e.Loss.Fingerprint(e.Side)
		if err != nil {
			return nil, err
		}
	}
	if id.Data, err = e.session.dataKey(); err != nil {
		return nil, err
	}
	return json.MarshalIndent(id, "", "  ")
}

// Dir returns the run directory: <results>/<name>/<hash of what the experiment is>.
func (e *Experiment) Dir() string { return Must(e.dir()) }

func (e *Experiment) dir() (string, error) {
	text, err := e.identify()
	if err != nil {
		return "", fmt.Errorf("experiment %s: %s", e.Name, faults.OneLine(err))
	}
	dir := filepath.Join(e.session.Run, e.Name, fmt.Sprintf("%.4x", sha256.Sum256(text)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, safefile.WriteFile(filepath.Join(dir, "experiment.json"), append(text, '\n'))
}

// Describe shows what the experiment is and where its run lies.
func (e *Experiment) Describe() {
	list := Must(e.Network.Tensors(e.Side, e.conditions()))
	loss := e.Training.Loss
	if e.Loss.Func != nil {
		loss = e.Loss.Name
	}
	t := e.Training
	e.session.Table([]string{"", ""}, [][]string{
		{"experiment", e.Name},
		{"network", fmt.Sprintf("%s, %d tensors, %.2f million parameters", e.Network.Name, len(list),
			float64(network.NumParameters(list))/1e6)},
		{"schedule", fmt.Sprintf("%s, T = %d", e.Schedule.Name, e.Schedule.Steps())},
		{
			"training",
			fmt.Sprintf("%d steps of %d maps of %d², loss %s, learning rate %g, seed %d", t.Steps,
				t.Batch, e.Side, loss, t.LearningRate, t.Seed),
		},
		{"run directory", e.Dir()},
	})
}

// job returns the training.
func (e *Experiment) job() training.Job {
	maps := e.session.Suite()
	data, manifest, err := dataset.Prepare(maps, e.Network, e.Side, splitSeed)
	check(err)
	manifest.SetSchedule(e.Schedule.Name, e.Schedule.Schedule)
	return training.Job{
		Network: Must(manifest.Function(e.Network)), Loss: e.Loss, Config: e.Training,
		Manifest: manifest, Data: data,
	}
}

// Train trains the experiment, or goes on where an interrupted or killed cell was, and shows a live
// curve. A finished run is left as it is.
func (e *Experiment) Train() {
	e.session.run(e.Dir(), []training.Job{e.job()}, func() tracking.Curve { return e.Curve() })
}

// Curve returns the course of the training so far.
func (e *Experiment) Curve() tracking.Curve {
	return Must(tracking.ReadCurve("Network "+e.Network.Name, tracking.Stage{
		Metrics: training.MetricsPath(e.Dir()), Side: e.Side, Batch: e.Training.Batch,
	}))
}

// Session returns a session whose figures show the network of this experiment.
func (e *Experiment) Session() *Session {
	s := *e.session
	s.own, s.Run = e, e.Dir()
	return &s
}

// Model opens what the experiment has trained.
func (e *Experiment) Model() *Model { return e.Session().Model() }

// Checkpoint reads the experiment's selected or newest checkpoint.
func (e *Experiment) Checkpoint() checkpoint.Checkpoint {
	return Must(checkpoint.Load(Must(training.BestCheckpoint(e.Dir()))))
}

// run trains jobs in stages with a bar and a live curve.
func (s *Session) run(dir string, jobs []training.Job, numbers func() tracking.Curve) {
	var live *curve
	for i := range jobs {
		jobs[i].Report = func(g training.Progress) { live.update(g, numbers) }
	}
	b := Must(training.OpenBackend(jobs[0].Config.Precision))
	_, err := training.RunStages(s.ctx, b, dir, jobs,
		func(stage training.Stage) (training.Result, error) {
			label := "training"
			if len(jobs) > 1 {
				label = fmt.Sprintf("training, stage %d of %d, %d² pixels", stage.Index+1, len(jobs),
					jobs[stage.Index].Data.Side)
			}
			live = s.page.curve(label)
			live.restore(training.MetricsPath(stage.Dir), numbers)
			r, err := stage.Begin()
			if s.ctx.Err() != nil && err != nil {
				return r, fmt.Errorf("%s: interrupted after step %d; the checkpoint is written: run the cell "+
					"again to go on", label, r.Step)
			}
			if err == nil {
				live.done()
				s.Note(fmt.Sprintf("%s: step %d of %d; checkpoint %s", label, r.Step,
					jobs[stage.Index].Config.Steps, filepath.Base(r.Checkpoint)))
			}
			return r, err
		})
	check(err)
}
