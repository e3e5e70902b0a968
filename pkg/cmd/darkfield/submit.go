package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/cluster"
)

// work finds out what a command has left to do.
type work func(context.Context) (cluster.Work, error)

// divisible adds --shard to a command, and lets submit and gather know how to ask what is missing.
func (a *app) divisible(c *cobra.Command, shard *cluster.Shard, missing work) {
	if a.missing == nil {
		a.missing = map[*cobra.Command]work{}
	}
	a.missing[c] = missing
	c.Flags().Var(shard, "shard", "do only part `I/N` of the work, I from 0 to N - 1, and keep it: "+
		"the command without it puts all parts together; submit runs them on a cluster")
}

// printShard says that a shard is done.
func (a *app) printShard(s cluster.Shard, out string) error {
	return a.print(map[string]any{"shard": s.String(), "out": out}, func(w io.Writer) {
		fmt.Fprintf(w, "shard %s of %s is done\n", s.String(), filepath.Clean(out))
	})
}

// submitFlags say how a command becomes jobs.
type submitFlags struct {
	cluster.Submission
	dry bool
}

func (a *app) submit() *cobra.Command {
	var s submitFlags
	cmd := &cobra.Command{
		Use:   "submit simulate|sample|calibrate|train",
		Short: "Run a long command as jobs of Slurm",
		Long: `Submits a command to Slurm with the flags that it has anyway. Simulate, sample and calibrate become
an array of jobs, each of which does a shard of the work; all of them write to one place, which
every node must see. gather then names what is missing or puts the result together, which is that of
one process, byte for byte. Submitting the same command again runs the shards with something
missing. Train becomes one job.

Slurm warns a job two to three minutes before its time ends: the job saves what it has, returns to
the queue and goes on later. The batch script, the record of the submission and the output of the
jobs lie in a directory beside the result, OUT.slurm.`,
		Example: `  darkfield submit simulate --set LH --sims 1000 --out universe --shards 50 --time 2:00:00
  darkfield gather universe
  darkfield submit train --data universe --run runs/first --preset paper --gpus 1 --time 1-0
  darkfield submit sample --help`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := cmd.PersistentFlags()
	f.IntVar(&s.Shards, "shards", 10, "`N` jobs that the work is divided into, as many as there are "+
		"parts of it at most")
	f.StringVar(&s.Partition, "partition", "", "Slurm `PARTITION`; default: the cluster's")
	f.StringVar(&s.Time, "time", "", "`TIME` limit of each job, such as 90 (minutes), 12:00:00 or "+
		"2-0 (days); default: the partition's")
	f.StringVar(&s.GPUs, "gpus", "", "`N` GPUs of each job, or TYPE:N; it then computes with "+
		"xla:cuda unless GOMLX_BACKEND says otherwise")
	f.StringArrayVar(&s.Options, "sbatch", nil, "another `OPTION` of sbatch, such as "+
		"--account=NAME; may be given several times")
	f.BoolVar(&s.dry, "dry-run", false, "print the batch script and submit nothing")
	for _, c := range []*cobra.Command{a.simulate(), a.sample(), a.calibrate(), a.train()} {
		a.submits(c, &s)
		cmd.AddCommand(c)
	}
	return cmd
}

// submits lets a command, and those below it, be submitted instead of run. The help of submit names
// them.
func (a *app) submits(c *cobra.Command, s *submitFlags) {
	c.Hidden = true
	c.RunE = a.work(func(cmd *cobra.Command, _ []string) error {
		return a.submitted(cmd.Context(), cmd, s)
	})
	if shard := c.Flags().Lookup("shard"); shard != nil {
		shard.Hidden = true
	}
	for _, below := range c.Commands() {
		a.submits(below, s)
	}
}

func (a *app) submitted(ctx context.Context, c *cobra.Command, s *submitFlags) (err error) {
	if c.Flags().Changed("shard") {
		return fmt.Errorf("submit: --shard: say with --shards into how many parts to divide the work")
	}
	if err := flagAtLeast("shards", s.Shards, 1); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	out := c.Flags().Lookup("out")
	if out == nil {
		out = c.Flags().Lookup("run")
	}
	place := cluster.Place(out.Value.String())
	s.Args = ordinary(c)
	if s.Dir, err = os.Getwd(); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if s.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	var w cluster.Work
	if missing, divisible := a.missing[c]; divisible {
		if w, err = missing(ctx); err != nil {
			return err
		}
		if len(w.Missing) == 0 {
			return a.print(map[string]any{"missing": 0}, func(table io.Writer) {
				fmt.Fprintf(table, "no %s are missing: darkfield gather %s\n", w.Items, out.Value)
			})
		}
		s.Shards = min(s.Shards, w.All)
	} else {
		s.Shards = 0
	}
	if s.dry {
		script, err := s.Preview(place, w)
		if err == nil {
			_, err = io.WriteString(a.out, script)
		}
		return err
	}
	job, shards, err := s.Submit(ctx, place, w)
	if err != nil {
		return err
	}
	return a.print(map[string]any{
		"job": job, "shards": shards, "missing": len(w.Missing), "directory": place,
	}, func(table io.Writer) {
		if s.Shards == 0 {
			fmt.Fprintf(table, "job %s; its output goes to %s\n", job, place)
			return
		}
		fmt.Fprintf(table, "job %s: %d of %d shards for %d of %d %s; output goes to %s\nafterwards: "+
			"darkfield gather %s\n", job, len(shards), s.Shards, len(w.Missing), w.All, w.Items, place,
			out.Value)
	})
}

// ordinary is the command line of a command below submit without submit: its names, and the flags
// that were given, of its own.
func ordinary(c *cobra.Command) []string {
	args := strings.Fields(c.CommandPath())[2:]
	c.Flags().Visit(func(f *pflag.Flag) {
		if c.InheritedFlags().Lookup(f.Name) != nil {
			return
		}
		value := f.Value.String()
		if list, is := f.Value.(pflag.SliceValue); is {
			value = strings.Join(list.GetSlice(), ",")
		}
		args = append(args, fmt.Sprintf("--%s=%s", f.Name, value))
	})
	return args
}

func (a *app) gather() *cobra.Command {
	return &cobra.Command{
		Use:   "gather OUT",
		Short: "Put together what the jobs of submit have made, or name what is missing",
		Long: `Looks whether the jobs of a submission have made all of it. If so, the result is put together by the
command that was submitted, which computes nothing anew. If not, the shards with something missing
are named. OUT is what --out named.`,
		Example: `  darkfield gather universe`,
		Args:    cobra.ExactArgs(1),
		RunE: a.work(func(cmd *cobra.Command, args []string) error {
			return a.gathered(cmd.Context(), args[0])
		}),
	}
}

func (a *app) gathered(ctx context.Context, out string) error {
	place, err := filepath.Abs(cluster.Place(out))
	if err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	s, err := cluster.Read(place)
	if err != nil {
		return err
	}
	if err := os.Chdir(s.Dir); err != nil {
		return fmt.Errorf("gather: the directory that the jobs ran in: %w", err)
	}
	wasJSON := a.json
	root := a.root()
	c, _, err := root.Find(s.Args)
	if err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	missing, divisible := a.missing[c]
	if !divisible {
		return fmt.Errorf("gather: %s is one job: there is nothing to put together", s.Args[0])
	}
	finish := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		w, err := missing(cmd.Context())
		if err == nil {
			err = s.Complete(cmd.Context(), place, w)
		}
		if err != nil {
			return err
		}
		return finish(cmd, args)
	}
	root.SetArgs(append(slices.Clone(s.Args), fmt.Sprintf("--json=%t", wasJSON)))
	return root.ExecuteContext(ctx)
}
