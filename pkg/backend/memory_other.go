//go:build !linux

package backend

import "runtime/debug"

// ReturnMemory returns to the kernel the free memory that Go holds.
func ReturnMemory() { debug.FreeOSMemory() }
