package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
	"darkfield/pkg/figure"
	"darkfield/pkg/modelcard"
	"darkfield/pkg/report"
)

// cardFlags say what a model card is made from.
type cardFlags struct {
	checkpoint, data, control, responses, cache, dir string
	choice                                           camels.Choice
	sampling                                         *sampling
}

func (a *app) modelCard() *cobra.Command {
	c := modelcard.Default()
	var in cardFlags
	cmd := &cobra.Command{
		Use:   "model-card",
		Short: "Measure a checkpoint for its model card",
		Long: `Measures all that a user of a checkpoint should know, and writes a model card: a page with every
number beside its aim (report.md), figures, and all numbers as CSV. It compares maps generated at
the parameters of test simulations with independent simulations (--control) by reduced chi², power
and pixel values; makes the paper's table; compares responses to single parameters; and looks for
the training map nearest to each of --new-maps generated ones. Maps are kept, so that an interrupted
or killed call goes on. The exit status is 1 when a number misses its aim.`,
		Example: `  darkfield dev model-card --checkpoint runs/first --data universe --control control \
      --responses responses --out model-card
  darkfield simulate control --data universe --split test --out control
  darkfield simulate responses --realisations 10 --out responses`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			c.Evaluate.Sampling = in.sampling.SampleConfig
			return c.Validate()
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if in.cache == "" {
				in.cache = filepath.Join(in.dir, "maps")
			}
			a.keptIn(in.cache)
			start := time.Now()
			page, results, err := a.measure(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			page.About.Took = time.Since(start).Round(time.Second).String()
			if err := writeCard(in.dir, page, results); err != nil {
				return err
			}
			if err := a.print(page, func(w io.Writer) {
				sectionTable(w, report.Sections(page.Rows), page.Summary)
			}); err != nil {
				return err
			}
			if _, misses, _ := report.Count(page.Rows); misses > 0 {
				return fmt.Errorf("model-card: %d numbers miss their aim: see %s", misses,
					filepath.Join(in.dir, "report.md"))
			}
			return nil
		}),
	}
	f := cmd.Flags()
	checkpointFlag(f, &in.checkpoint)
	dataFlags(f, &in.data, &in.choice)
	controlFlag(f, &in.control)
	f.StringVar(&in.responses, "responses", "", "`DIR` of a set 1P with paired phases, made with "+
		"simulate responses")
	f.StringVar(&in.dir, "out", "", "`DIR` to write to")
	cacheFlag(f, &in.cache)
	generatedFlags(f, &c.Evaluate.ValidationParams, &c.Evaluate.MapsPerParam)
	f.IntVar(&c.PaperParams, "paper-params", c.PaperParams, "`N` held-out parameters of the paper's "+
		"table")
	f.IntVar(&c.PaperMaps, "paper-maps", c.PaperMaps, "`N` maps generated at each of them")
	responseMapsFlag(f, &c.Evaluate.OnePSeeds)
	f.IntVar(&c.NewMaps, "new-maps", c.NewMaps, "`N` generated maps that are looked for among the "+
		"training maps")
	noiseSeedFlag(f, &c.Evaluate.Seed)
	in.sampling = samplingFlags(f)
	require(cmd, "checkpoint", "data", "control", "responses", "out")
	return cmd
}

// measure opens what a model card is made from and makes it, with a bar for each of its stages.
// The number of maps made is without those that were kept.
func (a *app) measure(ctx context.Context, c modelcard.Config, in cardFlags,
) (page modelcard.Page, results modelcard.Results, err error) {
	fail := func(err error) (modelcard.Page, modelcard.Results, error) { return page, results, err }
	control, err := openSet(in.control, camels.LH, "control")
	if err != nil {
		return fail(err)
	}
	defer control.Close()
	responses, err := openSet(in.responses, camels.OneP, "responses")
	if err != nil {
		return fail(err)
	}
	defer responses.Close()
	if in.checkpoint, err = checkpointFile(in.checkpoint); err != nil {
		return fail(err)
	}
	e, err := a.open(in.checkpoint, in.data, in.choice)
	if err != nil {
		return fail(err)
	}
	defer e.close()
	if c.Evaluate.Sampling, err = in.sampling.of(e.Emulator, a.err); err != nil {
		return fail(err)
	}
	// the same box and field as the maps that it is measured with
	for _, other := range []*camels.Suite{control, responses} {
		if _, err := a.dataOf(e.Emulator, other); err != nil {
			return fail(err)
		}
	}
	if page.About, err = aboutOf(e.Emulator, e.suite, c, in); err != nil {
		return fail(err)
	}
	source := evaluate.Of(e.Emulator, e.data, c.Evaluate.Sampling, in.cache)
	sample := source.Sample
	source.Sample = func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
		progress func(done, total int),
	) ([]field.LogMap, error) {
		page.About.Made += len(params)
		return sample(ctx, start, params, seed, progress)
	}
	cost, err := cardCost(ctx, e.Emulator, c)
	if err != nil {
		return fail(err)
	}
	fmt.Fprintln(a.err, cost)
	bars := a.stages(func(stage string) string {
		return fmt.Sprintf("%d of %d, %s", 1+slices.Index(modelcard.Stages, stage),
			len(modelcard.Stages), stage)
	})
	source.Progress = bars.at
	results, err = modelcard.Make(ctx, source, c, control.Sets[camels.LH], responses.Sets[camels.OneP])
	bars.done()
	page.Summary, page.Rows = results.Summary(), results.Rows
	return page, results, err
}

// cardCost says what a model card costs, from the time of one batch. What lies in the cache costs
// nothing.
func cardCost(ctx context.Context, e *emulator.Emulator, c modelcard.Config) (string, error) {
	maps, calls := 0, 0
	for _, part := range []struct{ places, each int }{
		{c.Evaluate.ValidationParams, c.Evaluate.MapsPerParam},
		{c.PaperParams, c.PaperMaps},
		{responseValues, c.Evaluate.OnePSeeds},
		{1, c.NewMaps},
	} {
		maps, calls = maps+part.places*part.each,
			calls+part.places*batches(part.each, c.Evaluate.Sampling.Batch)
	}
	text, err := costOf(ctx, e, c.Evaluate.Sampling, maps, calls)
	return "up to " + text, err
}

// responseValues is how many models responses are measured at: the fiducial one and both ends of
// two parameters.
const responseValues = 5

// openSet opens a directory that must hold a set, which simulate makes by how.
func openSet(dir string, set camels.Set, how string) (*camels.Suite, error) {
	s, err := camels.Open(dir)
	if err != nil {
		return nil, err
	}
	if !s.Has(set) {
		defer s.Close()
		return nil, fmt.Errorf("%s has no set %s; make it with `darkfield simulate %s`", dir, set, how)
	}
	return s, nil
}

// writeCard writes figures, their numbers, the table and, last, the page.
func writeCard(dir string, page modelcard.Page, results modelcard.Results) error {
	files, err := saveFigures(dir, figure.ModelCard(results))
	if err != nil {
		return err
	}
	if err := results.WriteCSV(filepath.Join(dir, "report.csv")); err != nil {
		return err
	}
	return report.WriteFile(filepath.Join(dir, "report.md"), []byte(page.Markdown(files)))
}
