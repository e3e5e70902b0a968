package cluster

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShard(t *testing.T) {
	var s Shard
	if !s.Has(7) || s.Is() || s.String() != "" {
		t.Errorf("no shard: %q, %v", s.String(), s)
	}
	seen := make([]int, 50)
	for i := range 7 {
		s := Shard{i, 7}
		var again Shard
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%v becomes %v (%v)", s, again, err)
		}
		for item := range seen {
			if s.Has(item) {
				seen[item]++
			}
		}
	}
	for item, n := range seen {
		if n != 1 {
			t.Errorf("item %d is in %d of 7 shards, want 1", item, n)
		}
	}
	for _, text := range []string{"", "3", "7/7", "-1/7", "1/0", "a/b", "1/2/3", " 1/2"} {
		if err := s.Set(text); err == nil || !strings.Contains(err.Error(), "3/20") {
			t.Errorf("%q: error %v, want one with an example", text, err)
		}
	}
}

func TestShardsOf(t *testing.T) {
	if got := shardsOf([]int{3, 13, 14, 25}, 10); !slices.Equal(got, []int{3, 4, 5}) {
		t.Errorf("shards %v", got)
	}
	for want, numbers := range map[string][]int{
		"": nil, "4": {4}, "0-3,7,9-10": {0, 1, 2, 3, 7, 9, 10},
	} {
		if got := ranges(numbers); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}

// TestScript runs batch scripts as Slurm would, with a command that can be warned.
func TestScript(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	s := Submission{
		Program: "/bin/sh", Dir: "/a b", Shards: 20, Partition: "gpu", Time: "2-0", GPUs: "a100:1",
		Options: []string{"--comment=it's"},
		Args:    []string{"-c", `echo "$0 $1"`, "a'b $HOME", "--out=100%"},
	}
	script := s.Script("/a b/50%.slurm", []int{0, 1, 2, 7})
	for _, line := range []string{
		"#SBATCH --array=0-2,7", "#SBATCH '--chdir=/a b'", "#SBATCH '--output=/a b/50%%.slurm/%A_%a.log'",
		"#SBATCH --partition=gpu", "#SBATCH --time=2-0", "#SBATCH --gpus=a100:1", "#SBATCH --requeue",
		`#SBATCH '--comment=it'\''s'`, "#SBATCH --signal=B:USR1@120",
		`export GOMLX_BACKEND="${GOMLX_BACKEND:-xla:cuda}"`,
	} {
		if !strings.Contains(script, line+"\n") {
			t.Errorf("no line %q in\n%s", line, script)
		}
	}
	run := func(script string) (said string, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, "bash", "-c", script)
		c.WaitDelay = time.Second
		// scontrol as the script sees it
		c.Env = append(c.Environ(), "SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_JOB_ID=12", "SLURM_JOB_ID=19")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if said, err := run(script); err != nil || said != "a'b $HOME --out=100%\n" {
		t.Errorf("the command says %q (%v)", said, err)
	}
	s = Submission{Program: "/bin/sh", Args: []string{"-c", ""}, Dir: "/"}
	const scontrol = "scontrol() { echo \"$@\"; }; sleep() { :; }\n"
	for _, c := range []struct{ name, command, said, status string }{
		{"success", "exit 0", "", "0"},
		{"failure", "exit 3", "", "3"},
		// The script is told that its time ends, and the command saves.
		{
			"warned", `trap "echo saved; exit 1" USR1; kill -USR1 $PPID; while :; do sleep 0.1; done`,
			"saved\nrequeue 19\n", "1",
		},
		{
			"warned at the end", `trap "exit 0" USR1; kill -USR1 $PPID; while :; do sleep 0.1; done`, "",
			"0",
		},
		{"ended", `kill -TERM $PPID; sleep 0.2; echo saved; exit 1`, "saved\n", "1"},
	} {
		s.Args[1] = c.command
		said, err := run(scontrol + s.Script("/", nil))
		status := "0"
		if err != nil {
			status = strings.TrimPrefix(err.Error(), "exit status ")
		}
		if said != c.said || status != c.status {
			t.Errorf("%s: status %s, %q, want %s, %q", c.name, status, said, c.status, c.said)
		}
	}
}

func TestSubmissionRefuses(t *testing.T) {
	for _, s := range []Submission{{Time: "1\n2"}, {Options: []string{"account"}}} {
		if s.Validate() == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	t.Setenv("PATH", "")
	place := filepath.Join(t.TempDir(), "x.slurm")
	if _, err := Read(place); err == nil || !strings.Contains(err.Error(), "nothing was submitted") {
		t.Errorf("nothing submitted: %v", err)
	}
	s := Submission{Program: "/bin/true", Args: []string{"simulate"}, Dir: "/", Shards: 2}
	_, _, err := s.Submit(t.Context(), place, Work{Missing: []int{0}})
	if err == nil || !strings.Contains(err.Error(), "login node") {
		t.Errorf("no Slurm: %v", err)
	}
	w := Work{Items: "simulations", All: 60, Missing: []int{3, 23, 47}}
	s.Shards = 20
	err = s.Complete(t.Context(), place, w)
	if err == nil || !strings.Contains(err.Error(),
		"3 of 60 simulations are missing, in 2 of 20 shards (3,7)") {
		t.Errorf("incomplete: %v", err)
	}
	if err := s.Complete(t.Context(), place, Work{All: 60}); err != nil {
		t.Error(err)
	}
}
