package modelcard

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/faults"
	"darkfield/pkg/report"
)

// Config says how much is measured for a checkpoint's model card.
type Config struct {
	// ValidationParams and MapsPerParam: beside the control; OnePSeeds: at each value of the responses
	Evaluate    evaluate.Config `json:"evaluate"`
	PaperParams int             `json:"paper_params"` // held-out parameters of the paper's table
	PaperMaps   int             `json:"paper_maps"`   // generated at each
	// generated maps whose nearest training map is looked for
	NewMaps int `json:"new_maps"`
}

// Default returns what the aims ask for: 40 parameters beside a control, the paper's table of
// 10, 100 maps at each value of the responses, 200 maps looked up among the training maps.
func Default() Config {
	c := Config{Evaluate: evaluate.Default(), PaperParams: 10, PaperMaps: 50, NewMaps: 200}
	c.Evaluate.ValidationParams, c.Evaluate.OnePSeeds = 40, 100
	return c
}

// Validate returns all faults at once.
func (c Config) Validate() error {
	f := faults.Of("modelcard.Config")
	f.Want(c.PaperParams >= 1, "PaperParams", c.PaperParams, ">= 1")
	f.Want(c.PaperMaps >= 2, "PaperMaps", c.PaperMaps, ">= 2: a standard deviation needs two maps")
	f.Want(c.NewMaps >= 1, "NewMaps", c.NewMaps, ">= 1")
	f.Add(c.Evaluate.Validate())
	return f.Err()
}

// paper is the configuration of the paper's table.
func (c Config) paper() evaluate.Config {
	p := c.Evaluate
	p.ValidationParams, p.MapsPerParam = c.PaperParams, c.PaperMaps
	return p
}

// Results holds all that is measured of a checkpoint, and the numbers that are held against an aim.
type Results struct {
	Control    evaluate.Control
	Paper      evaluate.Chi2
	Responses  evaluate.Responses
	Histograms evaluate.Histograms
	Novelty    evaluate.Novelty
	Rows       []Row
}

// Stages are the names under which Progress hears of the parts of Make, in their order.
var Stages = []string{
	"control", "reduced chi²", "histograms", "responses",
	"training spectra", "new maps",
}

// Make measures a checkpoint at parameters of the test simulations, by which nothing was chosen:
// beside a control and in the paper's table; its responses to one parameter beside those of a 1P
// set; and whether its maps are new. Maps are kept in the cache, so that a call that was cut short
// goes on.
func Make(ctx context.Context, e evaluate.Emulator, cfg Config, control, responses *camels.Maps,
) (Results, error) {
	var out Results
	heldOut := e // both kinds: whether maps are new is nothing to choose by
	e.Validation = e.Test
	err := cfg.Validate()
	if err == nil {
		out.Control, err = e.Control(ctx, cfg.Evaluate, control)
	}
	if err == nil {
		out.Paper, err = e.Chi2(ctx, cfg.paper())
	}
	if err == nil {
		out.Histograms, err = e.Histograms(ctx, cfg.paper())
	}
	if err == nil {
		out.Responses, err = e.Responses(ctx, cfg.Evaluate, responses)
	}
	if err == nil {
		out.Novelty, err = heldOut.Novelty(ctx, cfg.Evaluate, cfg.NewMaps)
	}
	if err == nil {
		out.Rows = out.rows(cfg)
	}
	return out, err
}

// Summary says in a line how it went.
func (c Results) Summary() string {
	pass, miss, shown := report.Count(c.Rows)
	return fmt.Sprintf("%d numbers meet their aim, %d miss it, %d have none.", pass, miss, shown)
}

// WriteCSV writes one row a number.
func (c Results) WriteCSV(path string) error {
	t := report.NewTable("section", "quantity", "value", "error", "at_least", "at_most", "verdict",
		"note")
	bound := func(v *float64) any {
		if v == nil {
			return ""
		}
		return *v
	}
	for _, r := range c.Rows {
		t.Add(r.Section, r.Quantity, r.Value, r.Error, bound(r.AtLeast), bound(r.AtMost),
			r.Verdict(), r.Note)
	}
	return t.Write(path)
}
