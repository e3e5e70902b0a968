package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const name = "Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy"

// content returns a .npy file of n maps of 32² pixels that depend on seed. Equal n gives equal
// lengths.
func content(t testing.TB, n int, seed uint64) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 32, 32), }", n)
	out := fmt.Appendf(nil, "\x93NUMPY\x01\x00\x76\x00%-117s\n", dict)
	for range n * 32 * 32 {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(1+rng.Float32()))
	}
	return out
}

// quick returns a client that does not wait long, and the notices that it gave.
func quick() (Client, *[]string) {
	c, notices := Default(), new([]string)
	c.Pause, c.Stall = time.Millisecond, 10*time.Second
	c.Notice = func(text string) { *notices = append(*notices, text) }
	return c, notices
}

// fetchFrom fetches name from h into dir.
func fetchFrom(t testing.TB, c Client, h http.HandlerFunc, dir string) error {
	t.Helper()
	return fetchNamed(t, c, h, dir, name)
}

func fetchNamed(t testing.TB, c Client, h http.HandlerFunc, dir, name string) error {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	return c.Get(context.Background(), Item{
		File: File{Name: name, URL: s.URL + "/" + name},
		Path: filepath.Join(dir, name), Size: -1,
	})
}

// serve answers as a good server does, with ranges and If-Range.
func serve(w http.ResponseWriter, r *http.Request, etag string, b []byte) {
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

func sameBytes(t testing.TB, dir string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file holds %d bytes (%v), want the server's %d", len(got), err, len(want))
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*.partial*"))
	if left != nil {
		t.Errorf("left beside it: %v", left)
	}
}

func BenchmarkGet(b *testing.B) {
	want := content(b, 1500, 1)
	s := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, `"one"`, want) }))
	defer s.Close()
	b.SetBytes(int64(len(want)))
	for b.Loop() {
		item := Item{
			File: File{Name: name, URL: s.URL + "/" + name},
			Path: filepath.Join(b.TempDir(), name),
		}
		if err := Default().Get(context.Background(), item); err != nil {
			b.Fatal(err)
		}
	}
}
