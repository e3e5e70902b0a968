package tracking

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// server answers as MLflow does, as far as the mirror asks, and keeps what it is told.
type server struct {
	mu        sync.Mutex
	runs      map[string]*stored
	fail      func(r *http.Request) int // a status to answer instead; 0: none
	requests  int
	artifacts map[string]string
}

type stored struct {
	metrics map[string]float64 // by name and step
	twice   int                // metrics that were sent more than once
	params  map[string]string
	status  string
}

func newServer(t *testing.T) (*server, string) {
	t.Helper()
	s := &server{runs: map[string]*stored{}, artifacts: map[string]string{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.fail != nil {
		if status := s.fail(r); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	var in struct {
		Name    string   `json:"name"`
		Run     string   `json:"run_id"`
		Status  string   `json:"status"`
		Metrics []metric `json:"metrics"`
		Params  []param  `json:"params"`
	}
	body, _ := io.ReadAll(r.Body)
	if r.Method == http.MethodPut {
		s.artifacts[strings.TrimPrefix(r.URL.Path, "/api/2.0/mlflow-artifacts/artifacts/")] = string(body)
		io.WriteString(w, "{}")
		return
	}
	_ = json.Unmarshal(body, &in)
	run := s.runs[in.Run]
	missing := func() {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"}`)
	}
	switch endpoint := strings.TrimPrefix(r.URL.Path, "/api/2.0/mlflow/"); endpoint {
	case "experiments/get-by-name":
		missing()
	case "experiments/create":
		io.WriteString(w, `{"experiment_id": "7"}`)
	case "runs/create":
		id := fmt.Sprintf("run%d", len(s.runs)+1)
		s.runs[id] = &stored{metrics: map[string]float64{}, params: map[string]string{}, status: running}
		fmt.Fprintf(w, `{"run": {"info": {"run_id": %q}}}`, id)
	case "runs/log-batch", "runs/update":
		if run == nil {
			missing()
			return
		}
		if strings.Contains(string(body), "null") { // as MLflow 3.17 does
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		if len(in.Metrics) > mostMetrics || len(in.Params) > mostParams {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, m := range in.Metrics {
			key := fmt.Sprintf("%s %d", m.Key, m.Step)
			if _, twice := run.metrics[key]; twice {
				run.twice++
			}
			run.metrics[key] = m.Value
		}
		for _, p := range in.Params {
			run.params[p.Key] = p.Value
		}
		if in.Status != "" {
			run.status = in.Status
		}
		io.WriteString(w, "{}")
	default:
		http.Error(w, endpoint, http.StatusNotFound)
	}
}

// do changes the server between requests.
func (s *server) do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// mirror returns a mirror of a new run directory and its metrics.
func mirror(t *testing.T, address string) (*Mirror, *Writer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	w, err := Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return again(t, path, address), w
}

func again(t *testing.T, path, address string) *Mirror {
	t.Helper()
	m, err := Mirror{
		Metrics: path, Experiment: "tests", Run: "one",
		Parameters: func() (map[string]string, error) {
			return map[string]string{"batch": "20", "loss": "huber"}, nil
		},
	}.At(address)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, w *Writer, from, to int) {
	t.Helper()
	for step := from; step <= to; step++ {
		if err := w.Append(
			Record{Step: step, Values: map[string]float64{
				Loss:         1 / float64(step),
				LearningRate: 1e-3,
			}}); err != nil {
			t.Fatal(err)
		}
	}
}

// whole checks that a run on the server has every metric of steps 1…n.
func whole(t *testing.T, run *stored, n int) {
	t.Helper()
	if run == nil || len(run.metrics) != 2*n || run.params["batch"] != "20" ||
		run.params["loss"] != "huber" {
		t.Fatalf("the server has %+v, want %d metrics and 2 parameters", run, 2*n)
	}
	for step := 1; step <= n; step++ {
		if got := run.metrics[fmt.Sprintf("%s %d", Loss, step)]; got != 1/float64(step) {
			t.Errorf("loss of step %d is %g, want %g", step, got, 1/float64(step))
		}
	}
}

// TestMirror: everything arrives once, in requests that MLflow takes; another process goes on
// where the first stopped.
func TestMirror(t *testing.T) {
	s, address := newServer(t)
	m, w := mirror(t, address)
	write(t, w, 1, 700) // 1400 metrics: two requests
	if err := m.Flush(t.Context(), Killed); err != nil {
		t.Fatal(err)
	}
	whole(t, s.runs["run1"], 700)
	if s.runs["run1"].status != Killed || !strings.HasSuffix(m.Where(), "/#/experiments/7/runs/run1") {
		t.Errorf("status %q at %s", s.runs["run1"].status, m.Where())
	}
	write(t, w, 701, 720)
	figure := filepath.Join(t.TempDir(), "curve.png")
	if err := os.WriteFile(figure, []byte("a picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	next := again(t, m.Metrics, address)
	next.Artifacts = func() []Artifact { return []Artifact{{figure, "figures/curve one.png"}} }
	if err := next.Flush(t.Context(), Finished); err != nil {
		t.Fatal(err)
	}
	whole(t, s.runs["run1"], 720)
	if len(s.runs) != 1 || s.runs["run1"].twice != 0 || s.runs["run1"].status != Finished {
		t.Errorf("%d runs, %d metrics sent twice, status %q", len(s.runs), s.runs["run1"].twice,
			s.runs["run1"].status)
	}
	if s.artifacts["7/run1/artifacts/figures/curve one.png"] != "a picture" {
		t.Errorf("artifacts %v", s.artifacts)
	}
	before := s.requests
	if err := next.Flush(t.Context(), Finished); err != nil || s.requests != before {
		t.Errorf("with nothing new %d requests were made: %v", s.requests-before, err)
	}
}

// TestMirrorOfABadServer: one that is down, that fails, that answers nonsense or has lost its
// runs gets all in the end, and complaints come once a spell.
func TestMirrorOfABadServer(t *testing.T) {
	defer func(p, q time.Duration) { pause, patient = p, q }(pause, patient)
	pause, patient = time.Millisecond, 5*time.Millisecond
	s, address := newServer(t)
	m, w := mirror(t, address)
	s.do(func() { s.fail = func(*http.Request) int { return http.StatusServiceUnavailable } })
	ctx, cancel := context.WithCancel(t.Context())
	var complaints []error
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Follow(ctx, func(err error) { complaints = append(complaints, err) })
	}()
	write(t, w, 1, 50)
	until(t, s, func() bool { return s.requests > 10 })
	n := 0
	s.do(func() {
		s.fail = func(*http.Request) int { // every fourth request fails from now on
			if n++; n%4 == 0 {
				return http.StatusBadGateway
			}
			return 0
		}
	})
	write(t, w, 51, 100)
	until(t, s, func() bool { return len(s.runs) > 0 && len(last(s).metrics) == 200 })
	s.do(func() { s.runs, s.fail = map[string]*stored{}, nil }) // restarted without its database
	write(t, w, 101, 120)
	until(t, s, func() bool { return len(s.runs) == 1 && len(last(s).metrics) == 240 })
	cancel()
	<-done
	if len(complaints) == 0 || !strings.Contains(complaints[0].Error(), "503") ||
		!strings.Contains(complaints[0].Error(), "training goes on") {
		t.Errorf("complaints %v", complaints)
	}
	if err := m.Flush(t.Context(), Finished); err != nil {
		t.Fatal(err)
	}
	whole(t, last(s), 120)
}

// last returns the newest run.
func last(s *server) *stored { return s.runs[fmt.Sprintf("run%d", len(s.runs))] }

func until(t *testing.T, s *server, ready func() bool) {
	t.Helper()
	for range 5000 {
		s.mu.Lock()
		ok := ready()
		s.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("it did not happen in 10 s")
}

// TestMirrorNeedsNoServer: with none at the address the file is written all the same, and Flush
// says how far the server is.
func TestMirrorNeedsNoServer(t *testing.T) {
	m, w := mirror(t, "http://127.0.0.1:1")
	write(t, w, 1, 3)
	if err := m.Flush(t.Context(), Finished); err == nil ||
		!strings.Contains(err.Error(), "http://127.0.0.1:1 has the metrics up to step 0") {
		t.Errorf("error %v", err)
	}
	if records, err := Read(m.Metrics); err != nil || len(records) != 3 {
		t.Errorf("%d records: %v", len(records), err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "localhost:5000", "file:///tmp/mlruns", "http://"} {
		if _, err := (Mirror{Metrics: filepath.Join(t.TempDir(), "m")}).At(address); err == nil ||
			!strings.Contains(err.Error(), "http://127.0.0.1:5000") {
			t.Errorf("%q: error %v, want one that shows an address", address, err)
		}
	}
}

// TestNotMLflow: a web server that is something else is noticed.
func TestNotMLflow(t *testing.T) {
	h := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<html>hello</html>")
		}))
	defer h.Close()
	m, w := mirror(t, h.URL)
	write(t, w, 1, 1)
	if err := m.Flush(t.Context(), Finished); err == nil ||
		!strings.Contains(err.Error(), "which MLflow does not") {
		t.Errorf("error %v", err)
	}
}
