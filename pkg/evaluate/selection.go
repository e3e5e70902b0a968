package evaluate

import (
	"fmt"
	"math"
	"strings"

	"darkfield/pkg/report"
)

// Selection compares checkpoints of one run as the paper does: by the mean reduced chi² of maps
// at held-out parameters.
type Selection struct {
	Caption     string      `json:"caption"`       // of the first checkpoint
	LeaveOneOut Summary     `json:"leave_one_out"` // of true maps: what none of them can beat
	Expected14  float64     `json:"expected_against_all_but_one"`
	Expected15  float64     `json:"expected_against_all"`
	Candidates  []Candidate `json:"candidates"`
}

// Candidate is a checkpoint's score.
type Candidate struct {
	Checkpoint  string  `json:"checkpoint"`
	Step        int     `json:"step"`
	Generated14 Summary `json:"generated_against_all_but_one"`
	Generated15 Summary `json:"generated_against_all"`
}

// Add appends the score of a checkpoint, taken with the same parameters as those before it.
func (s *Selection) Add(checkpoint string, step int, c Chi2) {
	if len(s.Candidates) == 0 {
		s.Caption, s.LeaveOneOut, s.Expected14, s.Expected15 = c.Caption, Summarise(c.LeaveOneOut),
			c.Expectation14, c.Expectation15
	}
	s.Candidates = append(s.Candidates, Candidate{
		checkpoint, step, Summarise(c.Generated14),
		Summarise(c.Generated15),
	})
}

// Best returns the index of the candidate whose mean reduced chi² against all true maps is
// lowest; −1 for no candidates or no numbers.
func (s Selection) Best() int {
	best, lowest := -1, math.Inf(1)
	for i, c := range s.Candidates {
		if c.Generated15.Mean < lowest {
			best, lowest = i, c.Generated15.Mean
		}
	}
	return best
}

// String returns the table as text for people.
func (s Selection) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nreduced chi² of P(k)  against all: mean  median    against all but one: "+
		"mean  median\n", s.Caption)
	for i, c := range s.Candidates {
		mark := ""
		if i == s.Best() {
			mark = "  ← best"
		}
		fmt.Fprintf(&b, "step %-15d  %-17.4g  %-8.4g  %-25.4g  %-8.4g%s\n", c.Step, c.Generated15.Mean,
			c.Generated15.Median, c.Generated14.Mean, c.Generated14.Median, mark)
	}
	fmt.Fprintf(&b, "true, left out        %-17s  %-8s  %-25.4g  %-8.4g\n", "–", "–",
		s.LeaveOneOut.Mean, s.LeaveOneOut.Median)
	fmt.Fprintf(&b, "expected of perfect   %-17.4g  %-8s  %-25.4g\n", s.Expected15, "", s.Expected14)
	return b.String()
}

// WriteCSV writes one row a checkpoint.
func (s Selection) WriteCSV(path string) error {
	t := report.NewTable("step", "checkpoint", "mean_against_all", "median_against_all",
		"mean_against_all_but_one", "median_against_all_but_one", "leave_one_out_mean",
		"leave_one_out_median", "expected_against_all", "expected_against_all_but_one", "best")
	for i, c := range s.Candidates {
		t.Add(c.Step, c.Checkpoint, c.Generated15.Mean, c.Generated15.Median, c.Generated14.Mean,
			c.Generated14.Median,
			s.LeaveOneOut.Mean, s.LeaveOneOut.Median, s.Expected15, s.Expected14, i == s.Best())
	}
	return t.Write(path)
}
