//go:build !linux

package backend

// AskForHugePages does nothing: the setting is that of Linux's C library.
func AskForHugePages() {}
