package tracking

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"darkfield/pkg/safefile"
)

// Statuses of a run, as MLflow names them.
const (
	running  = "RUNNING"
	Finished = "FINISHED"
	Killed   = "KILLED" // interrupted; a resumed run is running again
	Failed   = "FAILED"
)

// Mirror copies the metrics of a run to an MLflow server. It reads the metrics file, stores in a
// file beside it up to which step the server has the metrics, and never delays the writer. A server
// that is down, slow or restarted gets the rest when it is back, also after the run has ended and
// from another process.
type Mirror struct {
	Metrics    string // path of the metrics file
	Experiment string // MLflow's folder of runs
	Run        string // name to show
	// Artifacts returns files to upload with the metrics. Flush calls it; nil: none.
	Artifacts func() []Artifact
	// Parameters returns the run's settings. It is called once the metrics file exists.
	Parameters func() (map[string]string, error)

	client client
	server string
	sent   progress
}

// Artifact is a file of a run and the name that the server shows.
type Artifact struct{ Path, Name string }

// progress is what the server has, as stored beside the metrics for one server.
type progress struct {
	Server     string            `json:"server"`
	Experiment string            `json:"experiment_id"`
	Run        string            `json:"run_id"`
	Described  bool              `json:"described"` // it has the parameters
	Step       int               `json:"step"`      // metrics up to here
	Status     string            `json:"status"`
	Artifacts  map[string]string `json:"artifacts"` // hash by name
}

// Pauses of Follow: between looks at the file, and at most after failures.
var (
	pause   = 2 * time.Second
	patient = time.Minute
)

// At returns a mirror on the server at address, without a request.
func (m Mirror) At(address string) (*Mirror, error) {
	c, err := newClient(address)
	if err != nil {
		return nil, err
	}
	m.client, m.server = c, c.base
	return &m, m.recall()
}

// Where returns the address of the run's page; empty before the server knows it.
func (m *Mirror) Where() string {
	if m.sent.Run == "" {
		return ""
	}
	return fmt.Sprintf("%s/#/experiments/%s/runs/%s", m.server, m.sent.Experiment, m.sent.Run)
}

func (m *Mirror) memory() string { return filepath.Join(filepath.Dir(m.Metrics), "mlflow.json") }

// recall reads the stored progress, if it is of the same server.
func (m *Mirror) recall() error {
	raw, err := os.ReadFile(m.memory())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var sent progress
	if err == nil {
		err = json.Unmarshal(raw, &sent)
	}
	if err != nil {
		return fmt.Errorf("tracking: %s: %w; remove it to send the run anew", m.memory(), err)
	}
	if sent.Server == m.server {
		m.sent = sent
	}
	return nil
}

func (m *Mirror) remember() error {
	m.sent.Server = m.server
	raw, err := json.MarshalIndent(m.sent, "", "  ")
	if err == nil {
		err = safefile.WriteFile(m.memory(), append(raw, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tracking: %w", err)
	}
	return nil
}

// Follow sends new metrics until ctx ends. complain, which may be nil, is called at the first of
// consecutive failures. After a failure it retries with exponential back-off, up to a minute.
func (m *Mirror) Follow(ctx context.Context, complain func(error)) {
	wait := pause
	for {
		err := m.send(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait = pause
		default:
			if wait == pause && complain != nil {
				complain(fmt.Errorf("tracking: %s: %w; training goes on, and the metrics are sent when it "+
					"answers", m.server, err))
			}
			wait = min(2*wait, patient)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Flush sends everything that the server lacks, with artifacts, and the status of the run.
func (m *Mirror) Flush(ctx context.Context, status string) error {
	err := m.send(ctx)
	if err != nil && m.sent.Run == "" {
		err = m.send(ctx) // the server had lost the run
	}
	if err == nil {
		err = m.store(ctx)
	}
	if err == nil && m.sent.Run == "" {
		return nil // nothing was ever written
	}
	if err == nil && m.sent.Status != status {
		if err = m.client.finish(ctx, m.sent.Run, status, time.Now()); err == nil {
			m.sent.Status = status
			err = m.remember()
		}
	}
	if err != nil {
		return fmt.Errorf("tracking: %s has the metrics up to step %d: %w", m.server, m.sent.Step, err)
	}
	return nil
}

// send makes the run if the server lacks it and sends the metrics after the last step that the
// server has.
func (m *Mirror) send(ctx context.Context) error {
	records, err := Read(m.Metrics)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the run has not begun
	}
	if err != nil {
		return err
	}
	if err := m.begin(ctx); err != nil {
		return err
	}
	var metrics []metric
	last := m.sent.Step
	for _, r := range records {
		if r.Step <= m.sent.Step { // a resumed run repeats steps with the same numbers
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(r.Values)) {
			metrics = append(metrics, metric{name, r.Values[name], r.Time.UnixMilli(), r.Step})
		}
		last = r.Step
	}
	if len(metrics) == 0 {
		return nil
	}
	if err := m.client.log(ctx, m.sent.Run, metrics, nil); err != nil {
		return m.forget(err)
	}
	if m.sent.Status != running {
		if err := m.client.finish(ctx, m.sent.Run, running, time.Now()); err != nil {
			return err
		}
		m.sent.Status = running
	}
	m.sent.Step = last
	return m.remember()
}

// forget resets the progress if the server has lost the run.
func (m *Mirror) forget(err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.code == "RESOURCE_DOES_NOT_EXIST" {
		m.sent = progress{}
	}
	return err
}

// begin creates the run and sends its parameters, once.
func (m *Mirror) begin(ctx context.Context) error {
	if m.sent.Run == "" {
		experiment, err := m.client.experiment(ctx, m.Experiment)
		if err != nil {
			return err
		}
		run, err := m.client.create(ctx, experiment, m.Run, time.Now())
		if err != nil {
			return err
		}
		m.sent = progress{Experiment: experiment, Run: run, Status: running}
		if err := m.remember(); err != nil {
			return err
		}
	}
	if m.sent.Described {
		return nil
	}
	settings, err := m.Parameters()
	if err != nil {
		return err
	}
	var params []param
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := strings.ToValidUTF8(settings[name][:min(len(settings[name]), longest)], "")
		params = append(params, param{name, value})
	}
	if err := m.client.log(ctx, m.sent.Run, nil, params); err != nil {
		return m.forget(err)
	}
	m.sent.Described = true
	return m.remember()
}

// store uploads the artifacts that are new or have changed.
func (m *Mirror) store(ctx context.Context) error {
	if m.Artifacts == nil || m.sent.Run == "" {
		return nil
	}
	for _, a := range m.Artifacts() {
		content, err := os.ReadFile(a.Path)
		if err != nil {
			return err
		}
		hash := fmt.Sprintf("%x", sha256.Sum256(content))
		if m.sent.Artifacts[a.Name] == hash {
			continue
		}
		if err := m.client.upload(ctx, m.sent.Experiment, m.sent.Run, a.Name, content); err != nil {
			return fmt.Errorf("store %s: %w", a.Name, err)
		}
		if m.sent.Artifacts == nil {
			m.sent.Artifacts = map[string]string{}
		}
		m.sent.Artifacts[a.Name] = hash
		if err := m.remember(); err != nil {
			return err
		}
	}
	return nil
}
