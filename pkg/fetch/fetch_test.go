package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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

	"darkfield/pkg/camels"
)

const name = "Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy"

// content returns a .npy file of n maps of 32² pixels that depend on seed. Equal n gives equal lengths.
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
	return c.Get(context.Background(), Item{File: File{Name: name, URL: s.URL + "/" + name}, Path: filepath.Join(dir, name), Size: -1})
}

// serve answers as a good server does, with ranges and If-Range.
func serve(w http.ResponseWriter, r *http.Request, etag string, b []byte) {
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

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

// TestCutAnywhere: wherever the connection breaks, however often, the bytes are the server's, and none is asked for twice (but for the
// first 512, which are looked at together).
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

// TestBadServers: whatever a server does, the file under its name is the server's last version, or there is none and one line says
// why.
func TestBadServers(t *testing.T) {
	one, two, longer := content(t, 15, 1), content(t, 15, 2), content(t, 30, 3)
	half := len(one) / 2
	// first answers the first request with half of one, and later ones with then.
	first := func(etag string, then http.HandlerFunc) func() http.HandlerFunc {
		return func() http.HandlerFunc {
			var asked atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					serve(&cut{w, half}, r, etag, one)
					return
				}
				then(w, r)
			}
		}
	}
	all := func(b []byte, etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { serve(w, r, etag, b) }
	}
	part := func(contentRange, etag string, b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				serve(w, r, etag, one)
				return
			}
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(b)
		}
	}
	ranges := func(from int) string { return fmt.Sprintf("bytes %d-%d/%d", from, len(one)-1, len(one)) }
	for title, c := range map[string]struct {
		handler func() http.HandlerFunc
		want    []byte // nil for an error
		message string // part of the error, or of a notice
	}{
		"good":                   {handler: func() http.HandlerFunc { return all(one, `"one"`) }, want: one},
		"goes on":                {first(`"one"`, all(one, `"one"`)), one, "cut after"},
		"changed":                {first(`"one"`, all(two, `"two"`)), two, "cut after"},
		"changed and longer":     {first(`"one"`, all(longer, `"two"`)), longer, "cut after"},
		"changed, weak tags":     {first(`W/"one"`, all(two, `W/"two"`)), two, "cut after"},
		"nothing tells versions": {first("", all(two, "")), two, "cut after"},
		"ignores Range": {first(`"one"`, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"one"`)
			w.Write(one)
		}), one, "cut after"},
		"ignores If-Range": {first(`"one"`, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			serve(w, r, `"two"`, two)
		}), two, "has changed"},
		"range from the start": {first(`"one"`, part(ranges(0), `"one"`, one)), one, "sent the range"},
		"range too early":      {first(`"one"`, part(ranges(half-1), `"one"`, one[half-1:])), one, "sent the range"},
		"range of more":        {first(`"one"`, part(fmt.Sprintf("bytes %d-%d/%d", half, len(one)+9, len(one)), `"one"`, one[half:])), one, "sent the range"},
		"range of nothing":     {first(`"one"`, part("items 1/2", `"one"`, one[half:])), one, "sent the range"},
		"range of other size":  {first(`"one"`, part(fmt.Sprintf("bytes %d-%d/%d", half, len(one)-1, len(longer)), `"one"`, one[half:])), one, "has changed"},
		"range of more than it says": {first(`"one"`, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				serve(w, r, `"one"`, one)
				return
			}
			w.Header().Set("Content-Range", ranges(half))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(one[half:])
			http.NewResponseController(w).Flush() // no Content-Length
			w.Write(one[:1])
		}), one, "sent more than"},
		"shorter by now": {first(`"one"`, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			serve(w, r, `"one"`, one)
		}), one, "no bytes after"},
		"busy at first": {func() http.HandlerFunc {
			var asked atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				if n := asked.Add(1); n <= 2 {
					w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests}[n-1])
					return
				}
				serve(w, r, "", one)
			}
		}, one, "503"},
		"redirects": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/moved") {
					http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
					return
				}
				serve(w, r, "", one)
			}
		}, one, ""},
		"no length": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Write(one[:half])
				http.NewResponseController(w).Flush()
				w.Write(one[half:])
			}
		}, one, ""},
		"always busy":       {func() http.HandlerFunc { return status(http.StatusBadGateway) }, nil, "502 Bad Gateway, 8 times in a row"},
		"not there":         {func() http.HandlerFunc { return status(http.StatusNotFound) }, nil, "404 Not Found"},
		"forbidden":         {func() http.HandlerFunc { return status(http.StatusForbidden) }, nil, "403 Forbidden"},
		"announces more":    {func() http.HandlerFunc { return announce(one, len(one)+1) }, nil, "cut after"},
		"announces less":    {func() http.HandlerFunc { return announce(one[:len(one)-4], len(one)-4) }, nil, "its header announces"},
		"announces nothing": {func() http.HandlerFunc { return announce(nil, 0) }, nil, "begins with"},
		"no length, short": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Write(one[:half])
				http.NewResponseController(w).Flush()
			}
		}, nil, "its header announces"},
		"login page": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>") }
		}, nil, "web page"},
		"login page as bytes": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				fmt.Fprint(w, "\n <!DOCTYPE html><title>Log in</title>")
			}
		}, nil, "begins with"},
		"compressed": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "br")
				w.Write(one)
			}
		}, nil, "compressed"},
		"changes for ever": {func() http.HandlerFunc {
			var asked atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				serve(&cut{w, half}, r, fmt.Sprintf(`"%d"`, asked.Add(1)), one)
			}
		}, nil, "begun 9 times"},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			client, notices := quick()
			err := fetchFrom(t, client, c.handler(), dir)
			if c.want != nil {
				if err != nil {
					t.Fatal(err)
				}
				sameBytes(t, dir, c.want)
				if !strings.Contains(strings.Join(*notices, "\n"), c.message) {
					t.Errorf("notices %q, want one with %q", *notices, c.message)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.message) || strings.Contains(err.Error(), "\n") ||
				!strings.Contains(err.Error(), "http://127.0.0.1:") || !strings.Contains(err.Error(), Documentation) {
				t.Errorf("error %v, want one line with the address, %q and where to get the file by hand", err, c.message)
			}
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				t.Error("the file is there under its name")
			}
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// announce sends b with a length of its own.
func announce(b []byte, length int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(length))
		w.Write(b)
	}
}

// TestBusyServersAskToWait: for seconds, and not for ever.
func TestBusyServersAskToWait(t *testing.T) {
	for asked, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "99999999999": longestWait, "86400": longestWait, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		r := &http.Response{StatusCode: http.StatusServiceUnavailable, Status: "503", Header: http.Header{"Retry-After": {asked}}}
		var b *busy
		if err := statusError(r); !errors.As(err, &b) || b.after != want {
			t.Errorf("Retry-After %q: %v, %+v, want a wait of %v", asked, err, b, want)
		}
	}
}

// TestLoginPageKeepsWhatIsThere: a page in the middle of a download, as captive networks send, costs no byte.
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

// TestSilentServer: a connection that goes silent is cut and the rest asked for; one that is slow is left alone.
func TestSilentServer(t *testing.T) {
	want := content(t, 15, 1)
	var asked atomic.Int32
	dir := t.TempDir()
	c, notices := quick()
	c.Stall = 250 * time.Millisecond
	err := fetchFrom(t, c, func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1: // silent for good after 1000 bytes
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(want)))
			w.Write(want[:1000])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case 2: // silent before its status
			<-r.Context().Done()
		default: // slower than Stall on the whole, but never silent for so long
			serve(&slow{ResponseWriter: w, pause: 50 * time.Millisecond, every: 4 << 10}, r, `"one"`, want)
		}
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	sameBytes(t, dir, want)
	if len(*notices) != 2 || !strings.Contains((*notices)[0], "cut after 1000 of") || !strings.Contains((*notices)[1], errStalled.Error()) {
		t.Errorf("notices %q, want two about silence", *notices)
	}
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

// TestCancelKeepsWhatIsThere: Ctrl-C ends at once with context.Canceled, and the next call asks for the rest only.
func TestCancelKeepsWhatIsThere(t *testing.T) {
	want := content(t, 15, 1)
	dir := t.TempDir()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		serve(&slow{ResponseWriter: w, pause: 10 * time.Millisecond, every: 1000}, r, `"one"`, want)
	}))
	defer s.Close()
	item := Item{File: File{Name: name, URL: s.URL + "/" + name}, Path: filepath.Join(dir, name), Size: -1}
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

// TestLeftovers: whatever lies beside the target from a kill or from another program, the result is the server's file.
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
		"another version":         {other[:9000], strings.Replace(good, "one", "two", 1), []string{"bytes=9000-"}},
		"part":                    {want[:9000], good, []string{"bytes=9000-"}},
		"all, not yet renamed":    {want, good, nil},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			for path, b := range map[string][]byte{bytesPath(filepath.Join(dir, name)): c.bytes, versionPath(filepath.Join(dir, name)): []byte(c.version)} {
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
	if _, err := openPartial(target); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v, want that another process is at it", err)
	}
	p.close()
	again, err := openPartial(target)
	if err != nil {
		t.Fatal(err)
	}
	again.close()
}

// TestTables: a table is a file of numbers, whatever its status says.
func TestTables(t *testing.T) {
	const table = "params_CV_IllustrisTNG.txt"
	for text, message := range map[string]string{
		"0.3 0.8 1 1 1 1\n0.3 0.8 1 1 1 1\n":   "",
		"  <html><body>Log in</body></html>":   "begins with",
		"Please log in to see this file.\n":    "not what its name says",
		"0.3 0.8 1 1 1 1\n0.3 0.8 1 1 1 1 5\n": "not what its name says",
	} {
		dir := t.TempDir()
		c, _ := quick()
		err := fetchNamed(t, c, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, text)
		}, dir, table)
		left, _ := os.ReadDir(dir)
		if message == "" && (err != nil || len(left) != 1) || message != "" && (err == nil || !strings.Contains(err.Error(), message)) {
			t.Errorf("%.20q: error %v, files %v, want %q", text, err, left, message)
		}
	}
}

func TestPlan(t *testing.T) {
	b := content(t, 15, 1)
	heads := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heads++
		switch {
		case r.Method != http.MethodHead:
			t.Errorf("%s %s, want HEAD only", r.Method, r.URL)
		case strings.Contains(r.URL.Path, "unsaid"):
			w.WriteHeader(http.StatusMethodNotAllowed)
		case strings.Contains(r.URL.Path, "gone"):
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(r.URL.Path, "login"):
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		default:
			serve(w, r, "", b)
		}
	}))
	defer s.Close()
	file := func(name string) File { return File{Name: name, URL: s.URL + "/" + name} }
	dir := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("there.npy", b)
	write("part.npy.partial", b[:77])
	write("part.npy.partial.json", fmt.Appendf(nil, `{"etag":"\"one\"","length":%d}`, len(b)))
	c, _ := quick()
	items, err := c.Plan(context.Background(), []File{file("there.npy"), file("part.npy"), file("new.npy"), file("unsaid.npy")}, dir)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(b))
	for i, want := range []Item{{Size: size, Have: size, Complete: true}, {Size: size, Have: 77}, {Size: size}, {Size: -1}} {
		if got := items[i]; got.Size != want.Size || got.Have != want.Have || got.Complete != want.Complete {
			t.Errorf("%s: %+v, want %+v", got.Name, got, want)
		}
	}
	if heads != 3 {
		t.Errorf("%d questions to the server, want none about what is complete", heads)
	}
	c.Free = func(string) (uint64, error) { return uint64(2*size - 77), nil }
	if err := c.CheckSpace(items, dir); err != nil {
		t.Error(err)
	}
	c.Free = func(string) (uint64, error) { return uint64(2*size - 78), nil }
	if err := c.CheckSpace(items, dir); err == nil || !strings.Contains(err.Error(), "room for 123.1 kB, the files need 123.1 kB") {
		t.Errorf("error %v, want that the disk is too small", err)
	}
	write("broken.npy", b[:len(b)-1])
	for name, message := range map[string]string{"gone.npy": "404 Not Found", "login.npy": "web page", "broken.npy": "not whole"} {
		if _, err := c.Plan(context.Background(), []File{file(name)}, dir); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: error %v, want %q", name, err, message)
		}
	}
}

// TestDiskErrors are told at once and in one line; nobody is sent to get the file by hand.
func TestDiskErrors(t *testing.T) {
	b := content(t, 15, 1)
	c, notices := quick()
	err := fetchFrom(t, c, func(w http.ResponseWriter, r *http.Request) { serve(w, r, "", b) }, filepath.Join(t.TempDir(), "missing"))
	if err == nil || !strings.Contains(err.Error(), "missing") || len(*notices) > 0 {
		t.Errorf("error %v, notices %q", err, *notices)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	defer full.Close()
	p := &partial{target: "a.npy", file: full, version: version{Length: 5}}
	err = c.receive(File{}, p, strings.NewReader("12345"))
	var f *final
	if !errors.As(err, &f) || !f.disk || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v, want a final one of the disk", err)
	}
}

func TestFree(t *testing.T) {
	if room, err := free(t.TempDir()); err != nil || room == 0 {
		t.Errorf("%d bytes free (%v)", room, err)
	}
	if _, err := free("/nowhere/at/all"); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestSelection(t *testing.T) {
	if err := Paper().Validate(); err != nil {
		t.Error(err)
	}
	for message, s := range map[string]Selection{
		`suite "TNG"`:         {Suite: "TNG", Field: "Mcdm", Sets: Paper().Sets},
		`suite "Nbody"`:       {Suite: "Nbody", Field: "Mtot", Sets: Paper().Sets},
		`field "../a"`:        {Suite: "SIMBA", Field: "../a", Sets: Paper().Sets},
		"only Mtot":           {Suite: "Nbody_SIMBA", Field: "Mcdm", Sets: Paper().Sets},
		"no sets":             {Suite: "SIMBA", Field: "Mcdm"},
		`set "SB"`:            {Suite: "SIMBA", Field: "Mcdm", Sets: []camels.Set{"SB"}},
		"named twice":         {Suite: "SIMBA", Field: "Mcdm", Sets: []camels.Set{"LH", "LH"}},
		`address "ftp://a/b"`: {Suite: "SIMBA", Field: "Mcdm", Sets: Paper().Sets, URL: "ftp://a/b"},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("error %v, want %q", err, message)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	want := content(b, 1500, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, `"one"`, want) }))
	defer s.Close()
	b.SetBytes(int64(len(want)))
	for b.Loop() {
		item := Item{File: File{Name: name, URL: s.URL + "/" + name}, Path: filepath.Join(b.TempDir(), name)}
		if err := Default().Get(context.Background(), item); err != nil {
			b.Fatal(err)
		}
	}
}
