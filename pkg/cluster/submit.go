package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"darkfield/pkg/safefile"
)

// Submission says what is run as jobs, and how. Submit keeps it in a file of the submission's
// directory, which Read reads.
type Submission struct {
	Program string   `json:"program"`   // absolute path
	Args    []string `json:"arguments"` // of one ordinary command; the first one is its name
	Dir     string   `json:"directory"` // that it runs in: relative paths begin there
	Shards  int      `json:"shards"`    // into which the work is divided; 0: one job does it all

	Partition string   `json:"partition,omitempty"`
	Time      string   `json:"time,omitempty"` // limit, as sbatch takes it: 90, 12:00:00, 2-0
	GPUs      string   `json:"gpus,omitempty"` // of each job: 1, a100:1
	Options   []string `json:"options,omitempty"`

	Jobs []string `json:"jobs,omitempty"` // that Slurm was given, the oldest first
}

// Work is what a command has to do.
type Work struct {
	Items   string // what they are: "simulations"
	All     int    // how many
	Missing []int  // numbers, from 0, of those that are not done
}

const (
	recordName = "submission.json"
	scriptName = "job.sh"
)

// Place returns the directory of the submission whose result is at out: beside it, since the result
// itself appears whole.
func Place(out string) string { return filepath.Clean(out) + ".slurm" }

// Validate returns an error for what cannot be a line of a batch script.
func (s Submission) Validate() error {
	for _, text := range slices.Concat([]string{s.Dir, s.Partition, s.Time, s.GPUs}, s.Options) {
		if strings.ContainsAny(text, "\n\x00") {
			return fmt.Errorf("cluster: %q holds a line break, which no line of a batch script can", text)
		}
	}
	for _, o := range s.Options {
		if !strings.HasPrefix(o, "-") {
			return fmt.Errorf("cluster: %q is no option of sbatch: write --sbatch=--account=NAME", o)
		}
	}
	return nil
}

// Read returns the submission in a directory.
func Read(place string) (s Submission, err error) {
	path := filepath.Join(place, recordName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("cluster: there is no %s: nothing was submitted for this result; give "+
			"the path that --out named when it was", path)
	}
	if err == nil {
		if err = json.Unmarshal(text, &s); err == nil && len(s.Args) == 0 {
			err = errors.New("it holds no command")
		}
	}
	if err != nil {
		return s, fmt.Errorf("cluster: read %s: %w; submit the command again", path, err)
	}
	return s, nil
}

// Preview returns the batch script that Submit would give to Slurm.
func (s Submission) Preview(place string, w Work) (string, error) {
	if err := s.Validate(); err != nil {
		return "", err
	}
	place, err := filepath.Abs(place)
	if err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	return s.Script(place, s.shards(w)), nil
}

// shards returns those that hold missing items.
func (s Submission) shards(w Work) []int {
	if s.Shards == 0 {
		return nil
	}
	return shardsOf(w.Missing, s.Shards)
}

// Submit gives the shards to Slurm that hold missing items; without shards, one job. It returns the
// job's number, and the shards. The jobs of an earlier submission to the same place
// must have left the queue.
func (s Submission) Submit(ctx context.Context, place string, w Work) (
	job string, shards []int, err error,
) {
	if err := s.Validate(); err != nil {
		return "", nil, err
	}
	if place, err = filepath.Abs(place); err != nil {
		return "", nil, fmt.Errorf("cluster: %w", err)
	}
	if before, err := Read(place); err == nil {
		s.Jobs = before.Jobs
	}
	queued, err := s.Queued(ctx)
	if err != nil {
		return "", nil, err
	}
	if len(queued) > 0 {
		return "", nil, fmt.Errorf("cluster: still in Slurm's queue: job %s: wait for it, or end it "+
			"with `scancel`, then submit again", strings.Join(queued, ", "))
	}
	shards = s.shards(w)
	script := filepath.Join(place, scriptName)
	if err := safefile.WriteFile(script, []byte(s.Script(place, shards))); err != nil {
		return "", nil, fmt.Errorf("cluster: %w", err)
	}
	answer, err := slurm(ctx, "sbatch", "--parsable", script)
	if err != nil {
		return "", nil, err
	}
	job, _, _ = strings.Cut(answer, ";") // the name of the cluster may follow
	s.Jobs = append(s.Jobs, job)
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = safefile.WriteFile(filepath.Join(place, recordName), append(text, '\n'))
	}
	if err != nil {
		return job, shards, fmt.Errorf("cluster: job %s is submitted, but not recorded: %w", job, err)
	}
	return job, shards, nil
}

// Queued returns the jobs of the submission that wait or run, tasks of an array as JOB_TASK or
// JOB_[TASKS]. Without Slurm there are none.
func (s Submission) Queued(ctx context.Context) ([]string, error) {
	if len(s.Jobs) == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("squeue"); err != nil {
		return nil, nil
	}
	answer, err := slurm(ctx, "squeue", "--me", "--noheader", "--format=%F %i")
	if err != nil {
		return nil, err
	}
	var queued []string
	for line := range strings.Lines(answer) {
		if job, id, _ := strings.Cut(strings.TrimSpace(line), " "); slices.Contains(s.Jobs, job) {
			queued = append(queued, id)
		}
	}
	return queued, nil
}

// Complete returns an error that names the shards with missing items and says what to do.
func (s Submission) Complete(ctx context.Context, place string, w Work) error {
	if len(w.Missing) == 0 {
		return nil
	}
	shards := s.shards(w)
	queued, err := s.Queued(ctx)
	if err != nil {
		return err
	}
	remedy := fmt.Sprintf("submit the same command again, which runs only these; %s holds what they "+
		"said", place)
	if len(queued) > 0 {
		remedy = fmt.Sprintf("wait for job %s in Slurm's queue", strings.Join(queued, ", "))
	}
	return fmt.Errorf("cluster: %d of %d %s are missing, in %d of %d shards (%s): %s",
		len(w.Missing), w.All, w.Items, len(shards), s.Shards, ranges(shards), remedy)
}

// slurm runs one of Slurm's commands and returns what it says.
func slurm(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	answer, err := c.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("cluster: there is no command %s: call this where Slurm is, on a "+
			"cluster's login node; --dry-run shows the batch script anywhere", name)
	}
	if err != nil {
		return "", fmt.Errorf("cluster: %s: %w: %s", name, err,
			strings.Join(strings.Fields(complaint.String()), " "))
	}
	return strings.TrimSpace(string(answer)), nil
}
