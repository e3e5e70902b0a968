package main

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/cpu"
)

// machine is what numbers depend on besides the code.
type machine struct {
	date               time.Time
	processor          string
	features           []string
	cores              int
	load               string // average before the run
	darkfield, pytorch string // versions
}

// thisMachine looks around, best before anything else runs, for the load.
func thisMachine() machine {
	m := machine{
		date: time.Now(), processor: processorOf(read("/proc/cpuinfo")), cores: runtime.NumCPU(),
		load: first(read("/proc/loadavg")), darkfield: runtime.Version(),
	}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2},
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512_bf16", cpu.X86.HasAVX512BF16},
		{"amx_bf16", cpu.X86.HasAMXBF16},
	} {
		if f.has {
			m.features = append(m.features, f.name)
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if strings.HasPrefix(d.Path, "github.com/gomlx/") {
				m.darkfield += fmt.Sprintf(", %s %s", path.Base(d.Path), d.Version)
			}
		}
	}
	return m
}

func read(path string) string {
	raw, _ := os.ReadFile(path) // not there on other systems than Linux
	return string(raw)
}

// withoutPaths returns text without the words that hold a path: results are shared.
func withoutPaths(text string) string {
	words := slices.DeleteFunc(strings.Fields(text),
		func(word string) bool { return strings.Contains(word, "/") || word == "-" })
	return strings.Join(words, " ")
}

// busy reports whether so much else ran at the start that the numbers should not be quoted.
func (m machine) busy() bool {
	load, err := strconv.ParseFloat(m.load, 64)
	return err == nil && load > 0.25*float64(m.cores)
}

// processorOf returns the model's name in /proc/cpuinfo.
func processorOf(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, found := strings.Cut(line, ":"); found &&
			strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// first returns the first word of text.
func first(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return "unknown"
}
