package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   quartiles
	}{
		{[]float64{7}, quartiles{7, 7, 7}},
		{[]float64{3, 1}, quartiles{1.5, 2, 2.5}},
		{[]float64{5, 1, 4, 2, 3}, quartiles{2, 3, 4}},
		{[]float64{4, 1, 3, 2}, quartiles{1.75, 2.5, 3.25}},
	} {
		if got := quartilesOf(c.values); got != c.want {
			t.Errorf("quartiles of %v are %v, want %v", c.values, got, c.want)
		}
	}
}

// TestRatioIsTakenTurnByTurn: a machine that is slower in one turn does not change it.
func TestRatioIsTakenTurnByTurn(t *testing.T) {
	if got := ratio([]float64{2, 20, 2}, []float64{1, 10, 1}); got != (quartiles{2, 2, 2}) {
		t.Errorf("ratio = %v, want 2", got)
	}
	if got := ratio([]float64{6}, []float64{1, 2, 9}); got != (quartiles{3, 3, 3}) {
		t.Errorf("ratio of series of different length = %v, want that of the medians, 3", got)
	}
}

func TestInterleave(t *testing.T) {
	var order strings.Builder
	measure := func(name string, share float64) way {
		return way{name: name, share: share, measure: func() (float64, error) {
			order.WriteString(name)
			return 3, nil
		}}
	}
	got, err := pace{least: 3, most: 9}.interleave(context.Background(),
		[]way{measure("a", 1), measure("b", 0.25)}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(series{"a": {3, 3, 3}, "b": {12, 12, 12}}, got); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
	if order.String() != "abbaab" {
		t.Errorf("order %s, want turns that begin with another way each", order.String())
	}
	if (pace{least: 1, most: 2, enough: time.Hour}).again(2, time.Now()) {
		t.Error("more turns than most")
	}
	if !(pace{least: 1, most: 2, enough: time.Hour}).again(1, time.Now()) {
		t.Error("no turn although there is time")
	}
}
