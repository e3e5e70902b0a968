package faults

import (
	"errors"
	"math"
	"testing"
)

func TestList(t *testing.T) {
	l := Of("box.Config")
	l.Want(3 > 0, "Cells", 3, "> 0")
	if err := l.Err(); err != nil {
		t.Fatalf("error %v without a fault", err)
	}
	own := errors.New("another fault")
	l.Want(false, "Side", math.NaN(), "> 0 Mpc/h")
	l.Add(nil)
	l.Add(own)
	err := l.Err()
	const want = "box.Config.Side = NaN, want > 0 Mpc/h\nanother fault"
	if err == nil || err.Error() != want || !errors.Is(err, own) {
		t.Errorf("error %v, want %q", err, want)
	}
	if line := OneLine(err); line != "box.Config.Side = NaN, want > 0 Mpc/h; another fault" {
		t.Errorf("one line: %q", line)
	}
}
