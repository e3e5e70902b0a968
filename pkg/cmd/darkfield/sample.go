package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cluster"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
)

func (a *app) sample() *cobra.Command {
	var w wanted
	var path string
	var flags *sampling
	var values *parameterValues
	cmd := &cobra.Command{
		Use:   "sample",
		Short: "Generate maps at given parameters",
		Long: `Generates maps at given parameters and writes them as a .npy file [n, side, side] of pixel values
(not logarithms), in the unit of the training maps. Map i depends on the seed, i and the parameters
alone. --set gives a value to each parameter that the network is conditioned on, by the names that
inspect prints; --omega-m and --sigma-8 are other ways to say omega_m and sigma_8. Until all maps
are there, those that are finished lie in a directory beside --out: an interrupted or killed call
goes on with them, and makes the same file as an unbroken one.`,
		Example: `  darkfield sample --checkpoint runs/first --omega-m 0.3 --sigma-8 0.8 --maps 20 --out maps.npy
  darkfield sample --checkpoint runs/quijote --out maps.npy \
      --set omega_m=0.3,sigma_8=0.8,Omega_b=0.049,h=0.67,n_s=0.96`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return errors.Join(flagAtLeast("maps", w.n, 1), values.check(), flags.Validate(),
				outName(w.out, ".npy"))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if err := outPlace(w.out); err != nil {
				return fmt.Errorf("sample: %w", err)
			}
			e, err := openEmulator(path)
			if err != nil {
				return err
			}
			defer e.Close()
			if w.params, err = values.of(e); err != nil {
				return err
			}
			if w.config, err = flags.of(e, a.err); err != nil {
				return err
			}
			if err := a.sampled(cmd.Context(), e, w); err != nil {
				return err
			}
			if w.shard.Is() {
				return a.printShard(w.shard, w.out)
			}
			r, err := camels.InspectMaps(cmd.Context(), w.out, nil)
			if err != nil {
				return err
			}
			return a.print(r, func(table io.Writer) {
				row(table, "written", w.out)
				moments(table, r)
			})
		}),
	}
	a.divisible(cmd, &w.shard, func(context.Context) (cluster.Work, error) {
		e, err := readEmulator(path)
		if err != nil {
			return cluster.Work{}, err
		}
		defer e.Close()
		if w.params, err = values.of(e); err != nil {
			return cluster.Work{}, err
		}
		if w.config, err = flags.of(e, a.err); err != nil {
			return cluster.Work{}, err
		}
		return w.missing(e)
	})
	f := cmd.Flags()
	checkpointFlag(f, &path)
	values = parametersFlags(f)
	f.IntVarP(&w.n, "maps", "n", 1, "`N` maps")
	w.seed = 1
	noiseSeedFlag(f, &w.seed)
	f.StringVar(&w.out, "out", "", "`FILE` to write (.npy)")
	flags = samplingFlags(f)
	require(cmd, "checkpoint", "out")
	return cmd
}

// positive returns an error that names a flag whose value is no positive number.
func positive(flag string, value float64) error {
	if !(value > 0) || math.IsInf(value, 0) {
		return fmt.Errorf("--%s %g, want a number above 0", flag, value)
	}
	return nil
}

// wanted says which maps to make, and where to write them.
type wanted struct {
	params cosmology.Params
	n      int
	seed   uint64
	out    string
	config emulator.SampleConfig
	shard  cluster.Shard // of the batches
}

// size is the number of maps of batch k.
func (w wanted) size(k int) int { return min(w.config.Batch, w.n-k*w.config.Batch) }

// missing is what is to be done for the file.
func (w wanted) missing(e *emulator.Emulator) (cluster.Work, error) {
	w.config.Batch = w.config.BatchSize(w.n)
	work := cluster.Work{Items: "batches", All: batches(w.n, w.config.Batch)}
	kept, err := w.partial(e)
	for k := 0; k < work.All && err == nil; k++ {
		if kept.read(k, w.size(k)) == nil {
			work.Missing = append(work.Missing, k)
		}
	}
	return work, err
}

// sampled makes the maps batch by batch, but for those that an earlier call has kept, and writes
// the file. Of a shard it keeps its batches alone.
func (a *app) sampled(ctx context.Context, e *emulator.Emulator, w wanted) error {
	w.config.Batch = w.config.BatchSize(w.n)
	kept, err := w.partial(e)
	if err != nil {
		return err
	}
	evaluations, err := w.config.Evaluations()
	if err != nil {
		return err
	}
	if err := kept.others(a.err); err != nil {
		return err
	}
	bar := a.progress("sampling")
	defer func() { bar.done() }()
	calls := batches(w.n, w.config.Batch)
	logs := make([]field.LogMap, 0, w.n)
	for k := range calls {
		if !w.shard.Has(k) {
			continue
		}
		size := w.size(k)
		maps := kept.read(k, size)
		if maps == nil {
			report := func(done, all int) {
				bar.at(k*evaluations+done*evaluations/all, calls*evaluations, "")
			}
			if maps, err = w.batch(ctx, e, k*w.config.Batch, size, report); err != nil {
				return err
			}
			if k+1 < calls || w.shard.Is() { // the file itself holds the last one at once
				if err := camels.WriteLogMaps(kept.path(k), maps); err != nil {
					return err
				}
			}
		}
		if logs = append(logs, maps...); k+1 < calls {
			a.interrupted = fmt.Sprintf("%d of %d maps are kept in %s; the same command makes the rest",
				len(logs), w.n, kept.dir)
		}
	}
	if w.shard.Is() {
		return nil
	}
	linear := make([]field.Map, w.n)
	for i, l := range logs {
		linear[i] = l.Linear()
	}
	if err := camels.WriteMaps(w.out, linear); err != nil {
		return err
	}
	return kept.remove()
}

// batch makes maps from number first on.
func (w wanted) batch(
	ctx context.Context, e *emulator.Emulator, first, size int, progress func(done, all int),
) ([]field.LogMap, error) {
	params := slices.Repeat([]cosmology.Params{w.params}, size)
	maps, err := e.Raw(ctx, first, params, w.seed, w.config, progress)
	if t := e.PowerCorrection(); err == nil && t != nil {
		t.Apply(maps, params)
	}
	return maps, err
}

// partialMaps are the batches that are finished of a file of maps: log10 values, in a directory
// beside it, whose name holds the hash of all that the maps depend on. Batches of a call with
// other arguments lie elsewhere.
type partialMaps struct {
	dir, out string
	box      field.Box
}

// partial returns the place of the batches of w.
func (w wanted) partial(e *emulator.Emulator) (partialMaps, error) {
	key, err := json.Marshal(struct {
		Format   int
		Hash     string // of the checkpoint's tensors
		Manifest checkpoint.Manifest
		Params   cosmology.Params
		Seed     uint64
		Sampler  string
		N, Batch int // the rounding of maps depends on the batch
	}{1, e.Hash(), e.Manifest(), w.params, w.seed, w.config.String(), w.n, w.config.Batch})
	if err != nil {
		return partialMaps{}, fmt.Errorf("sample: %w", err)
	}
	return partialMaps{fmt.Sprintf("%s.%.6x.partial", w.out, sha256.Sum256(key)), w.out, e.Box()}, nil
}

func (p partialMaps) path(k int) string {
	return filepath.Join(p.dir, fmt.Sprintf("batch-%06d.npy", k))
}

// read returns the maps of batch k; nil where they are not there, or cannot be read and have to
// be made again.
func (p partialMaps) read(k, size int) []field.LogMap {
	maps, err := camels.ReadLogMaps(p.path(k), p.box.Side)
	if err != nil || len(maps) != size || maps[0].Box != p.box {
		return nil
	}
	return maps
}

func (p partialMaps) remove() error {
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("sample: %s is complete, but what it was made of is not removed: %w", p.out,
			err)
	}
	return nil
}

// others tells of batches of the same file that calls with other arguments have left: they serve
// these calls alone.
func (p partialMaps) others(notes io.Writer) error {
	entries, err := os.ReadDir(filepath.Dir(p.out))
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		of, found := strings.CutPrefix(name, filepath.Base(p.out)+".")
		hash, dir := strings.CutSuffix(of, ".partial")
		ours := found && dir && entry.IsDir() && len(hash) == 12
		if path := filepath.Join(filepath.Dir(p.out), name); ours && path != filepath.Clean(p.dir) {
			fmt.Fprintf(notes, "note: %s holds batches of a call with other arguments, which are not "+
				"used: remove it unless that call is to go on\n", path)
		}
	}
	return nil
}
