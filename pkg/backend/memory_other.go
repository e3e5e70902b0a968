//go:build !linux

package backend

import "runtime/debug"

// ReturnMemory gives back to the kernel what Go holds without need.
func ReturnMemory() { debug.FreeOSMemory() }
