package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// cut lets through n bytes of an answer and then breaks the connection.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	if len(b) >= c.left {
		c.ResponseWriter.Write(b[:c.left])
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// TestCutAnywhere: wherever the connection breaks, however often, the bytes are the server's, and
// none is asked for twice (but for the first 512, which are looked at together).
func TestCutAnywhere(t *testing.T) {
	want := content(t, 15, 1)
	rapid.Check(t, func(rt *rapid.T) {
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(want)/3), 0, 6).Draw(rt, "bytes before each cut")
		dir := t.TempDir()
		c, _ := quick()
		have := 0
		err := fetchFrom(t, c, func(w http.ResponseWriter, r *http.Request) {
			ask := ""
			if have > 0 {
				ask = fmt.Sprintf("bytes=%d-", have)
			}
			if got := r.Header.Get("Range"); got != ask {
				rt.Errorf("asked for the range %q, want %q", got, ask)
			}
			if len(cuts) > 0 {
				if have > 0 || cuts[0] >= 512 {
					have += cuts[0]
				}
				w, cuts = &cut{w, cuts[0]}, cuts[1:]
			}
			serve(w, r, `"one"`, want)
		}, dir)
		if err != nil {
			rt.Fatal(err)
		}
		sameBytes(t, dir, want)
	})
}

// slow pauses after every so many bytes.
type slow struct {
	http.ResponseWriter
	pause time.Duration
	every int
}

func (s *slow) Write(b []byte) (int, error) {
	for part := range slices.Chunk(b, s.every) {
		if _, err := s.ResponseWriter.Write(part); err != nil {
			return 0, err
		}
		http.NewResponseController(s.ResponseWriter).Flush()
		time.Sleep(s.pause)
	}
	return len(b), nil
}

// TestCancelKeepsWhatIsThere: Ctrl-C ends at once with context.Canceled, and the next call asks
// for the rest only.
func TestCancelKeepsWhatIsThere(t *testing.T) {
	want := content(t, 15, 1)
	dir := t.TempDir()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		serve(&slow{ResponseWriter: w, pause: 10 * time.Millisecond, every: 1000}, r, `"one"`, want)
	}))
	defer s.Close()
	item := Item{
		File: File{Name: name, URL: s.URL + "/" + name},
		Path: filepath.Join(dir, name), Size: -1,
	}
	c, _ := quick()
	ctx, cancel := context.WithCancel(context.Background())
	c.Report = func(_ File, done, _ int64) {
		if done > 3000 {
			cancel()
		}
	}
	if err := c.Get(ctx, item); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	have, v := onDisk(item.Path)
	if have < 3000 || have >= int64(len(want)) || v.ETag != `"one"` || v.Length != int64(len(want)) {
		t.Errorf("%d bytes of %+v are kept", have, v)
	}
	c.Report = nil
	if err := c.Get(context.Background(), item); err != nil {
		t.Fatal(err)
	}
	sameBytes(t, dir, want)
	if want := []string{"", fmt.Sprintf("bytes=%d-", have)}; !slices.Equal(asked, want) {
		t.Errorf("ranges asked for %q, want %q", asked, want)
	}
}

// TestLoginPageKeepsWhatIsThere: a page in the middle of a download, as captive networks send,
// costs no byte.
func TestLoginPageKeepsWhatIsThere(t *testing.T) {
	want := content(t, 15, 1)
	var asked atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			serve(&cut{w, len(want) / 2}, r, `"one"`, want)
		case 2:
			fmt.Fprint(w, "<html>Log in</html>")
		default:
			if r.Header.Get("Range") == "" {
				t.Error("the whole file is asked for again")
			}
			serve(w, r, `"one"`, want)
		}
	}
	dir := t.TempDir()
	c, _ := quick()
	if err := fetchFrom(t, c, h, dir); err == nil || !strings.Contains(err.Error(), "web page") {
		t.Errorf("error %v, want that it is a web page", err)
	}
	if err := fetchFrom(t, c, h, dir); err != nil {
		t.Fatal(err)
	}
	sameBytes(t, dir, want)
}

// TestLeftovers: whatever lies beside the target from a kill or from another program, the result
// is the server's file.
func TestLeftovers(t *testing.T) {
	want, other := content(t, 15, 1), content(t, 15, 2)
	good := fmt.Sprintf(`{"etag":"\"one\"","length":%d}`, len(want))
	for title, c := range map[string]struct {
		bytes   []byte
		version string
		asks    []string // ranges
	}{
		"bytes without a version": {other[:9000], "", []string{""}},
		"broken version":          {other[:9000], `{"etag":`, []string{""}},
		"version without a tag":   {other[:9000], fmt.Sprintf(`{"length":%d}`, len(want)), []string{""}},
		"all without a tag":       {other, fmt.Sprintf(`{"length":%d}`, len(want)), []string{""}},
		"too many bytes":          {append(slices.Clone(want), 0), good, []string{""}},
		"version without bytes":   {nil, good, []string{""}},
		"another version": {
			other[:9000], strings.Replace(good, "one", "two", 1),
			[]string{"bytes=9000-"},
		},
		"part":                 {want[:9000], good, []string{"bytes=9000-"}},
		"all, not yet renamed": {want, good, nil},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			for path, b := range map[string][]byte{
				bytesPath(filepath.Join(dir, name)):   c.bytes,
				versionPath(filepath.Join(dir, name)): []byte(c.version),
			} {
				if len(b) > 0 {
					if err := os.WriteFile(path, b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			var asks []string
			client, _ := quick()
			err := fetchFrom(t, client, func(w http.ResponseWriter, r *http.Request) {
				asks = append(asks, r.Header.Get("Range"))
				serve(w, r, `"one"`, want)
			}, dir)
			if err != nil {
				t.Fatal(err)
			}
			sameBytes(t, dir, want)
			if !slices.Equal(asks, c.asks) {
				t.Errorf("ranges asked for %q, want %q", asks, c.asks)
			}
		})
	}
}

func TestTwoProcessesDoNotMix(t *testing.T) {
	target := filepath.Join(t.TempDir(), name)
	p, err := openPartial(target)
	if err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprintf("process %d ", os.Getpid())
	_, err = openPartial(target)
	if err == nil || !strings.Contains(err.Error(), "another process") ||
		!strings.Contains(err.Error(), pid) {
		t.Errorf("error %v, want that another process is at it, and which", err)
	}
	p.close()
	again, err := openPartial(target)
	if err != nil {
		t.Fatal(err)
	}
	again.close()
}
