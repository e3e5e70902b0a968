package inference

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"darkfield/pkg/heldout/whitenoise"
)

// TestCalibrationParts: the bounds that parts evaluate side by side make the calibration of one
// study, which then evaluates none.
func TestCalibrationParts(t *testing.T) {
	s := universeOf(t, 40)
	s.Validation, s.Test = nil, nil
	for sim := range 40 {
		if sim < 20 {
			s.Validation = append(s.Validation, sim)
		} else {
			s.Test = append(s.Test, sim)
		}
	}
	s.Terms = whitenoise.ExactTerms
	c := pairConfig()
	whole, parts := t.TempDir(), filepath.Join(t.TempDir(), "bounds")
	want, coverage, err := s.CalibrationStudy(ctx, c, Tests{}, whole)
	if err != nil {
		t.Fatal(err)
	}
	missing := func(want int) {
		t.Helper()
		got, all, err := s.MissingBounds(c, Tests{}, parts)
		if err != nil || len(got) != want || all != 40 {
			t.Errorf("%d of %d are missing (%v), want %d of 40", len(got), all, err, want)
		}
		for _, i := range got {
			if want < 40 && i%3 != 2 {
				t.Errorf("number %d is missing, want those of the third part alone", i)
			}
		}
	}
	missing(40)
	if _, err := os.Stat(parts); err == nil {
		t.Error("to ask for what is missing made the directory")
	}
	var wait sync.WaitGroup
	for part := range 2 {
		wait.Go(func() {
			err := s.CalibrationPart(ctx, c, Tests{}, parts, fmt.Sprint(part),
				func(i int) bool { return i%3 == part })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	missing(12) // 6 of each 20
	err = s.CalibrationPart(ctx, c, Tests{}, parts, "2", func(i int) bool { return i%3 == 2 })
	if err != nil {
		t.Fatal(err)
	}
	missing(0)
	asked := 0
	s.Terms = counting(s.Terms, &asked)
	got, gathered, err := s.CalibrationStudy(ctx, c, Tests{}, parts)
	if err != nil {
		t.Fatal(err)
	}
	if asked > 0 {
		t.Errorf("%d maps are evaluated again", asked)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(coverage, gathered, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}
