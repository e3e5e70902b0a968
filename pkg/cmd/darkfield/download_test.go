package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cmd is a server of a small set CV in CMD's layout: 27 simulations, maps of 64² pixels (6.6 MB).
type cmd struct {
	maps, table []byte
	mu          sync.Mutex
	ranges      []string      // asked for, of the maps
	hosts       []string      // asked for
	pause       time.Duration // before each write of 32 kB
}

func newCMD() *cmd {
	rng := rand.New(rand.NewPCG(1, 2))
	maps := fmt.Appendf(nil, "\x93NUMPY\x01\x00\x76\x00%-117s\n", "{'descr': '<f4', "+
		"'fortran_order': False, 'shape': (405, 64, 64), }")
	for range 405 * 64 * 64 {
		maps = binary.LittleEndian.AppendUint32(maps, math.Float32bits(1e11*(1+rng.Float32())))
	}
	return &cmd{maps: maps, table: []byte(strings.Repeat("0.3 0.8 1 1 1 1\n", 27))}
}

func (c *cmd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.hosts = append(c.hosts, r.Host)
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".npy") {
		c.ranges = append(c.ranges, r.Header.Get("Range"))
	}
	pause := c.pause
	c.mu.Unlock()
	w.Header().Set("ETag", `"one"`)
	switch r.URL.Path {
	case "/data/Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy":
		http.ServeContent(&paced{w, pause}, r, "", time.Time{}, bytes.NewReader(c.maps))
	case "/data/params_CV_IllustrisTNG.txt":
		http.ServeContent(w, r, "a.txt", time.Time{}, bytes.NewReader(c.table))
	default:
		http.NotFound(w, r)
	}
}

// paced pauses after every write.
type paced struct {
	http.ResponseWriter
	pause time.Duration
}

func (p *paced) Write(b []byte) (int, error) {
	time.Sleep(p.pause)
	return p.ResponseWriter.Write(b)
}

// darkfieldFetch is a process that fetches set CV into dir.
func darkfieldFetch(url, dir string, env ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	p := exec.Command("darkfield", "download", "--sets", "CV", "--url", url, "--out", dir)
	p.Env, p.Stdout, p.Stderr = append(os.Environ(), env...), &out, &out
	return p, &out
}

func complete(t *testing.T, c *cmd, dir string) {
	t.Helper()
	for name, want := range map[string][]byte{
		"Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy": c.maps,
		"params_CV_IllustrisTNG.txt":           c.table,
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s holds %d bytes (%v), want the server's %d", name, len(got), err, len(want))
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files in the directory (%v), want 2: %v", len(entries), err, entries)
	}
}

// stopped runs a process until the partial file has grown by about so many bytes, and then sends
// it a signal.
func stopped(t *testing.T, p *exec.Cmd, dir string, grown int64, signal os.Signal) error {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy.partial"))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	until := size() + grown
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); size() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.Process.Kill()
			t.Fatalf("the partial file has %d bytes, want %d", size(), until)
		}
	}
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return p.Wait()
}

// TestFetchKilled: a process that is killed five times somewhere in the file goes on each time,
// and ends with the server's bytes.
func TestFetchKilled(t *testing.T) {
	c := newCMD()
	c.pause = 2 * time.Millisecond // about half a second in all
	s := httptest.NewServer(c)
	defer s.Close()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		p, out := darkfieldFetch(s.URL+"/data", dir)
		if err := stopped(t, p, dir, 1+rng.Int64N(1<<20), syscall.SIGKILL); err == nil {
			t.Fatalf("the process ended before it was killed: %s", out)
		}
	}
	c.mu.Lock()
	c.pause = 0
	c.mu.Unlock()
	p, out := darkfieldFetch(s.URL+"/data", dir)
	if err := p.Run(); err != nil || !strings.Contains(out.String(), "next: darkfield inspect "+dir) {
		t.Fatalf("%v: %s", err, out)
	}
	complete(t, c, dir)
	if len(c.ranges) != 6 {
		t.Fatalf("ranges asked for %q, want 6", c.ranges)
	}
	for i, r := range c.ranges {
		if (r == "") != (i == 0) {
			t.Errorf("request %d asks for the range %q", i, r)
		}
	}
}

// TestFetchInterrupted: Ctrl-C ends with 1, says that the work is saved, and it is.
func TestFetchInterrupted(t *testing.T) {
	c := newCMD()
	c.pause = 2 * time.Millisecond
	s := httptest.NewServer(c)
	defer s.Close()
	dir := t.TempDir()
	p, out := darkfieldFetch(s.URL+"/data", dir)
	err := stopped(t, p, dir, 1<<20, os.Interrupt)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != failed ||
		!strings.Contains(out.String(), "interrupted; what is done is saved") {
		t.Errorf("%v: %s", err, out)
	}
	p, out = darkfieldFetch(s.URL+"/data", dir)
	if err := p.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	complete(t, c, dir)
	if len(c.ranges) != 2 || c.ranges[1] == "" {
		t.Errorf("ranges asked for %q, want the rest only", c.ranges)
	}
}

// TestFetchThroughProxy: the proxy that the environment names is asked for hosts that only it
// knows.
func TestFetchThroughProxy(t *testing.T) {
	c := newCMD()
	s := httptest.NewServer(c)
	defer s.Close()
	dir := t.TempDir()
	p, out := darkfieldFetch("http://cmd.invalid/data", dir, "HTTP_PROXY="+s.URL,
		"NO_PROXY=", "no_proxy=")
	if err := p.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	complete(t, c, dir)
	for _, h := range c.hosts {
		if h != "cmd.invalid" {
			t.Errorf("the proxy was asked for %s", h)
		}
	}
}
