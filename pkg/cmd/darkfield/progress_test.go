package main

import (
	"strings"
	"testing"
	"time"
)

func TestProgressInWords(t *testing.T) {
	p := progress{label: "maps", bytes: true, from: 1e9}
	for _, c := range []struct {
		done, all int
		want      string
	}{
		{3e9, 5e9, "maps: 3.0 GB of 5.0 GB, 200.0 MB/s, 10s to go"},
		{1e9, 5e9, "maps: 1.0 GB of 5.0 GB"},
		{3e9, -1, "maps: 3.0 GB of an unknown number, 200.0 MB/s"},
	} {
		if got := p.line(c.done, c.all, 10*time.Second); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got, want := (&progress{label: "training"}).line(10, 40, time.Minute),
		"training: 10 of 40, 3m0s to go"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProgressOfAResumedRun: steps that an earlier run made do not shorten what is said to be left.
func TestProgressOfAResumedRun(t *testing.T) {
	var out strings.Builder
	p := progress{out: &out, label: "training"}
	p.at(3001, 6001, "")
	p.first = p.first.Add(-time.Minute)
	p.logged = time.Time{}
	p.at(3101, 6001, "")
	if got := out.String(); !strings.Contains(got, "training: 3101 of 6001, 29m") {
		t.Errorf("%q, want half an hour to go", got)
	}
}
