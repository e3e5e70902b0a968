package fetch

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFinishedFileStaysWhole: a process that opens the part of a file while another one finishes
// it, and gets the lock after that, must not take the finished file for a part that it may cut.
func TestFinishedFileStaysWhole(t *testing.T) {
	const duration, size = time.Second, 1000
	target := filepath.Join(t.TempDir(), name)
	rounds, cut := 0, 0
	for end := time.Now().Add(duration); time.Now().Before(end); rounds++ {
		first, err := openPartial(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := first.begin(version{ETag: "one", Length: size}); err != nil {
			t.Fatal(err)
		}
		if err := first.write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				second, err := openPartial(target)
				if err == nil {
					second.close()
				}
				if err == nil || errors.Is(err, fs.ErrExist) { // not held by the first
					return
				}
			}
		}()
		time.Sleep(time.Duration(rounds%20) * time.Microsecond)
		if err := first.finish(); err != nil {
			t.Fatal(err)
		}
		first.close()
		<-done
		if info, err := os.Stat(target); err != nil || info.Size() != size {
			cut++
		}
		os.Remove(target)
		os.Remove(bytesPath(target))
	}
	t.Logf("%d of %d finished files were cut", cut, rounds)
	if cut > 0 || rounds < 5 {
		t.Error("want none of many")
	}
}

// TestFinishedMeanwhile: a file that another process has fetched since Plan looked is not fetched
// again.
func TestFinishedMeanwhile(t *testing.T) {
	dir, want := t.TempDir(), content(t, 15, 1)
	if err := os.WriteFile(filepath.Join(dir, name), want, 0o600); err != nil {
		t.Fatal(err)
	}
	client, _ := quick()
	asked := func(http.ResponseWriter, *http.Request) { t.Error("the server is asked for it") }
	if err := fetchFrom(t, client, asked, dir); err != nil {
		t.Fatal(err)
	}
	sameBytes(t, dir, want)
	if err := os.Truncate(filepath.Join(dir, name), 500); err != nil {
		t.Fatal(err)
	}
	err := fetchFrom(t, client, asked, dir)
	if err == nil || !strings.Contains(err.Error(), "not whole") {
		t.Errorf("error %v, want that what is there is not whole", err)
	}
}
