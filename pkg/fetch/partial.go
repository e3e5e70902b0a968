package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"darkfield/pkg/safefile"
)

// version is what a server says of a file's content. A part of one version must never be
// continued with another.
type version struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Length       int64  `json:"length"` // bytes; −1 where the server does not tell
}

func versionOf(r *http.Response) version {
	return version{
		ETag: r.Header.Get("ETag"), LastModified: r.Header.Get("Last-Modified"),
		Length: r.ContentLength,
	}
}

// validator returns what If-Range may hold, or "" for a file that cannot be continued safely.
// Weak ETags promise no equal bytes.
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// contradicts reports whether w, of a later answer that may say less, is of another version.
func (v version) contradicts(w version) bool {
	return w.ETag != "" && w.ETag != v.ETag || w.LastModified != "" &&
		w.LastModified != v.LastModified || w.Length >= 0 && v.Length >= 0 && w.Length != v.Length
}

// partial is the part of a file that is on disk: its bytes in FILE.partial, their version in
// FILE.partial.json. The version is written before the first byte, and the bytes are truncated
// before it changes, so that a kill at any moment leaves no mixture of versions.
type partial struct {
	target   string
	lock     *safefile.Lock
	file     *os.File
	have     int64 // bytes
	version  version
	received int64 // bytes by this process
	restarts int   // number of times that bytes were discarded
}

func bytesPath(target string) string   { return target + ".partial" }
func versionPath(target string) string { return target + ".partial.json" }
func lockPath(target string) string    { return target + ".partial.lock" }

// onDisk returns how much of a file can be continued, and its version.
func onDisk(target string) (int64, version) {
	info, err := os.Stat(bytesPath(target))
	if err != nil {
		return 0, version{}
	}
	var v version
	raw, err := os.ReadFile(versionPath(target))
	if err != nil || json.Unmarshal(raw, &v) != nil || v.validator() == "" || v.Length >= 0 &&
		info.Size() > v.Length {
		return 0, version{}
	}
	return info.Size(), v
}

// openPartial locks the part of a file until close or until the process ends. A target that another
// process has finished in the meantime is an error, fs.ErrExist.
func openPartial(target string) (_ *partial, err error) {
	lock, err := safefile.Acquire(lockPath(target))
	var held *safefile.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("another process is fetching %s: %w", target, err)
	}
	if err != nil {
		return nil, err
	}
	p := &partial{target: target, lock: lock}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if _, err := os.Lstat(target); err == nil {
		return nil, fmt.Errorf("fetch %s: %w", target, fs.ErrExist)
	}
	if p.file, err = os.OpenFile(bytesPath(target), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	if p.have, p.version = onDisk(target); p.have == 0 {
		if err := p.file.Truncate(0); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// complete reports whether all bytes are there, if the server has said how many there are.
func (p *partial) complete() bool { return p.have > 0 && p.have == p.version.Length }

// begin discards the part and starts a version.
func (p *partial) begin(v version) error {
	if p.have > 0 {
		p.restarts++
	}
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	p.have, p.version = 0, v
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return safefile.WriteFile(versionPath(p.target), raw)
}

func (p *partial) write(b []byte) error {
	n, err := p.file.WriteAt(b, p.have)
	p.have += int64(n)
	p.received += int64(n)
	return err
}

// finish renames the complete part to the target.
func (p *partial) finish() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := safefile.Rename(bytesPath(p.target), p.target); err != nil {
		return err
	}
	os.Remove(versionPath(p.target))
	return nil
}

// discard removes the part.
func (p *partial) discard() {
	os.Remove(versionPath(p.target))
	os.Remove(bytesPath(p.target))
}

func (p *partial) close() {
	p.file.Close() // an error of a file that was never opened, or whose bytes are on the disk already
	p.lock.Release()
}
