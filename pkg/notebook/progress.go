package notebook

import (
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"os"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"darkfield/pkg/figure"
	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// How often a notebook's page is touched: the browser redraws each time, and all states pass
// through the kernel.
const (
	barPause   = 300 * time.Millisecond
	curvePause = 5 * time.Second
)

// bar is a progress bar with an ETA. Its last state stays in the notebook.
type bar struct {
	page         page
	label, id    string
	start, shown time.Time
}

func (p page) bar(label string) *bar {
	b := &bar{page: p, label: label, start: time.Now()}
	if p.live {
		b.id = gonbui.UniqueId()
	}
	return b
}

func (b *bar) count(done, all int) { b.fraction(float64(done) / float64(max(all, 1))) }

func (b *bar) fraction(f float64) {
	now := time.Now()
	if f < 1 && now.Sub(b.shown) < barPause {
		return
	}
	b.shown = now
	taken := now.Sub(b.start)
	text := fmt.Sprintf("%.0f %%, %v", 100*f, taken.Round(time.Second))
	if f > 0.02 && f < 1 {
		text += fmt.Sprintf(", %v to go", time.Duration(float64(taken)*(1-f)/f).Round(time.Second))
	}
	b.draw(f, text)
}

func (b *bar) done() {
	b.draw(1, fmt.Sprintf("done in %v", time.Since(b.start).Round(100*time.Millisecond)))
}

func (b *bar) draw(f float64, text string) {
	if !b.page.live {
		return
	}
	gonbui.UpdateHTML(b.id,
		fmt.Sprintf(`<div>%s <progress max="1" value="%.3f" style="width:16em"></progress> %s</div>`,
			html.EscapeString(b.label), f, html.EscapeString(text)))
}

// curve is a bar above a plot that grows while training.
type curve struct {
	bar
	plot  string // id
	drawn time.Time
}

func (p page) curve(label string) *curve {
	c := &curve{bar: *p.bar(label)}
	if p.live {
		c.plot = gonbui.UniqueId()
	}
	return c
}

// update shows a step; numbers is called when the plot is due.
func (c *curve) update(g training.Progress, numbers func() tracking.Curve) {
	now := time.Now()
	if last := g.Step == g.Steps; !last && now.Sub(c.shown) < barPause {
		return
	}
	c.shown = now
	text := fmt.Sprintf("step %d of %d, loss %.4f", g.Step, g.Steps, g.Loss)
	if !math.IsNaN(g.ValidationMSE) {
		text += fmt.Sprintf(", validation %.4f", g.ValidationMSE)
	}
	if g.StepsPerSecond > 0 {
		text += fmt.Sprintf(", %.2f steps/s, %v to go", g.StepsPerSecond, g.ETA.Round(time.Second))
	}
	c.draw(float64(g.Step)/float64(g.Steps), text)
	if !c.page.live || now.Sub(c.drawn) < curvePause {
		return
	}
	c.redraw(numbers())
}

// restore draws the curve of a run that goes on, of which a page that was loaded anew shows
// nothing.
func (c *curve) restore(metrics string, numbers func() tracking.Curve) {
	if _, err := os.Stat(metrics); err == nil && c.page.live {
		c.redraw(numbers())
	}
}

func (c *curve) redraw(r tracking.Curve) {
	if len(r.Steps) < 2 {
		return
	}
	c.drawn = time.Now()
	if png, err := figure.Training(r).InlinePNG(); err == nil {
		gonbui.UpdateHTML(c.plot, imageTag(png))
	}
}

// imageTag returns HTML that holds a picture.
func imageTag(png []byte) string {
	return `<img style="max-width:100%" src="data:image/png;base64,` +
		base64.StdEncoding.EncodeToString(png) + `">`
}

// done takes the live plot away: the next cell shows it for good.
func (c *curve) done() {
	c.bar.done()
	if c.page.live && !c.drawn.IsZero() {
		gonbui.UpdateHTML(c.plot, "")
		c.page.sync()
	}
}
