package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// process is a command under way.
type process struct {
	*exec.Cmd
	errors bytes.Buffer
	ended  chan struct{}
}

// start starts the command as a process.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("darkfield", args...), ended: make(chan struct{})}
	p.Stderr = &p.errors
	// if none is named: nothing to compile, so that a process is at work at once
	p.Env = append([]string{"GOMLX_BACKEND=go"}, os.Environ()...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait() //nolint:errcheck // the state is looked at
		close(p.ended)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// finish waits for success.
func (p *process) finish(t *testing.T) {
	t.Helper()
	<-p.ended
	if !p.ProcessState.Success() {
		t.Fatalf("%v: %s", p.ProcessState, p.errors.String())
	}
}

// fails waits for exit status 1 and one line of complaint that says all of want.
func (p *process) fails(t *testing.T, want ...string) {
	t.Helper()
	<-p.ended
	if code := p.ProcessState.ExitCode(); code != failed {
		t.Fatalf("%v, want exit status %d: %s", p.ProcessState, failed, p.errors.String())
	}
	lines := strings.Split(strings.TrimSuffix(p.errors.String(), "\n"), "\n")
	complaint := lines[len(lines)-1] // progress stands above
	for _, w := range append(want, "darkfield: ") {
		if !strings.Contains(complaint, w) {
			t.Errorf("%q does not say %q", complaint, w)
		}
	}
	t.Log(complaint)
}

// kill kills the process and reports whether it was still there.
func (p *process) kill() bool {
	p.Process.Kill()
	<-p.ended
	return p.ProcessState.ExitCode() < 0
}

// until waits for something that a process does, and reports whether it did so before it ended.
func (p *process) until(ready func() bool) bool {
	for !ready() {
		select {
		case <-p.ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

// partials returns the files below a directory that are being written, or that a kill has left so.
func partials(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.partial"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
