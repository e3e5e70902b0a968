package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Client fetches files. A proxy that the environment names (HTTPS_PROXY, NO_PROXY) is used by the
// default HTTP client.
type Client struct {
	HTTP *http.Client
	// Tries is the number of failures in a row without a byte, and of fresh starts of a file, after
	// which a Client gives up.
	Tries int
	// Pause is the back-off after the first failure. It doubles after each further one, up to
	// LongestPause.
	Pause  time.Duration
	Stall  time.Duration     // after which a silent connection is cut
	Notice func(text string) // called for each failure that is retried; may be nil
	// Report is called with the number of bytes received and in all, −1 if unknown; may be nil.
	Report func(f File, done, all int64)
	Free   func(dir string) (uint64, error) // bytes that may be written to dir's file system
}

// LongestPause is the longest pause that a Client makes between attempts, unless a server asks
// for more.
const LongestPause = 30 * time.Second

// Default returns a client that gives up when a server cannot be reached for about 90 seconds.
func Default() Client {
	return Client{HTTP: &http.Client{}, Tries: 8, Pause: time.Second, Stall: time.Minute, Free: free}
}

// Item is a file and how much of it is on disk.
type Item struct {
	File
	Path     string `json:"path"`
	Size     int64  `json:"bytes"` // −1 where the server does not tell
	Have     int64  `json:"bytes_there"`
	Complete bool   `json:"complete"`
}

// permanent is an error that a retry would not mend: of the local disk, or of the server.
type permanent struct {
	error
	disk bool
}

func (f *permanent) Unwrap() error { return f.error }

// Plan returns how much of the files is in dir, and asks the server for the sizes of those that are
// not complete. A damaged file of the right name is an error, because it may be somebody else's.
func (c Client) Plan(ctx context.Context, files []File, dir string) ([]Item, error) {
	items := make([]Item, len(files))
	for i, f := range files {
		item := Item{File: f, Path: filepath.Join(dir, f.Name)}
		if info, err := os.Stat(item.Path); err == nil {
			if err := whole(item.Path, f.Name); err != nil {
				return nil, fmt.Errorf("fetch: %s is there but not whole (%w): remove it and run this again",
					item.Path, err)
			}
			item.Size, item.Have, item.Complete = info.Size(), info.Size(), true
		}
		items[i] = item
	}
	for i := range items {
		if items[i].Complete {
			continue
		}
		size, err := c.size(ctx, items[i])
		if err != nil {
			return nil, err
		}
		items[i].Size = size
		items[i].Have, _ = onDisk(items[i].Path)
	}
	return items, nil
}

// size asks a server for the size of a file, −1 where it does not tell.
func (c Client) size(ctx context.Context, item Item) (size int64, err error) {
	err = c.retry(ctx, item, func(ctx context.Context) (bool, error) {
		r, stop, err := c.request(ctx, http.MethodHead, item.File, nil)
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return false, &permanent{error: err} // nothing has been fetched that a retry could save
		}
		if err != nil {
			return false, err
		}
		defer stop()
		size = r.ContentLength
		if r.StatusCode == http.StatusMethodNotAllowed || r.StatusCode == http.StatusNotImplemented {
			size = -1
			return false, nil
		}
		return false, cmp.Or(statusError(r), plausible(r))
	})
	return size, err
}

// CheckSpace returns an error if the file system of dir has no room for the missing bytes.
func (c Client) CheckSpace(items []Item, dir string) error {
	var need uint64
	for _, item := range items {
		need += uint64(max(0, item.Size-item.Have))
	}
	room, err := c.Free(dir)
	if err != nil {
		return fmt.Errorf("fetch: ask for the free space of %s: %w", dir, err)
	}
	if need > room {
		return fmt.Errorf("fetch: %s has room for %s, the files need %s: free some, or choose another "+
			"directory or fewer sets", dir, Bytes(room), Bytes(need))
	}
	return nil
}

// Bytes writes a number of bytes with a decimal unit, e.g. "3.9 GB".
func Bytes(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, "kB"
	for _, next := range []string{"MB", "GB", "TB"} {
		if v < 999.95 {
			break
		}
		v, unit = v/1000, next
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// Get fetches one file into its directory, which must exist. It continues the part that an earlier
// call left, if the server says that the file is still the same. The part is kept when Get fails or
// ctx is cancelled.
func (c Client) Get(ctx context.Context, item Item) error {
	if item.Complete {
		return nil
	}
	p, err := openPartial(item.Path)
	if errors.Is(err, fs.ErrExist) {
		if err := whole(item.Path, item.Name); err != nil {
			return fmt.Errorf("fetch: %s is there but not whole (%w): remove it and run this again",
				item.Path, err)
		}
		return nil // another process fetched it since Plan looked
	}
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	defer p.close()
	err = c.retry(ctx, item, func(ctx context.Context) (bool, error) {
		before := p.received
		err := c.attempt(ctx, item.File, p)
		if err != nil && p.restarts >= c.Tries {
			err = &permanent{error: fmt.Errorf("%w; the file was begun %d times", err, p.restarts+1)}
		}
		return p.received > before, err
	})
	if err != nil {
		return err
	}
	if err := whole(bytesPath(item.Path), item.Name); err != nil {
		p.discard()
		return fmt.Errorf("fetch: %s is not what its name says (%w): %s", item.URL, err, byHand(item))
	}
	if err := p.finish(); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// retry calls do until it succeeds, with exponential back-off. It gives up on a permanent error,
// and after Tries failures in a row without progress.
func (c Client) retry(ctx context.Context, item Item,
	do func(context.Context) (moved bool, err error),
) error {
	for failures := 1; ; failures++ {
		moved, err := do(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("fetch: %s: %w", item.Name, ctx.Err())
		}
		if moved {
			failures = 1
		}
		var f *permanent
		switch errors.As(err, &f); {
		case f != nil && f.disk:
			return fmt.Errorf("fetch: %s: %w; what is there is kept, the same command goes on from there",
				item.Path, f.error)
		case f != nil:
			return fmt.Errorf("fetch: %s: %w: %s", item.URL, f.error, byHand(item))
		}
		if failures >= c.Tries {
			return fmt.Errorf("fetch: %s: %w, %d times in a row: run this again later, which goes on from "+
				"here, or %s", item.URL, err, failures, byHand(item))
		}
		pause := min(c.Pause<<min(failures-1, 16), LongestPause)
		var b *busy
		if errors.As(err, &b) {
			pause = max(pause, b.after)
		}
		if c.Notice != nil {
			c.Notice(fmt.Sprintf("%s: %v; trying again in %v", item.Name, err, pause))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("fetch: %s: %w", item.Name, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// byHand says what to do where fetching fails.
func byHand(item Item) string {
	return fmt.Sprintf("get it by hand (by Globus, Binder or URL: see %s) and put it in %s, or name "+
		"another address, for example %s", Documentation, filepath.Dir(item.Path), SecondServer)
}
