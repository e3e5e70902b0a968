package fft

import (
	"syscall"
	"testing"
)

// core reports the time that the processor spent on an operation, which other work on the machine
// lengthens less than wall time.
func core(b *testing.B, op func()) {
	now := func() float64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano() + r.Stime.Nano())
	}
	start := now()
	for b.Loop() {
		op()
	}
	b.ReportMetric((now()-start)/1e6/float64(b.N), "core-ms/op")
}
