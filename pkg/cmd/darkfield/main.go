// Command darkfield simulates maps of dark matter, trains the emulator, generates maps with it,
// tests them and infers parameters with it.
//
// Results go to standard output, progress and complaints to standard error. It exits with 0, with
// 1 for a failure and with 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"darkfield/pkg/backend"
	"darkfield/pkg/faults"
)

// Exit codes.
const (
	failed = 1
	usage  = 2
)

func main() {
	backend.TuneAllocator()
	os.Exit(run(os.Args[1:]))
}

// run runs one command line. A first signal to end cancels the work, and what it leaves is said; a
// second one kills. Slurm's warning that a job's time ends, SIGUSR1, is one of them.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM,
		syscall.SIGUSR1)
	context.AfterFunc(ctx, stop)
	a := &app{out: os.Stdout, err: os.Stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(os.Stderr, "darkfield: interrupted; %s\n", a.interrupted)
	case a.started:
		fmt.Fprintf(os.Stderr, "darkfield: %s%s\n", faults.OneLine(err), remedy(err))
	default:
		fmt.Fprintf(os.Stderr, "darkfield: %s; see `darkfield --help`\n", faults.OneLine(err))
		return usage
	}
	return failed
}

// remedy says what to do about a full disk, which any command may meet: all of them leave whole
// files or none.
func remedy(err error) string {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return "; the disk is full: free some space there and run the same command again"
	}
	return ""
}
