package tracking

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
)

// Limits of MLflow's REST API for one request.
const (
	mostMetrics = 1000
	mostParams  = 100
	longest     = 6000 // characters of a parameter's value
)

// client speaks version 2.0 of MLflow's REST API.
type client struct {
	base string // without a slash at the end
	http *http.Client
}

// CheckAddress returns an error unless address can be that of a server; none is asked.
func CheckAddress(address string) error {
	_, err := newClient(address)
	return err
}

// newClient returns a client of the server at address. Name and password, or a token, come from
// MLflow's own variables MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD and
// MLFLOW_TRACKING_TOKEN.
func newClient(address string) (client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return client{}, fmt.Errorf("tracking: %q is no address of an MLflow server: give one such as "+
			"http://127.0.0.1:5000", address)
	}
	return client{
		base: strings.TrimRight(address, "/"),
		http: &http.Client{Timeout: 20 * time.Second},
	}, nil
}

// answerError is an answer with another status than 200.
type answerError struct {
	status int
	code   string // MLflow's, e.g. RESOURCE_DOES_NOT_EXIST
	text   string
}

func (e *answerError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.text) }

// call sends a JSON request to an endpoint such as runs/create and decodes its answer into out,
// if that is not nil.
func (c client) call(ctx context.Context, endpoint string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.send(ctx, http.MethodPost, "/api/2.0/mlflow/"+endpoint, "application/json",
		bytes.NewReader(body), out)
}

func (c client) send(ctx context.Context, method, where, kind string, body io.Reader, out any,
) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+where, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	if token := os.Getenv("MLFLOW_TRACKING_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	} else if name := os.Getenv("MLFLOW_TRACKING_USERNAME"); name != "" {
		request.SetBasicAuth(name, os.Getenv("MLFLOW_TRACKING_PASSWORD"))
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		var fault struct {
			Code string `json:"error_code"`
			Text string `json:"message"`
		}
		if json.Unmarshal(raw, &fault) != nil {
			fault.Text = fmt.Sprintf("%.200q", raw)
		}
		return &answerError{answer.StatusCode, fault.Code, fault.Text}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s%s answers %.60q, which MLflow does not: is it another server?",
			c.base, where, raw)
	}
	return nil
}

// experiment returns the id of an experiment, which it makes if there is none of that name.
func (c client) experiment(ctx context.Context, name string) (string, error) {
	var found struct {
		Experiment struct {
			ID string `json:"experiment_id"`
		} `json:"experiment"`
	}
	err := c.send(ctx, http.MethodGet, "/api/2.0/mlflow/experiments/get-by-name?experiment_name="+
		url.QueryEscape(name), "application/json", nil, &found)
	var answer *answerError
	switch {
	case err == nil:
		return found.Experiment.ID, nil
	case !errors.As(err, &answer) || answer.code != "RESOURCE_DOES_NOT_EXIST":
		return "", err
	}
	var made struct {
		ID string `json:"experiment_id"`
	}
	return made.ID, c.call(ctx, "experiments/create", map[string]string{"name": name}, &made)
}

// create starts a run and returns its id.
func (c client) create(ctx context.Context, experiment, name string, start time.Time,
) (string, error) {
	var made struct {
		Run struct {
			Info struct {
				ID string `json:"run_id"`
			} `json:"info"`
		} `json:"run"`
	}
	err := c.call(ctx, "runs/create", map[string]any{
		"experiment_id": experiment, "run_name": name,
		"start_time": start.UnixMilli(),
	}, &made)
	if err == nil && made.Run.Info.ID == "" {
		err = fmt.Errorf("%s made a run without a name: is it MLflow?", c.base)
	}
	return made.Run.Info.ID, err
}

// Names and values as the API wants them.
type (
	metric struct {
		Key   string  `json:"key"`
		Value float64 `json:"value"`
		Time  int64   `json:"timestamp"` // ms
		Step  int     `json:"step"`
	}
	param struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

// log sends metrics and parameters, as many requests as they need.
func (c client) log(ctx context.Context, run string, metrics []metric, params []param) error {
	for len(metrics)+len(params) > 0 {
		m, p := min(len(metrics), mostMetrics), min(len(params), mostParams)
		in := map[string]any{"run_id": run} // MLflow 3.17 answers an empty list's null with an error
		if m > 0 {
			in["metrics"] = metrics[:m]
		}
		if p > 0 {
			in["params"] = params[:p]
		}
		if err := c.call(ctx, "runs/log-batch", in, nil); err != nil {
			return err
		}
		metrics, params = metrics[m:], params[p:]
	}
	return nil
}

// finish sets the status of a run: RUNNING, FINISHED, FAILED or KILLED.
func (c client) finish(ctx context.Context, run, status string, end time.Time) error {
	in := map[string]any{"run_id": run, "status": status}
	if status != running {
		in["end_time"] = end.UnixMilli()
	}
	return c.call(ctx, "runs/update", in, nil)
}

// upload stores a file under a name as an artifact, by the server's own proxy.
func (c client) upload(ctx context.Context, experiment, run, name string, content []byte) error {
	where := "/api/2.0/mlflow-artifacts/artifacts/" + path.Join(experiment, run, "artifacts",
		(&url.URL{Path: name}).EscapedPath())
	return c.send(ctx, http.MethodPut, where, "application/octet-stream",
		bytes.NewReader(content), nil)
}
