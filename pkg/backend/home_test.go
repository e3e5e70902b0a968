package backend

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestNoHome: the XLA binding has nothing to say to a process without a home directory.
func TestNoHome(t *testing.T) {
	for name, home := range map[string][]string{"none": nil, "empty": {"HOME="}} {
		c := exec.Command(os.Args[0], "-test.list=^$")
		c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, pluginPath+"=")
		}), home...)
		var said strings.Builder
		c.Stderr = &said
		if err := c.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v, standard error %q, want nothing", name, err, said.String())
		}
	}
}
