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
	"darkfield/pkg/field"
	"darkfield/pkg/figure"
	"darkfield/pkg/study"
)

// cardFlags say what a card is made from.
type cardFlags struct {
	checkpoint, data, control, responses, cache, dir string
	choice                                           camels.Choice
	sampling                                         *sampling
}

func (a *app) card() *cobra.Command {
	c := study.DefaultCard()
	var in cardFlags
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Measure a checkpoint for its model card",
		Long: `Measures all that a user of a checkpoint should know, and writes a report: a page with every number beside its aim (report.md),
figures, and all numbers as CSV. It compares maps made at parameters of the test simulations with true maps of other universes (a control), in reduced
chi², power and densities; makes the paper's table; compares responses to one parameter; and looks for the training map nearest to
each of 200 new ones. Maps are kept, so that an interrupted or killed call goes on. Exits with 1 when a number misses its aim.`,
		Example: `  darkfield simulate --control universe --of test --sims 40 --out control
  darkfield simulate --responses 10 --out responses
  darkfield card --checkpoint runs/first --data universe --control control --responses responses --out card`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			c.Study.Sampling = in.sampling.SampleConfig
			return c.Validate()
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if in.cache == "" {
				in.cache = filepath.Join(in.dir, "maps")
			}
			a.keptIn(in.cache)
			start := time.Now()
			page, err := a.measure(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			page.About.Took = time.Since(start).Round(time.Second).String()
			if err := page.write(in.dir); err != nil {
				return err
			}
			if err := a.print(page, func(w io.Writer) { cardTable(w, page.card) }); err != nil {
				return err
			}
			if _, misses, _ := page.card.Count(); misses > 0 {
				return fmt.Errorf("card: %d numbers miss their aim: see %s", misses,
					filepath.Join(in.dir, "report.md"))
			}
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&in.checkpoint, "checkpoint", "", "a .safetensors file, or a run directory (the "+
		"selected one, or else the newest)")
	f.StringVar(&in.data, "data", "", "directory of the maps that it was trained on, in CMD's layout")
	f.StringVar(&in.control, "control", "", "directory of other universes at the test simulations' "+
		"parameters, made with simulate --control --of test")
	f.StringVar(&in.responses, "responses", "",
		"directory of a set 1P, made with simulate --responses")
	f.StringVar(&in.dir, "out", "", "directory to write to")
	f.StringVar(&in.cache, "cache", "", "directory that keeps generated maps (default: maps in that "+
		"of --out)")
	f.IntVar(&c.Study.ValidationParams, "params", c.Study.ValidationParams, "held-out parameters "+
		"beside the control")
	f.IntVar(&c.Study.MapsPerParam, "maps", c.Study.MapsPerParam, "maps generated at each")
	f.IntVar(&c.PaperParams, "paper-params", c.PaperParams, "held-out parameters of the paper's table")
	f.IntVar(&c.PaperMaps, "paper-maps", c.PaperMaps, "maps generated at each")
	f.IntVar(&c.Study.OnePSeeds, "response-maps", c.Study.OnePSeeds, "maps generated at each value "+
		"of the responses")
	f.IntVar(&c.NewMaps, "new-maps", c.NewMaps, "generated maps that are looked for among the "+
		"training maps")
	f.Uint64Var(&c.Study.Seed, "seed", c.Study.Seed, "of the noise that maps are made from, and of "+
		"bootstraps")
	in.sampling = samplingFlags(f)
	choiceFlags(f, &in.choice)
	require(cmd, "checkpoint", "data", "control", "responses", "out")
	return cmd
}

// measure opens what a card is made from and makes it.
func (a *app) measure(ctx context.Context, c study.CardConfig,
	in cardFlags,
) (page cardPage, err error) {
	s, err := camels.OpenChoice(in.data, in.choice)
	if err != nil {
		return page, err
	}
	defer s.Close()
	control, err := openSet(in.control, camels.LH, "--control")
	if err != nil {
		return page, err
	}
	defer control.Close()
	responses, err := openSet(in.responses, camels.OneP, "--responses")
	if err != nil {
		return page, err
	}
	defer responses.Close()
	if in.checkpoint, err = checkpointFile(in.checkpoint); err != nil {
		return page, err
	}
	e, err := openEmulator(in.checkpoint)
	if err != nil {
		return page, err
	}
	defer e.Close()
	if c.Study.Sampling, err = in.sampling.of(e, a.err); err != nil {
		return page, err
	}
	// the same box and field as the maps that it is measured with
	for _, other := range []*camels.Suite{control, responses} {
		if _, err := a.sourceOf(e, other, c.Study, ""); err != nil {
			return page, err
		}
	}
	page.About, err = aboutOf(e, s, c, in)
	if err != nil {
		return page, err
	}
	page.card, page.About.Made, err = a.measured(ctx, e, s, c, in.cache, control.Sets[camels.LH],
		responses.Sets[camels.OneP])
	page.Summary, page.Rows = page.card.Summary(), page.card.Rows
	return page, err
}

// measured is study.Card with a bar for each of its stages. It returns the number of maps made,
// too: those that were kept are not made again.
func (a *app) measured(ctx context.Context, e *emulator.Emulator, s *camels.Suite,
	c study.CardConfig, cache string, control,
	responses *camels.Maps,
) (card study.Card, made int, err error) {
	source, err := a.sourceOf(e, s, c.Study, cache)
	if err != nil {
		return card, 0, err
	}
	sample := source.Sample
	source.Sample = func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
		progress func(done, total int),
	) ([]field.LogMap, error) {
		made += len(params)
		return sample(ctx, start, params, seed, progress)
	}
	cost, err := cardCost(ctx, e, c)
	if err != nil {
		return card, 0, err
	}
	fmt.Fprintln(a.err, cost)
	bars := a.stages(func(stage string) string {
		return fmt.Sprintf("%d of %d, %s", 1+slices.Index(study.CardStages, stage),
			len(study.CardStages), stage)
	})
	source.Progress = bars.at
	card, err = source.Card(ctx, c, control, responses)
	bars.done()
	return card, made, err
}

// cardCost says what a card costs, from the time of one batch. What lies in the cache costs
// nothing.
func cardCost(ctx context.Context, e *emulator.Emulator, c study.CardConfig) (string, error) {
	took, err := callTime(ctx, e, c.Study.Sampling)
	if err != nil {
		return "", err
	}
	steps, err := c.Study.Sampling.Evaluations()
	if err != nil {
		return "", err
	}
	maps, calls := 0, 0
	for _, part := range []struct{ places, each int }{
		{c.Study.ValidationParams, c.Study.MapsPerParam},
		{c.PaperParams, c.PaperMaps},
		{responseValues, c.Study.OnePSeeds},
		{1, c.NewMaps},
	} {
		maps, calls = maps+part.places*part.each,
			calls+part.places*batches(part.each, c.Study.Sampling.Batch)
	}
	return fmt.Sprintf("up to %d maps of %d network evaluations each: about %v, less what an "+
		"earlier call has made", maps, steps, (took * time.Duration(calls*steps)).Round(time.Second)), nil
}

// responseValues is how many models responses are measured at: the fiducial one and both ends of
// two parameters.
const responseValues = 5

// openSet opens a directory that must hold a set.
func openSet(dir string, set camels.Set, flag string) (*camels.Suite, error) {
	s, err := camels.Open(dir)
	if err != nil {
		return nil, err
	}
	if !s.Has(set) {
		defer s.Close()
		return nil, fmt.Errorf("%s has no set %s; make it with `darkfield simulate %s`", dir, set, flag)
	}
	return s, nil
}

// cardPage is a card and what was measured.
type cardPage struct {
	About   cardAbout       `json:"about"`
	Summary string          `json:"summary"`
	Rows    []study.CardRow `json:"rows"`
	card    study.Card
}

// write writes figures, their numbers, the table and, last, the page.
func (p cardPage) write(dir string) error {
	files := map[string]string{}
	for _, f := range figure.Card(p.card) {
		base := filepath.Join(dir, f.Name)
		if err := f.Figure.Save(base); err != nil {
			return err
		}
		if err := f.Numbers.WriteCSV(base + ".csv"); err != nil {
			return err
		}
		files[f.Section] = f.Name
	}
	if err := p.card.WriteCSV(filepath.Join(dir, "report.csv")); err != nil {
		return err
	}
	return study.WriteFile(filepath.Join(dir, "report.md"), []byte(p.markdown(files)))
}

func cardTable(w io.Writer, c study.Card) {
	t := sections{w: w}
	for _, line := range c.Rows {
		t.line(line.Section, line.Cells())
	}
	row(w)
	row(w, c.Summary())
}
