//go:build !linux

package programs

import "time"

// Keep keeps programs on Linux alone.
func Keep(_, _ string, _ time.Duration) error { return nil }

// Counts returns zeros.
func Counts() (compiled, loaded int) { return 0, 0 }
