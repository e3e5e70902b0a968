package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Milestone is a point of a training: a share of all steps, which moves as their number changes, or
// a count. The zero value is none. Its text is "15%" or "300".
type Milestone struct {
	Percent float64 // of Config.Steps, 0 to 100
	Count   int     // if Percent is 0: steps, or epochs in Config.HalveAt
}

// Percent returns the milestone at a share of all steps.
func Percent(p float64) Milestone { return Milestone{Percent: p} }

// Count returns the milestone at a fixed number of steps or epochs.
func Count(n int) Milestone { return Milestone{Count: n} }

// ParseMilestone reads what String writes.
func ParseMilestone(text string) (Milestone, error) {
	var m Milestone
	var err error
	if share, is := strings.CutSuffix(text, "%"); is {
		m.Percent, err = strconv.ParseFloat(strings.TrimSpace(share), 64)
	} else {
		m.Count, err = strconv.Atoi(text)
	}
	if err == nil && !m.valid() {
		err = errors.New("out of range")
	}
	if err != nil {
		return m, fmt.Errorf("training: %q is no milestone of a training: want a number such as 300 "+
			"or a share of all steps such as 15%%, up to 100%%", text)
	}
	return m, nil
}

// String returns "15%" or "300".
func (m Milestone) String() string {
	if m.Percent != 0 {
		return strconv.FormatFloat(m.Percent, 'g', -1, 64) + "%"
	}
	return strconv.Itoa(m.Count)
}

// MarshalJSON writes a count as a number and a share as a string.
func (m Milestone) MarshalJSON() ([]byte, error) {
	if m.Percent != 0 {
		return json.Marshal(m.String())
	}
	return json.Marshal(m.Count)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Milestone) UnmarshalJSON(text []byte) (err error) {
	*m, err = ParseMilestone(strings.Trim(string(text), `"`))
	return err
}

func (m Milestone) none() bool { return m == Milestone{} }

func (m Milestone) valid() bool {
	return m.Percent >= 0 && m.Percent <= 100 && m.Count >= 0 && (m.Percent == 0 || m.Count == 0)
}

// of returns the step, of all steps of a run, at which m lies.
func (m Milestone) of(all int) int {
	if m.Percent != 0 {
		return int(math.Round(m.Percent / 100 * float64(all)))
	}
	return m.Count
}

// steps returns the last step before m, of which a count is one of epochs of so many maps: the last
// step whose first map belongs to these epochs.
func (m Milestone) steps(c Config, maps int) int {
	if m.Percent != 0 {
		return m.of(c.Steps)
	}
	return (m.Count*maps + c.Batch - 1) / c.Batch
}

// rising reports whether milestones are all counts or all shares, positive and rising.
func rising(all []Milestone) bool {
	for i, m := range all {
		if !m.valid() || m.none() {
			return false
		}
		if i == 0 {
			continue
		}
		before := all[i-1]
		shares, counts := before.Percent > 0 && m.Percent > before.Percent, before.Count > 0 &&
			m.Count > before.Count
		if !shares && !counts {
			return false
		}
	}
	return true
}

// course returns the steps of the milestones of c, by their fields in config.yaml, for a run of so
// many steps on so many maps.
func (c Config) course(steps, maps int) map[string]string {
	c.Steps = steps
	halveAt := make([]int, len(c.HalveAt))
	for i, m := range c.HalveAt {
		halveAt[i] = m.steps(c, maps)
	}
	return map[string]string{
		"training.warmup":    strconv.Itoa(c.Warmup.of(steps)),
		"training.cosine_to": strconv.Itoa(c.CosineTo.of(steps)),
		"training.halve_at":  fmt.Sprint(halveAt),
	}
}
