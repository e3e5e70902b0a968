package notebook

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/gif"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
	"github.com/janpfeifer/gonb/gonbui/dom"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/janpfeifer/gonb/gonbui/widgets"

	"darkfield/pkg/figure"
)

// Slider is a number to move.
type Slider struct {
	Name            string
	Low, High, Step float64
	Value           float64 // where it starts
}

// Explore draws a figure of the sliders' values, and again whenever one is moved, until the button
// Done is pressed or the cell is interrupted. The last figure stays in the notebook. Where no
// browser is, as in `make reproduce`, it draws once.
func (s *Session) Explore(sliders []Slider, draw func(values []float64) *figure.Figure) {
	values := make([]float64, len(sliders))
	for i, one := range sliders {
		values[i] = one.Value
	}
	png := Must(draw(values).InlinePNG())
	if s.page.live && os.Getenv("GONB_JUPYTER_KERNEL_ID") != "" {
		png = s.explore(sliders, values, png, draw)
	}
	s.page.image(png, "(explored)")
}

// explore shows sliders and follows them. The browser numbers its messages, since each is delivered
// by a goroutine of its own and the newest has to win.
func (s *Session) explore(sliders []Slider, values []float64, png []byte,
	draw func([]float64) *figure.Figure,
) []byte {
	moves := newest{wake: make(chan struct{}, 1), values: values}
	area := dom.CreateTransientDiv()
	var controls strings.Builder
	id := gonbui.UniqueId()
	for i, one := range sliders {
		address := fmt.Sprintf("/darkfield/%s/%d", id, i)
		fmt.Fprintf(&controls, `<label>%s <input type="range" id="slider-%s-%d" min="%g" max="%g" `+
			`step="%g" value="%g" oninput="this.nextElementSibling.value=this.value; `+
			`gonb_comm.send('%s', (globalThis.darkfieldMoves = (globalThis.darkfieldMoves || 0) + 1)`+
			` + ' ' + this.value)"> <output>%g</output></label>&emsp;`, html.EscapeString(one.Name), id, i,
			one.Low, one.High, one.Step, one.Value, address, one.Value)
		comms.Subscribe(address, func(_, text string) { moves.set(i, text) })
	}
	dom.Append(area, controls.String())
	done := widgets.Button("Done").AppendTo(area).Done().Listen()
	picture := gonbui.UniqueId()
	dom.Append(area, fmt.Sprintf(`<div id="%s"></div>`, picture))
	show := func() { dom.SetInnerHtml(picture, imageTag(png)) }
	show()
	for {
		select {
		case <-s.ctx.Done():
		case <-done.C:
		case <-moves.wake:
			if next, err := draw(moves.now()).InlinePNG(); err == nil {
				png = next
				show()
			}
			continue
		}
		dom.Remove(area)
		gonbui.Sync()
		return png
	}
}

// newest holds the values of sliders by the newest message of each.
type newest struct {
	mu     sync.Mutex
	values []float64
	number []int
	wake   chan struct{}
}

// set takes a message "number value" of slider i.
func (n *newest) set(i int, text string) {
	number, value, _ := strings.Cut(text, " ")
	k, err := strconv.Atoi(number)
	v, err2 := strconv.ParseFloat(value, 64)
	if err != nil || err2 != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.number == nil {
		n.number = make([]int, len(n.values))
	}
	if k <= n.number[i] {
		return
	}
	n.number[i], n.values[i] = k, v
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *newest) now() []float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]float64{}, n.values...)
}

// Animate shows frames, each for a number of hundredths of a second, as an animation that repeats.
func (s *Session) Animate(frames []*image.Paletted, delay int) {
	g := gif.GIF{Image: frames}
	for range frames {
		g.Delay = append(g.Delay, delay)
	}
	if len(frames) > 0 {
		g.Delay[len(frames)-1] = 8 * delay // the end stays for a while
	}
	var b bytes.Buffer
	check(gif.EncodeAll(&b, &g))
	if !s.page.live {
		fmt.Printf("animation: %d frames, %d bytes\n", len(frames), b.Len())
		return
	}
	gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"image/gif": b.Bytes()}})
	s.page.sync()
}
