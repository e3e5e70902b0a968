//go:build !linux

package main

// askForHugePages does nothing: the setting is that of Linux's C library.
func askForHugePages() {}
