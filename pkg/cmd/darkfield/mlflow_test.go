package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"darkfield/pkg/backend"
	"darkfield/pkg/tracking"
)

// mlflow is a real MLflow server on a port of this machine, with its database and artifacts in a
// directory.
type mlflow struct {
	t            *testing.T
	program, dir string
	address      string
	process      *exec.Cmd
}

func newMLflow(t *testing.T) *mlflow {
	t.Helper()
	program, err := filepath.Abs("../../../.tools/venv/mlflow/bin/mlflow")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no MLflow server: run `make mlflow`")
		}
		t.Skip("no MLflow server: `make mlflow` installs one")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	m := &mlflow{t: t, program: program, dir: t.TempDir(), address: "http://" + free.Addr().String()}
	t.Cleanup(m.kill)
	return m
}

func (m *mlflow) start() {
	m.t.Helper()
	port := m.address[strings.LastIndex(m.address, ":")+1:]
	m.process = exec.Command(m.program, "server", "--host", "127.0.0.1", "--port", port,
		"--workers", "1",
		"--backend-store-uri", "sqlite:///"+filepath.Join(m.dir, "mlflow.db"), "--artifacts-destination",
		filepath.Join(m.dir, "artifacts"))
	m.process.Dir = m.dir
	// Its workers for jobs are sessions of their own, which would outlive it; and it is to talk to
	// nobody else.
	m.process.Env = append(os.Environ(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false",
		"MLFLOW_DISABLE_TELEMETRY=true")
	m.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	within(m.t, "the MLflow server answers", func() bool {
		answer, err := http.Get(m.address + "/health")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// signal sends a signal to the server and its workers.
func (m *mlflow) signal(s syscall.Signal) { _ = syscall.Kill(-m.process.Process.Pid, s) }

func (m *mlflow) kill() {
	if m.process != nil {
		m.signal(syscall.SIGKILL)
		_ = m.process.Wait()
		m.process = nil
	}
}

// get asks the server for JSON.
func (m *mlflow) get(out any, endpoint string, query ...string) {
	m.t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	answer, err := http.Get(m.address + "/api/2.0/mlflow/" + endpoint + "?" + values.Encode())
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		m.t.Fatal(err)
	}
}

// within waits for what must happen; the limit is far beyond what a loaded machine needs.
func within(t *testing.T, what string, ready func() bool) {
	t.Helper()
	const limit = 5 * time.Minute
	for start := time.Now(); time.Since(start) < limit; time.Sleep(100 * time.Millisecond) {
		if ready() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, limit)
}

// TestMLflow trains beside a real server that is down at first, then hangs, then is killed and
// comes back: training goes on through all of it, and in the end the server has every metric
// once, the settings and the figures.
func TestMLflow(t *testing.T) {
	if _, found := backend.Plugin(); !found {
		t.Skip("no XLA plugin: run `make setup`")
	}
	server := newMLflow(t)
	dir := t.TempDir()
	data, run := filepath.Join(dir, "u"), filepath.Join(dir, "r")
	command := func(args ...string) *exec.Cmd {
		c := exec.Command("darkfield", args...)
		c.Env = append(os.Environ(), "MLFLOW_TRACKING_URI="+server.address)
		return c
	}
	if out, err := command("simulate", "--set", "LH", "--sims", "8", "--side", "32", "--particles",
		"16", "--time-steps", "5", "--pixels", "32",
		"--neighbours", "32", "--out", data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var said strings.Builder
	training := command("train", "--data", data, "--run", run, "--preset", "smoke", "--steps",
		"1000000", "--checkpoint-every", "100")
	training.Stderr = &said
	if err := training.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = training.Process.Kill() })
	records := func() int {
		all, _ := tracking.Read(filepath.Join(run, "metrics.jsonl"))
		return len(all)
	}
	goesOn := func(what string) {
		t.Helper()
		before := records()
		within(t, "training goes on "+what, func() bool { return records() >= before+3 })
	}
	var known struct {
		Run  string `json:"run_id"`
		Step int    `json:"step"`
	}
	arrives := func() {
		t.Helper()
		before := known.Step
		within(t, "metrics arrive", func() bool {
			raw, err := os.ReadFile(filepath.Join(run, "mlflow.json"))
			return err == nil && json.Unmarshal(raw, &known) == nil && known.Step > before
		})
	}
	goesOn("without a server")
	server.start()
	arrives()
	server.signal(syscall.SIGSTOP)
	goesOn("while the server hangs")
	server.signal(syscall.SIGCONT)
	arrives()
	server.kill()
	goesOn("while the server is dead")
	server.start()
	arrives()
	if err := training.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := training.Wait(); err == nil || training.ProcessState.ExitCode() != failed {
		t.Errorf("an interrupted training ends with %v", err)
	}
	if text := said.String(); strings.Count(text, "training goes on") == 0 ||
		!strings.Contains(text, "tracked at "+server.address) {
		t.Errorf("stderr: %s", text)
	}
	checkTracked(t, server, run, known.Run, "KILLED")
	if out, err := command("track", "--run", run).CombinedOutput(); err != nil ||
		!strings.Contains(string(out), known.Run) {
		t.Errorf("darkfield track: %v: %s", err, out)
	}
	checkTracked(t, server, run, known.Run, "FINISHED")
}

// checkTracked compares what the server has of a run with what is on disk.
func checkTracked(t *testing.T, server *mlflow, dir, id, status string) {
	t.Helper()
	var got struct {
		Run struct {
			Info struct {
				Status string `json:"status"`
				Name   string `json:"run_name"`
			} `json:"info"`
			Data struct {
				Params []struct{ Key, Value string } `json:"params"`
			} `json:"data"`
		} `json:"run"`
	}
	server.get(&got, "runs/get", "run_id", id)
	if got.Run.Info.Status != status || got.Run.Info.Name != filepath.Base(dir) {
		t.Errorf("run %q has status %q, want %q of %q", got.Run.Info.Name, got.Run.Info.Status, status,
			filepath.Base(dir))
	}
	settings := map[string]string{}
	for _, p := range got.Run.Data.Params {
		settings[p.Key] = p.Value
	}
	if settings["training.batch"] != "10" || settings["manifest.network.dim"] != "8" {
		t.Errorf("settings %v", settings)
	}
	records, err := tracking.Read(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tracking.Loss, tracking.LearningRate, tracking.ValidationMSE} {
		var history struct {
			Metrics []struct {
				Step  json.Number `json:"step"`
				Value float64     `json:"value"`
			} `json:"metrics"`
		}
		server.get(&history, "metrics/get-history", "run_id", id, "metric_key", name,
			"max_results", "25000")
		there := map[string]float64{}
		for _, m := range history.Metrics {
			there[m.Step.String()] = m.Value
		}
		want := 0
		for _, r := range records {
			if v, ok := r.Values[name]; ok {
				want++
				if got, ok := there[fmt.Sprint(r.Step)]; !ok || got != v {
					t.Fatalf("%s of step %d is %g on disk and %g (%v) on the server", name, r.Step, v, got, ok)
				}
			}
		}
		if len(history.Metrics) != want {
			t.Errorf("%s: %d values on the server, %d on disk", name, len(history.Metrics), want)
		}
	}
	var list struct {
		Files []struct{ Path string } `json:"files"`
	}
	server.get(&list, "artifacts/list", "run_id", id, "path", "figures")
	if len(list.Files) != 3 {
		t.Errorf("figures on the server: %v, want training.csv, .png and .svg", list.Files)
	}
}
