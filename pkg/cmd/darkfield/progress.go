package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"darkfield/pkg/fetch"
)

const (
	patience  = 2 * time.Second  // what takes less shows no bar
	logPause  = 30 * time.Second // between lines where there is no terminal
	redrawing = 200 * time.Millisecond
)

// progress shows how far a long step is: a bar with an ETA on a terminal, a line now and then
// elsewhere.
type progress struct {
	out      io.Writer
	label    string
	terminal bool
	start    time.Time
	logged   time.Time
	bar      *progressbar.ProgressBar
	bytes    bool      // what is counted
	first    time.Time // report
	from     int       // was done by then
}

func (a *app) progress(label string) *progress {
	p := &progress{out: a.err, label: label, start: time.Now(), logged: time.Now()}
	if f, ok := a.err.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			p.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// at reports done of all, with a remark behind.
func (p *progress) at(done, all int, remark string) {
	now := time.Now()
	if p.first.IsZero() { // the work of an earlier run and the time to compile would spoil the rate
		p.first, p.from = now, done
	}
	switch {
	case p.terminal && now.Sub(p.start) < patience:
	case p.terminal:
		if p.bar == nil {
			p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(p.out),
				progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
				progressbar.OptionThrottle(redrawing), progressbar.OptionFullWidth(),
				progressbar.OptionSetDescription(p.label), progressbar.OptionShowBytes(p.bytes))
		}
		p.bar.Describe(p.label + " " + remark)
		_ = p.bar.Set(done) // a bar that cannot be drawn is no reason to stop
	case now.Sub(p.logged) >= logPause:
		p.logged = now
		fmt.Fprintln(p.out, p.line(done, all, now.Sub(p.first)), remark)
	}
}

// count is at without a remark.
func (p *progress) count(done, all int) { p.at(done, all, "") }

// line says in words what the bar shows; all is −1 where it is unknown.
func (p *progress) line(done, all int, took time.Duration) string {
	count := func(n int) string {
		switch {
		case n < 0:
			return "an unknown number"
		case p.bytes:
			return fetch.Bytes(uint64(n))
		}
		return strconv.Itoa(n)
	}
	line := fmt.Sprintf("%s: %s of %s", p.label, count(done), count(all))
	here := done - p.from
	if here > 0 && p.bytes {
		line += fmt.Sprintf(", %s/s", count(int(float64(here)/took.Seconds())))
	}
	if here > 0 && all >= done {
		line += fmt.Sprintf(", %v to go",
			time.Duration(float64(took)*float64(all-done)/float64(here)).Round(time.Second))
	}
	return line
}

// note prints a line that must not be missed.
func (p *progress) note(text string) {
	p.done()
	fmt.Fprintln(p.out, text)
}

// fraction is at for steps that know only their share.
func (p *progress) fraction(f float64) { p.at(int(1000*f), 1000, "") }

// done ends the bar's line.
func (p *progress) done() {
	if p.bar != nil {
		fmt.Fprintln(p.out)
	}
}

// stages shows a bar for each stage of a study, one after the other.
type stages struct {
	app   *app
	label func(stage string) string
	stage string
	bar   *progress
}

// stages returns bars that label names by their stage; nil: by the stage itself.
func (a *app) stages(label func(stage string) string) *stages {
	if label == nil {
		label = func(stage string) string { return stage }
	}
	return &stages{app: a, label: label, bar: a.progress("")}
}

// at is what a study calls with its stage and which fraction of it is done.
func (s *stages) at(stage string, fraction float64) {
	if stage != s.stage {
		s.bar.done()
		s.stage, s.bar = stage, s.app.progress(s.label(stage))
	}
	s.bar.fraction(fraction)
}

func (s *stages) done() { s.bar.done() }
