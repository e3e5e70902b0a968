package backend

import (
	"os"
	"syscall"
)

// The C library reads its settings when a process starts. Huge pages: XLA takes and gives back
// gigabytes at each step, and the kernel clears them page by page; with small ones that is a
// sixth of a training step. Two arenas: what one thread has given back should serve another; with
// as many as there are threads a training's memory grows from step to step, with one they wait
// for each other and a step takes 1.7 times as long.
const (
	glibcVariable = "GLIBC_TUNABLES"
	glibcSettings = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2"
)

// TuneAllocator starts the process anew with a C library that suits XLA. A user's own settings
// stay; where the process cannot be started anew, it goes on as it is.
func TuneAllocator() {
	if _, set := os.LookupEnv(glibcVariable); set {
		return
	}
	if exe, err := os.Executable(); err == nil {
		_ = syscall.Exec(exe, os.Args, append(os.Environ(), glibcVariable+"="+glibcSettings))
	}
}
