package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// farewell is how long the end of a training waits for an MLflow server.
const farewell = 20 * time.Second

func (a *app) track() *cobra.Command {
	var run, server, experiment string
	cmd := &cobra.Command{
		Use:   "track",
		Short: "Send a run's metrics, settings and figures to an MLflow server",
		Long: `Sends the metrics, settings and figures that the server does not have yet; each stage of a training
is a run there. train --server does so while it trains; this command is for runs that were trained
without a server, and for what was left when a server was down. MLflow's variables
MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN, hold credentials.`,
		Example: `  darkfield track --run runs/first --server http://127.0.0.1:5000`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if server == "" {
				return errors.New("--server or MLFLOW_TRACKING_URI must name a server, for example " +
					"http://127.0.0.1:5000")
			}
			return trackAddress(server)
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			for i, dir := range training.Stages(run) {
				_, err := os.Stat(training.MetricsPath(dir))
				if i > 0 && errors.Is(err, fs.ErrNotExist) {
					break // killed before its first step
				}
				if err != nil {
					return fmt.Errorf("track: %w: name the directory of a training run", err)
				}
				m, err := mirrorOf(dir, runName(run, dir), server, experiment)
				if err != nil {
					return err
				}
				if err := m.Flush(cmd.Context(), tracking.Finished); err != nil {
					return err
				}
				fmt.Fprintln(a.out, m.Where())
			}
			return nil
		}),
	}
	f := cmd.Flags()
	runFlag(f, &run)
	serverFlags(f, &server, &experiment)
	require(cmd, "run")
	return cmd
}

// trackAddress returns an error unless a server's address, if one is given, can be one.
func trackAddress(server string) error {
	if server == "" {
		return nil
	}
	return tracking.CheckAddress(server)
}

// mirrorOf returns the mirror of a run directory on a server, which shows it by its name; nil
// where no server is named.
func mirrorOf(dir, name, server, experiment string) (*tracking.Mirror, error) {
	if server == "" {
		return nil, nil
	}
	return tracking.Mirror{
		Metrics: training.MetricsPath(dir), Experiment: experiment, Run: name,
		Parameters: func() (map[string]string, error) { return training.Parameters(dir) },
		Artifacts:  func() []tracking.Artifact { return artifacts(dir) },
	}.At(server)
}

// artifacts lists the files of a run that are worth looking at from afar: everything but weights
// and maps.
func artifacts(dir string) []tracking.Artifact {
	var out []tracking.Artifact
	add := func(name string) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			out = append(out, tracking.Artifact{
				Path: filepath.Join(dir, name),
				Name: filepath.ToSlash(name),
			})
		}
	}
	add("config.yaml")
	add("selection.csv")
	figures, err := os.ReadDir(filepath.Join(dir, "figures"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out
	}
	for _, f := range figures {
		add(filepath.Join("figures", f.Name()))
	}
	return out
}

// follow lets a mirror follow a training. The function that it returns ends that, gives the
// server a last chance and says what it lacks; what happens to the server is no error of the
// training. A training that was refused leaves the server as it is.
func (a *app) follow(ctx context.Context, m *tracking.Mirror) (stop func(training.Result, error)) {
	if m == nil {
		return func(training.Result, error) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { m.Follow(ctx, func(err error) { fmt.Fprintln(a.err, err) }) })
	return func(r training.Result, err error) {
		cancel()
		wg.Wait()
		status := tracking.Finished
		switch {
		case r.Step == 0:
			return
		case errors.Is(err, context.Canceled):
			status = tracking.Killed
		case err != nil:
			status = tracking.Failed
		}
		last, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if err := m.Flush(last, status); err != nil {
			fmt.Fprintf(a.err, "%v; nothing is lost: `darkfield track` sends the rest\n", err)
			return
		}
		if where := m.Where(); where != "" {
			fmt.Fprintln(a.err, "tracked at", where)
		}
	}
}
