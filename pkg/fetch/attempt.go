package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// busy is the error of a server that may answer later.
type busy struct {
	status string
	after  time.Duration // the pause that it asks for
}

func (b *busy) Error() string { return "the server answers " + b.status }

// longestWait is the longest pause that a server may ask for.
const longestWait = 5 * time.Minute

// statusError returns nil for an answer with content.
func statusError(r *http.Response) error {
	switch s := r.StatusCode; {
	case s == http.StatusOK, s == http.StatusPartialContent:
		return nil
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
		return &busy{r.Status, min(time.Duration(max(0, min(seconds, 3600)))*time.Second, longestWait)}
	}
	return &permanent{error: fmt.Errorf("the server answers %s", r.Status)}
}

var errStalled = errors.New("the server sends nothing")

// request sends a request. stop ends it and frees the connection, which is also cut when nothing is
// read from the body for c.Stall.
func (c Client) request(ctx context.Context, method string, f File, header map[string]string,
) (r *http.Response, stop func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(c.Stall, func() { cancel(errStalled) })
	stop = func() {
		watch.Stop()
		cancel(nil)
		if r != nil {
			_ = r.Body.Close() // it was only read
		}
	}
	q, err := http.NewRequestWithContext(ctx, method, f.URL, http.NoBody)
	if err != nil {
		stop()
		return nil, nil, &permanent{error: err}
	}
	q.Header.Set("User-Agent", "darkfield")
	q.Header.Set("Accept-Encoding", "identity") // ranges count the bytes of the file itself
	for k, v := range header {
		q.Header.Set(k, v)
	}
	r, err = c.HTTP.Do(q)
	if err != nil {
		err = cause(ctx, err)
		stop()
		return nil, nil, err
	}
	r.Body = &watched{r.Body, ctx, func() { watch.Reset(c.Stall) }}
	return r, stop, nil
}

// watched is a body that calls wake at every read.
type watched struct {
	io.ReadCloser
	ctx  context.Context
	wake func()
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	w.wake()
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(w.ctx, err)
	}
	return n, err
}

// cause returns why this process cut a request, or else err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// attempt requests the missing part of a file once and appends it.
func (c Client) attempt(ctx context.Context, f File, p *partial) error {
	if p.complete() {
		return nil
	}
	header := map[string]string{}
	if p.have > 0 && p.version.validator() != "" {
		header["Range"] = fmt.Sprintf("bytes=%d-", p.have)
		header["If-Range"] = p.version.validator()
	}
	r, stop, err := c.request(ctx, http.MethodGet, f, header)
	if err != nil {
		return err
	}
	defer stop()
	if r.StatusCode == http.StatusRequestedRangeNotSatisfiable && header["Range"] != "" {
		return p.restart("the server has no bytes after those that are there")
	}
	if err := statusError(r); err != nil {
		return err
	}
	if err := plausible(r); err != nil {
		return err
	}
	body := bufio.NewReader(r.Body)
	if r.StatusCode == http.StatusPartialContent {
		err = p.continues(r)
	} else if err = begins(f.Name, body); err == nil { // else the existing part is kept
		err = diskError(p.begin(versionOf(r)))
	}
	if err != nil {
		return err
	}
	return c.receive(f, p, body)
}

// continues returns an error, and discards the part, unless an answer of status 206 begins where p
// ends, in the same version of the file.
func (p *partial) continues(r *http.Response) error {
	v := versionOf(r)
	var first, last int64
	header := r.Header.Get("Content-Range")
	_, err := fmt.Sscanf(header, "bytes %d-%d/%d", &first, &last, &v.Length)
	switch {
	case err != nil || first != p.have || last < first || last >= v.Length || r.ContentLength >= 0 &&
		r.ContentLength != last-first+1:
		return p.restart(fmt.Sprintf("the server was asked for bytes from %d on and sent the range %q",
			p.have, header))
	case p.version.contradicts(v):
		return p.restart("the file on the server has changed")
	}
	p.version.Length = v.Length
	return nil
}

// restart discards the part and returns why.
func (p *partial) restart(why string) error {
	if err := p.begin(version{}); err != nil {
		return diskError(err)
	}
	return errors.New(why + ", so it starts from the beginning")
}

// diskError marks errors of the local disk, which are permanent.
func diskError(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{error: err, disk: true}
}

// receive appends the body; it returns nil only when the file is complete.
func (c Client) receive(f File, p *partial, body io.Reader) error {
	buffer := make([]byte, 1<<18)
	for {
		n, err := body.Read(buffer)
		if err := p.write(buffer[:n]); err != nil {
			return diskError(err)
		}
		if c.Report != nil {
			c.Report(f, p.have, p.version.Length)
		}
		switch {
		case p.version.Length >= 0 && p.have > p.version.Length:
			return p.restart(fmt.Sprintf("the server sent more than the %d bytes that it announced",
				p.version.Length))
		case errors.Is(err, io.EOF) && p.version.Length >= 0 && p.have != p.version.Length:
			return fmt.Errorf("the answer ended after %d of %d bytes", p.have, p.version.Length)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cut after %d of %d bytes: %w", p.have, p.version.Length, err)
		}
	}
}
