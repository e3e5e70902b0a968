//go:build !linux

package backend

import "errors"

func glibcVersion() string { return "" }

func loadLibrary(string) error { return errors.New("CUDA is used on Linux only") }
