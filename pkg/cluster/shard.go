// Package cluster runs a long command as jobs of Slurm: an array of jobs, each an ordinary command
// on its shard of the work, or one job that goes back to the queue when its time ends. It holds the
// batch script, the calls of sbatch and squeue and the record of what was submitted. It does not
// know what the jobs compute.
package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is one of Of parts of a list of work: the items whose number leaves the remainder Index
// when divided by Of, so that all shards take about the same time. The zero value is no shard: all
// of the work, and what is made of it.
type Shard struct{ Index, Of int }

// Is reports whether this is a shard at all.
func (s Shard) Is() bool { return s.Of > 0 }

// Has reports whether an item, counted from 0, belongs to the shard.
func (s Shard) Has(item int) bool { return !s.Is() || item%s.Of == s.Index }

// Set implements pflag.Value: "3/20" is the fourth of twenty shards.
func (s *Shard) Set(text string) error {
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 0 || i >= n {
		return fmt.Errorf("%q, want I/N with I from 0 to N - 1, such as 3/20", text)
	}
	*s = Shard{i, n}
	return nil
}

// String implements pflag.Value.
func (s *Shard) String() string {
	if !s.Is() {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Of)
}

// Type implements pflag.Value.
func (*Shard) Type() string { return "I/N" }

// shardsOf returns, in order, the shards of n to which items belong.
func shardsOf(items []int, n int) []int {
	holds := make([]bool, n)
	for _, item := range items {
		holds[item%n] = true
	}
	var out []int
	for i, h := range holds {
		if h {
			out = append(out, i)
		}
	}
	return out
}

// ranges writes increasing numbers as Slurm does: 0-3,7,9-10.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		part := strconv.Itoa(numbers[i])
		if last > i {
			part += "-" + strconv.Itoa(numbers[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ",")
}
