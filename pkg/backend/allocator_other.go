//go:build !linux

package backend

// TuneAllocator does nothing: the settings are those of Linux's C library.
func TuneAllocator() {}
