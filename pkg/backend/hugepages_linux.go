package backend

import (
	"os"
	"syscall"
)

// glibcSettings is read by the C library when a process starts.
const glibcSettings = "GLIBC_TUNABLES"

// AskForHugePages starts the process anew with a C library that asks the kernel for huge pages. XLA takes and gives back gigabytes at
// each step, and the kernel clears them page by page: with small ones that is a sixth of a training step. A user's own settings stay; where
// the process cannot be started anew, it goes on as it is.
func AskForHugePages() {
	if _, set := os.LookupEnv(glibcSettings); set {
		return
	}
	if exe, err := os.Executable(); err == nil {
		_ = syscall.Exec(exe, os.Args, append(os.Environ(), glibcSettings+"=glibc.malloc.hugetlb=1"))
	}
}
