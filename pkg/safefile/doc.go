// Package safefile keeps files whole when processes are killed, machines crash or two processes
// meet: it writes files that are never seen half written, and locks what only one process at a time
// may change. It knows nothing of what is in the files. Writing and locking are one package because
// each needs the other's means: a temporary file is locked while it is written, so that it can be
// told from an abandoned one.
package safefile
