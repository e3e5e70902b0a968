package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestBadServers: whatever a server does, the file under its name is the server's last version,
// or there is none and one line says why.
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
	ranges := func(from int) string {
		return fmt.Sprintf("bytes %d-%d/%d", from, len(one)-1, len(one))
	}
	for title, c := range map[string]struct {
		handler func() http.HandlerFunc
		want    []byte // nil for an error
		message string // part of the error, or of a notice
	}{
		"good": {
			handler: func() http.HandlerFunc { return all(one, `"one"`) },
			want:    one,
		},
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
		"range too early": {
			first(`"one"`, part(ranges(half-1), `"one"`, one[half-1:])), one,
			"sent the range",
		},
		"range of more": {
			first(`"one"`, part(fmt.Sprintf("bytes %d-%d/%d", half, len(one)+9, len(one)), `"one"`,
				one[half:])), one, "sent the range",
		},
		"range of nothing": {
			first(`"one"`, part("items 1/2", `"one"`, one[half:])), one,
			"sent the range",
		},
		"range of other size": {
			first(`"one"`, part(fmt.Sprintf("bytes %d-%d/%d", half, len(one)-1, len(longer)), `"one"`,
				one[half:])), one, "has changed",
		},
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
		"always busy": {
			func() http.HandlerFunc { return status(http.StatusBadGateway) }, nil,
			"502 Bad Gateway, 8 times in a row",
		},
		"not there": {
			func() http.HandlerFunc { return status(http.StatusNotFound) }, nil,
			"404 Not Found",
		},
		"forbidden": {
			func() http.HandlerFunc { return status(http.StatusForbidden) }, nil,
			"403 Forbidden",
		},
		"announces more": {
			func() http.HandlerFunc { return announce(one, len(one)+1) }, nil,
			"cut after",
		},
		"announces less": {
			func() http.HandlerFunc { return announce(one[:len(one)-4], len(one)-4) },
			nil, "its header announces",
		},
		"announces nothing": {func() http.HandlerFunc { return announce(nil, 0) }, nil, "begins with"},
		"no length, short": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Write(one[:half])
				http.NewResponseController(w).Flush()
			}
		}, nil, "its header announces"},
		"login page": {func() http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>")
			}
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
			if err == nil || !strings.Contains(err.Error(), c.message) ||
				strings.Contains(err.Error(), "\n") ||
				!strings.Contains(err.Error(), "http://127.0.0.1:") ||
				!strings.Contains(err.Error(), Documentation) {
				t.Errorf("error %v, want one line with the address, %q and where to get the file by hand",
					err, c.message)
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
	for asked, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0,
		"99999999999": longestWait, "86400": longestWait, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		r := &http.Response{
			StatusCode: http.StatusServiceUnavailable, Status: "503",
			Header: http.Header{"Retry-After": {asked}},
		}
		var b *busy
		if err := statusError(r); !errors.As(err, &b) || b.after != want {
			t.Errorf("Retry-After %q: %v, %+v, want a wait of %v", asked, err, b, want)
		}
	}
}

// TestSilentServer: a connection that goes silent is cut and the rest asked for; one that is slow
// is left alone.
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
	if len(*notices) != 2 || !strings.Contains((*notices)[0], "cut after 1000 of") ||
		!strings.Contains((*notices)[1], errStalled.Error()) {
		t.Errorf("notices %q, want two about silence", *notices)
	}
}
