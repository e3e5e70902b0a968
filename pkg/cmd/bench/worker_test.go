package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestWorkerThatDies(t *testing.T) {
	w, err := startWorker(context.Background(), standIn(t, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ask(request{"do": "die"}); err == nil ||
		!strings.Contains(err.Error(), "out of memory") {
		t.Errorf("error = %v, want what the worker said last", err)
	}
}

func TestParseAnswer(t *testing.T) {
	a, err := parseAnswer("PyTorch", []byte(`{"seconds": 0.25, "layout": "channels_last"}`))
	if err != nil || *a.Seconds != 0.25 || a.Layout != "channels_last" {
		t.Errorf("got %+v, %v", a, err)
	}
	for line, want := range map[string]string{
		`{"error": "no memory"}`: "PyTorch: no memory",
		`{"layout": "x"}`:        "want seconds",
		`{"seconds": -1}`:        "want seconds",
		`{"seconds": NaN}`:       "want one JSON object",
		`Warning: slow`:          "want one JSON object",
		``:                       "want one JSON object",
	} {
		if _, err := parseAnswer("PyTorch", []byte(line)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want one that says %q", line, err, want)
		}
	}
	var complaint *workerError
	if _, err := parseAnswer("PyTorch", []byte(`{"error": "x"}`)); !errors.As(err, &complaint) {
		t.Errorf("error = %v, want a workerError, after which the worker lives on", err)
	}
}
