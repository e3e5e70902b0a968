package main

import (
	"testing"
)

func TestNoPathsInResults(t *testing.T) {
	if got := withoutPaths(
		"xla:/home/me/p.so - PJRT plugin (/home/me/p.so) v0.106 [4 device(s)]"); got !=
		"PJRT plugin v0.106 [4 device(s)]" {
		t.Errorf("got %q", got)
	}
}

func TestBusy(t *testing.T) {
	for load, want := range map[string]bool{"0.10": false, "3.2": true, "unknown": false} {
		if got := (machine{load: load, cores: 2}).busy(); got != want {
			t.Errorf("load %s on two cores: busy = %v", load, got)
		}
	}
}

func TestProcessorOf(t *testing.T) {
	if got := processorOf("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n"); got !=
		"AMD EPYC" {
		t.Errorf("processor %q", got)
	}
}
