package preset

import (
	"strings"
	"testing"
)

func TestEveryPresetIsValid(t *testing.T) {
	for _, name := range Names() {
		p, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil || p.Name != name {
			t.Errorf("%s (called %s): %v", name, p.Name, err)
		}
	}
}

func TestUnknownPresetNamesTheKnown(t *testing.T) {
	_, err := Get("huge")
	if err == nil || !strings.Contains(err.Error(), "huge") || !strings.Contains(err.Error(), "smoke, quick, standard, paper") {
		t.Errorf("error = %v", err)
	}
}
