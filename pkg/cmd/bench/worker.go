package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command is a program with arguments and what is added to its environment.
type command struct {
	name      string // in errors
	args, env []string
}

func (c command) process(ctx context.Context, more ...string) *exec.Cmd {
	p := exec.CommandContext(ctx, c.args[0], append(c.args[1:len(c.args):len(c.args)], more...)...)
	p.Env = append(os.Environ(), c.env...)
	return p
}

// request is one line to a worker; pkg/verify/pytorch/bench.py says what it may hold, and
// trainOnly.
type request map[string]any

// answer is the worker's line.
type answer struct {
	Seconds *float64 `json:"seconds"`
	Error   string   `json:"error,omitempty"`
	Layout  string   `json:"layout,omitempty"`  // of open: the memory layout in use
	Version string   `json:"version,omitempty"` // of about
	// of about: words of networks that cannot be had, and why
	Lacks      map[string]string `json:"lacks,omitempty"`
	Checkpoint string            `json:"checkpoint,omitempty"` // of our training's end
}

// workerError is what PyTorch complains of; the worker lives on.
type workerError struct{ what string }

func (e *workerError) Error() string { return "PyTorch: " + e.what }

// parseAnswer reads a line of the worker's.
func parseAnswer(name string, line []byte) (answer, error) {
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("the %s worker answered %.80q, want one JSON object", name, line)
	}
	if a.Error != "" {
		return a, &workerError{a.Error}
	}
	if a.Seconds == nil || !(*a.Seconds >= 0) || math.IsInf(*a.Seconds, 0) {
		return a, fmt.Errorf("the %s worker answered %.80q, want seconds >= 0", name, line)
	}
	return a, nil
}

// worker is a process, of PyTorch's or of our training, that answers one request at a time.
type worker struct {
	name     string
	process  *exec.Cmd
	requests io.WriteCloser
	answers  *bufio.Reader
	said     bytes.Buffer // on standard error
}

// startWorker starts a worker, which ends with ctx.
func startWorker(ctx context.Context, c command, more ...string) (*worker, error) {
	w := &worker{name: c.name, process: c.process(ctx, more...)}
	w.process.Stderr = &w.said
	w.process.WaitDelay = 5 * time.Second // its children may hold standard error open
	var err error
	if w.requests, err = w.process.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := w.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.answers = bufio.NewReader(answers)
	if err := w.process.Start(); err != nil {
		return nil, fmt.Errorf("start the %s worker: %w", w.name, err)
	}
	return w, nil
}

// ask sends a request and waits for its answer.
func (w *worker) ask(r request) (answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	_, err = w.requests.Write(append(line, '\n'))
	if err == nil {
		line, err = w.answers.ReadBytes('\n')
	}
	if err != nil {
		_ = w.process.Wait() // how it ended matters less than what it said
		return answer{}, fmt.Errorf("the %s worker ended at %s: %s", w.name, line,
			lastLine(w.said.String()))
	}
	return parseAnswer(w.name, line)
}

// seconds asks for a measurement.
func (w *worker) seconds(r request) (float64, error) {
	a, err := w.ask(r)
	if err != nil {
		return 0, err
	}
	return *a.Seconds, nil
}

// close ends the worker and returns its peak memory in bytes.
func (w *worker) close() (peak int64, err error) {
	if err := w.requests.Close(); err != nil {
		return 0, err
	}
	if err := w.process.Wait(); err != nil {
		return 0, fmt.Errorf("the %s worker: %w: %s", w.name, err, lastLine(w.said.String()))
	}
	return peakMemory(w.process), nil
}

// peakMemory returns the largest resident memory of a process that has ended, in bytes. Linux
// counts that of the parent at the start, too: processes that are measured must be started before
// this one has grown.
func peakMemory(p *exec.Cmd) int64 {
	u, ok := p.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return u.Maxrss * 1024
}

// lastLine returns the last line of text that holds anything.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "it said nothing"
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}
