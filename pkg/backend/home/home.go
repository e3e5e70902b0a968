// Package home gives a process without $HOME, as services and bare containers start them, that of
// its account. The XLA binding looks for plugins below it while the program is initialised, and
// complains on standard error, twice, where it is not set. Packages are initialised in the order
// of their import paths, as far as they are ready: this one imports nothing but the standard
// library, and comes before the binding.
package home

import (
	"os"
	"os/user"
)

const variable = "HOME"

func init() {
	if os.Getenv(variable) != "" {
		return
	}
	dir := "/" // as container runtimes have it for an account without an entry
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		dir = u.HomeDir
	}
	_ = os.Setenv(variable, dir) // without it there are two lines too many, and nothing else is wrong
}
