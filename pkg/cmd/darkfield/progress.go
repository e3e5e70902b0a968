package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	patience  = 2 * time.Second  // what takes less shows no bar
	logPause  = 30 * time.Second // between lines where there is no terminal
	redrawing = 200 * time.Millisecond
)

// progress shows how far a long step is: a bar with an ETA on a terminal, a line now and then elsewhere.
type progress struct {
	out      io.Writer
	label    string
	terminal bool
	start    time.Time
	logged   time.Time
	bar      *progressbar.ProgressBar
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
	switch {
	case p.terminal && now.Sub(p.start) < patience:
	case p.terminal:
		if p.bar == nil {
			p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(p.out), progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(redrawing), progressbar.OptionFullWidth(),
				progressbar.OptionSetDescription(p.label))
		}
		p.bar.Describe(p.label + " " + remark)
		_ = p.bar.Set(done) // a bar that cannot be drawn is no reason to stop
	case now.Sub(p.logged) >= logPause:
		p.logged = now
		line := fmt.Sprintf("%s: %d of %d", p.label, done, all)
		if done > 0 {
			left := time.Duration(float64(now.Sub(p.start)) * float64(all-done) / float64(done))
			line += fmt.Sprintf(", %v to go", left.Round(time.Second))
		}
		fmt.Fprintln(p.out, line, remark)
	}
}

// fraction is at for steps that know only their share.
func (p *progress) fraction(f float64) { p.at(int(1000*f), 1000, "") }

// done ends the bar's line.
func (p *progress) done() {
	if p.bar != nil {
		fmt.Fprintln(p.out)
	}
}
