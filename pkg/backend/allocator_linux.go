package backend

import (
	"os"
	"syscall"
)

// Settings of the GNU C library, which reads them when a process starts. Huge pages make clearing
// the gigabytes that XLA allocates at each step cheap. Two arenas let the memory that one thread
// frees serve another; with an arena per thread a training's memory grows, and with one arena the
// threads wait for each other. The compiler allocates and frees millions of small pieces, which a
// longer list of free ones of each thread (tcache) makes cheaper.
const (
	glibcVariable = "GLIBC_TUNABLES"
	glibcSettings = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2:glibc.malloc.tcache_count=1000"
)

// TuneAllocator executes the program again with settings of the C library that suit XLA. It does
// nothing if the user has set any, or if the program cannot be executed again.
func TuneAllocator() {
	if _, set := os.LookupEnv(glibcVariable); set {
		return
	}
	if exe, err := os.Executable(); err == nil {
		_ = syscall.Exec(exe, os.Args, append(os.Environ(), glibcVariable+"="+glibcSettings))
	}
}
