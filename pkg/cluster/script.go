package cluster

import (
	"fmt"
	"path/filepath"
	"strings"
)

// warning is how many seconds before its time limit a job is told to save. Slurm may be a minute
// early, and the largest networks take seconds to save.
const warning = 120

// Script returns the batch script of a submission, in which task i of the array runs shard i. logs
// is an absolute path of the directory that the output goes to.
//
// Slurm tells the script with SIGUSR1 that its time ends. The script hands that on to the command,
// which saves, and puts itself back into the queue. A job that Slurm itself puts back, when a node
// fails or another job takes its place, goes on in the same way.
func (s Submission) Script(logs string, shards []int) string {
	name, log, id := s.Args[0], "%j.log", "$SLURM_JOB_ID"
	if s.Shards > 0 {
		// the job id alone may mean all tasks
		log, id = "%A_%a.log", "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
	}
	options := []string{"--job-name=darkfield-" + name}
	if s.Shards > 0 {
		options = append(options, "--array="+ranges(shards))
	}
	options = append(options,
		"--chdir="+s.Dir,
		"--output="+filepath.Join(strings.ReplaceAll(logs, "%", "%%"), log),
		"--open-mode=append", // after a requeue, too
		"--requeue",
		fmt.Sprintf("--signal=B:USR1@%d", warning))
	for _, o := range []struct{ option, value string }{
		{"--partition", s.Partition}, {"--time", s.Time}, {"--gpus", s.GPUs},
	} {
		if o.value != "" {
			options = append(options, o.option+"="+o.value)
		}
	}
	var b strings.Builder
	b.WriteString("#!/bin/bash\n")
	for _, o := range append(options, s.Options...) {
		fmt.Fprintf(&b, "#SBATCH %s\n", quoted(o))
	}
	if s.GPUs != "" {
		b.WriteString("export GOMLX_BACKEND=\"${GOMLX_BACKEND:-xla:cuda}\"\n")
	}
	b.WriteString("warned=\ntrap 'warned=yes; kill -USR1 \"$command\" 2>/dev/null' USR1\n" +
		"trap : TERM # Slurm ends the command itself, which then saves\n")
	b.WriteString(quoted(s.Program))
	for _, arg := range s.Args {
		b.WriteString(" " + quoted(arg))
	}
	if s.Shards > 0 {
		fmt.Fprintf(&b, " --shard=\"$SLURM_ARRAY_TASK_ID/%d\"", s.Shards)
	}
	b.WriteString(" &\ncommand=$!\n" +
		"[ -z \"$warned\" ] || kill -USR1 \"$command\" # warned before the number was known\n" +
		"# A signal ends the wait, but not yet the command.\n" +
		"until wait \"$command\"; status=$?; ! kill -0 \"$command\" 2>/dev/null; do :; done\n")
	fmt.Fprintf(&b, "if [ -n \"$warned\" ] && [ \"$status\" != 0 ]; then\n"+
		"\tscontrol requeue \"%s\" && sleep 60 # until Slurm ends this script\nfi\n", id)
	b.WriteString("exit \"$status\"\n")
	return b.String()
}

// quoted makes one word of a text, for the shell and for sbatch, which reads quotes alike.
func quoted(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
