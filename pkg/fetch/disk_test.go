package fetch

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiskErrors are told at once and in one line; nobody is sent to get the file by hand.
func TestDiskErrors(t *testing.T) {
	b := content(t, 15, 1)
	c, notices := quick()
	err := fetchFrom(t, c, func(w http.ResponseWriter, r *http.Request) { serve(w, r, "", b) },
		filepath.Join(t.TempDir(), "missing"))
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
	var f *permanent
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
