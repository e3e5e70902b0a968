package study

import (
	"context"
	"errors"

	"darkfield/pkg/camels"
)

// CardConfig says how much is measured for a checkpoint's card.
type CardConfig struct {
	// ValidationParams and MapsPerParam: beside the control; OnePSeeds: at each value of the responses
	Study       Config `json:"study"`
	PaperParams int    `json:"paper_params"` // held-out parameters of the paper's table
	PaperMaps   int    `json:"paper_maps"`   // generated at each
	NewMaps     int    `json:"new_maps"`     // generated maps whose nearest training map is looked for
}

// DefaultCard returns what the aims ask for: 40 parameters beside a control, the paper's table of
// 10, 100 maps at each value of the responses, 200 maps looked up among the training maps.
func DefaultCard() CardConfig {
	c := CardConfig{Study: Default(), PaperParams: 10, PaperMaps: 50, NewMaps: 200}
	c.Study.ValidationParams, c.Study.OnePSeeds = 40, 100
	return c
}

// Validate returns all faults at once.
func (c CardConfig) Validate() error {
	var errs []error
	need := func(ok bool, field string, value int, want string) {
		if !ok {
			errs = append(errs, &FieldError{"Card." + field, value, want})
		}
	}
	need(c.PaperParams >= 1, "PaperParams", c.PaperParams, ">= 1")
	need(c.PaperMaps >= 2, "PaperMaps", c.PaperMaps, ">= 2: a standard deviation needs two maps")
	need(c.NewMaps >= 1, "NewMaps", c.NewMaps, ">= 1")
	return errors.Join(append(errs, c.Study.Validate())...)
}

// paper is the study of the paper's table.
func (c CardConfig) paper() Config {
	p := c.Study
	p.ValidationParams, p.MapsPerParam = c.PaperParams, c.PaperMaps
	return p
}

// Card holds all that is measured of a checkpoint, and the numbers that are held against an aim.
type Card struct {
	Control    Control
	Paper      Chi2
	Responses  Responses
	Histograms Histograms
	Novelty    Novelty
	Rows       []CardRow
}

// CardStages are the names under which Progress hears of the parts of Card, in their order.
var CardStages = []string{
	"control", "reduced chi²", "histograms", "responses",
	"training spectra", "new maps",
}

// Card measures a checkpoint at parameters of the test simulations, by which nothing was chosen:
// beside a control and in the paper's table; its responses to one parameter beside those of a 1P
// set; and whether its maps are new. Maps are kept in the cache,
// so that a call that was cut short goes on.
func (s Source) Card(ctx context.Context, cfg CardConfig, control,
	responses *camels.Maps,
) (Card, error) {
	var out Card
	heldOut := s // both kinds: whether maps are new is nothing to choose by
	s.Validation = s.Test
	err := cfg.Validate()
	if err == nil {
		out.Control, err = s.Control(ctx, cfg.Study, control)
	}
	if err == nil {
		out.Paper, err = s.Chi2(ctx, cfg.paper())
	}
	if err == nil {
		out.Histograms, err = s.Histograms(ctx, cfg.paper())
	}
	if err == nil {
		out.Responses, err = s.Responses(ctx, cfg.Study, responses)
	}
	if err == nil {
		out.Novelty, err = heldOut.Novelty(ctx, cfg.Study, cfg.NewMaps)
	}
	if err == nil {
		out.Rows = out.rows(cfg)
	}
	return out, err
}
