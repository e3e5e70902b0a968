package notebook

import (
	"fmt"
	"os"
	"path/filepath"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/training"
)

// shippedDir holds weights that come with darkfield, below the project's directory.
var shippedDir = filepath.Join("data", "pretrained")

// shipped returns the shipped weights that figures are made with. Where they are made with the
// network that the session trains, path is empty, and why says why if the preset names weights.
func (s *Session) shipped() (path, why string) {
	name := s.Preset.Pretrained
	if name == "" || s.own != nil {
		return "", ""
	}
	const live = "the figures show the network that notebook 2 trains."
	if s.data != "" {
		return "", fmt.Sprintf("The shipped weights %s are for darkfield's simulated boxes and not for "+
			"your maps: %s", name, live)
	}
	dir, err := root()
	if err == nil {
		path = filepath.Join(dir, shippedDir, name)
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Sprintf("There are no shipped weights %s here: %s It has taken far too few "+
			"steps for good maps.", filepath.Join(shippedDir, name), live)
	}
	return path, ""
}

// figured returns the checkpoint that figures are made with, what captions call its weights, and
// what to say about the choice.
func (s *Session) figured() (path, weights, note string, err error) {
	if s.own != nil {
		path, err = training.BestCheckpoint(s.own.Dir())
		return path, "experiment " + s.own.Name, "", err
	}
	path, note = s.shipped()
	if path == "" {
		path, err = training.BestCheckpoint(s.trainDir())
		return path, "", note, err
	}
	name := filepath.Base(path)
	note = fmt.Sprintf("The figures show shipped weights, %s, and not the network that notebook 2 "+
		"trains in %d steps. True maps beside them are of simulations that these weights have not seen.",
		filepath.Join(shippedDir, name), s.steps())
	return path, "shipped weights " + name, note, nil
}

// steps returns those of all stages of the training.
func (s *Session) steps() int {
	n := 0
	for _, stage := range s.Preset.Stages {
		n += stage.Training.Steps
	}
	return n
}

// Checkpoint shows the network that figures are made with: shipped weights where the preset names
// them, else the selected or the newest checkpoint of the run.
func (s *Session) Checkpoint() {
	path, _, note, err := s.figured()
	check(err)
	if note != "" {
		s.Note(note)
	}
	s.describe(path)
}

// Trained shows the selected checkpoint of the run, or else the newest.
func (s *Session) Trained() {
	s.describe(Must(training.BestCheckpoint(s.trainDir())))
}

func (s *Session) describe(path string) {
	c := Must(checkpoint.Load(path))
	m := c.Manifest
	s.Table([]string{"", ""}, [][]string{
		{"checkpoint", filepath.Base(path)},
		{"hash", fmt.Sprintf("%.12s", c.Hash)},
		{"trained on", fmt.Sprintf("%s %s, %d² pixels, %g Mpc/h a side", m.Data.Suite, m.Data.Set,
			m.Data.Side, m.Data.BoxSide)},
		{"simulations", fmt.Sprintf("%d trained on, %d held out for validation, %d for tests",
			len(m.Data.Split.Train), len(m.Data.Split.Validation), len(m.Data.Split.Test))},
		{"network", fmt.Sprintf("width %d, %.2f million parameters, step %d, seed %d", m.Network.Dim,
			float64(m.Network.NumParameters())/1e6, m.Step, m.Seed)},
	})
}
