package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// patienceWithSlurm is how long a test waits for Slurm to do something.
const patienceWithSlurm = 3 * time.Minute

// slurmOf runs a Slurm of one node for a test.
func slurmOf(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, daemon := range []string{"slurmctld", "slurmd", "munged"} {
		if _, err := exec.LookPath(daemon); err == nil {
			continue
		}
		const remedy = "`docker/slurm.sh install` installs Debian's"
		if os.Getenv("CI") == "true" {
			t.Fatalf("no %s: %s", daemon, remedy)
		}
		t.Skipf("no %s, so nothing is submitted: %s", daemon, remedy)
	}
	script, err := filepath.Abs("../../../docker/slurm.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		if said, err := exec.Command(script, "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("stop Slurm: %v: %s", err, said)
		}
	})
	if said, err := exec.Command(script, "start", dir).CombinedOutput(); err != nil {
		t.Fatalf("start Slurm: %v: %s", err, said)
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	t.Setenv("GOMLX_BACKEND", "go")
}

// slurm runs a command of Slurm or of darkfield and returns what it says.
func slurm(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, said)
	}
	return strings.TrimSpace(string(said))
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(patienceWithSlurm); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not yet: %s; the queue:\n%s", patienceWithSlurm, what, slurm(t, "squeue"))
		}
	}
}

func queue(t *testing.T, states string) []string {
	t.Helper()
	return strings.Fields(slurm(t, "squeue", "--noheader", "--array", "--format=%i",
		"--states="+states))
}

// shardProcess returns the process that computes a shard.
func shardProcess(shard string) (pid int, found bool) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(string(command), "--shard="+shard+"\x00") {
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			return pid, err == nil
		}
	}
	return 0, false
}

// TestSlurm runs shards and a training as jobs of a real Slurm and breaks them.
func TestSlurm(t *testing.T) {
	slurmOf(t)
	t.Run("shards", func(t *testing.T) {
		t.Run("training", slurmTraining)
		t.Run("killed, drained, resubmitted", slurmShards)
		t.Run("sample", slurmSample)
	})
}

// slurmShards: of 20 shards three are killed and the node is drained while others wait. What is
// missing is named, submitted again, and the result is that of one process.
func slurmShards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	// a second or so for each simulation: time to be killed in
	args := []string{
		"simulate", "--set", "LH", "--sims", "20", "--side", "32", "--particles", "32",
		"--time-steps", "50", "--pixels", "64", "--neighbours", "16", "--out",
	}
	submit := append(append([]string{"submit"}, args...), many, "--shards", "20", "--workers", "1")
	whole := start(t, append(args, one)...)
	said := slurm(t, "darkfield", submit...)
	if !strings.Contains(said, "20 of 20 shards for 20 of 20 simulations") {
		t.Fatalf("submit says %q", said)
	}
	job := strings.TrimSuffix(strings.Fields(said)[1], ":")
	again := start(t, submit...)
	again.fails(t, "still in Slurm's queue: job "+job, "scancel")

	// Each victim is stopped before it is killed, so that it cannot end in time.
	killed := map[string]bool{}
	for shard := 0; len(killed) < 3; shard++ {
		if shard == 20 {
			t.Fatal("no three shards were caught at work")
		}
		name, pid := fmt.Sprintf("%d/20", shard), 0
		kept := filepath.Join(many, "Maps_Mcdm_FastPM_LH_z=0.00.npy.partial",
			fmt.Sprintf("simulation-%06d.f32", shard))
		eventually(t, "shard "+name+" at work or done", func() bool {
			var found bool
			pid, found = shardProcess(name)
			_, err := os.Stat(kept)
			return found || err == nil
		})
		if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
			continue
		}
		if _, err := os.Stat(kept); err == nil {
			syscall.Kill(pid, syscall.SIGCONT) //nolint:errcheck // it may have ended
			continue
		}
		if len(killed) == 0 {
			slurm(t, "scancel", fmt.Sprintf("%s_%d", job, shard)) // continues it, and ends it
		} else if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed[strconv.Itoa(shard)] = true
	}
	node := slurm(t, "sinfo", "--noheader", "--format=%n")
	slurm(t, "scontrol", "update", "nodename="+node, "state=drain", "reason=test")
	eventually(t, "no shard running on the drained node", func() bool {
		for _, id := range queue(t, "R,CG") {
			if strings.HasPrefix(id, job+"_") {
				return false
			}
		}
		return true
	})
	if waiting := queue(t, "PD"); len(waiting) == 0 {
		t.Error("no shard waits for the drained node, which was to be drained in the middle")
	}
	start(t, "gather", many).fails(t, "simulations are missing", "Slurm's queue")
	slurm(t, "scontrol", "update", "nodename="+node, "state=resume")
	gone := func() bool {
		for _, id := range queue(t, "all") {
			if strings.HasPrefix(id, job+"_") {
				return false
			}
		}
		return true
	}
	eventually(t, "all shards done", gone)

	var names []string
	for shard := range 20 {
		if name := strconv.Itoa(shard); killed[name] {
			names = append(names, name)
		}
	}
	start(t, "gather", many).fails(t, "3 of 20 simulations are missing, in 3 of 20 shards (",
		"submit the same command again")
	said = slurm(t, "darkfield", submit...)
	if !strings.Contains(said, "3 of 20 shards for 3 of 20 simulations") {
		t.Errorf("submit says %q", said)
	}
	job = strings.TrimSuffix(strings.Fields(said)[1], ":")
	eventually(t, "the three done", gone)
	logs, err := filepath.Glob(filepath.Join(many+".slurm", job+"_*.log"))
	if err != nil || len(logs) != 3 {
		t.Errorf("logs %v of the second submission (%v), want of shards %v", logs, err, names)
	}
	slurm(t, "darkfield", "gather", many)
	said = slurm(t, "darkfield", submit...)
	if !strings.Contains(said, "no simulations are missing") {
		t.Errorf("submit of a complete set says %q", said)
	}
	whole.finish(t)
	sameFiles(t, files(t, many), files(t, one))
}

// slurmSample: maps of shards are those of one process.
func slurmSample(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, many := filepath.Join(dir, "one.npy"), filepath.Join(dir, "many.npy")
	args := []string{
		"sample", "--checkpoint", smallNetwork(t), "--omega-m", "0.3", "--sigma-8", "0.8", "--maps", "5",
		"--chunk", "2", "--sampler-steps", "2", "--out",
	}
	whole := start(t, append(args, one)...)
	slurm(t, "darkfield", append(append([]string{"submit"}, args...), many, "--shards", "3")...)
	eventually(t, "maps gathered", func() bool {
		return exec.Command("darkfield", "gather", many).Run() == nil
	})
	whole.finish(t)
	got, err := os.ReadFile(many)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("the maps of three shards are not those of one process")
	}
}

// slurmTraining: a training saves when Slurm says that its time ends, goes back to the queue and
// goes on from there; scancel lets it save, too.
func slurmTraining(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, run := filepath.Join(dir, "data"), filepath.Join(dir, "run")
	start(t, "simulate", "--set", "LH", "--sims", "6", "--side", "32", "--particles", "16",
		"--time-steps", "5", "--pixels", "32", "--neighbours", "32", "--out", data).finish(t)
	// No step ends with a checkpoint unless the training is told to end. Slurm looks at time limits
	// twice a minute and counts a minute for that, so that the warning comes within the first half
	// minute of these two.
	said := slurm(t, "darkfield", "submit", "train", "--data", data, "--run", run, "--preset", "smoke",
		"--batch", "1", "--steps", "100000", "--checkpoint-every", "50000", "--time", "2",
		"--sbatch=--signal=B:USR1@80")
	job := strings.TrimSuffix(strings.Fields(said)[1], ";")
	log := filepath.Join(run+".slurm", job+".log")
	saved := func() int {
		text, _ := os.ReadFile(log)
		return strings.Count(string(text), "interrupted; the training is saved after step")
	}
	restarts := func() bool {
		return !strings.Contains(slurm(t, "scontrol", "show", "job", job), "Restarts=0")
	}
	steps := func() int {
		records, err := tracking.Read(training.MetricsPath(filepath.Clean(run)))
		if err != nil || len(records) == 0 {
			return 0
		}
		return records[len(records)-1].Step
	}
	eventually(t, "the warning heard, the training saved and in the queue again", func() bool {
		return saved() > 0 && restarts()
	})
	before := steps()
	if before == 0 {
		t.Fatal("nothing was recorded before the warning")
	}
	eventually(t, "further steps after the requeue", func() bool { return steps() > before })
	first := saved()
	slurm(t, "scancel", job)
	eventually(t, "the training saved at scancel", func() bool { return saved() > first })
	records, err := tracking.Read(training.MetricsPath(run))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records[1:] {
		if r.Step <= records[i].Step {
			t.Errorf("record %d is of step %d, after step %d: the training did not go on, but begin anew",
				i+1, r.Step, records[i].Step)
		}
	}
	t.Logf("saved and requeued at step %d, cancelled at step %d", before, steps())
}
