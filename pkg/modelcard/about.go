package modelcard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/unet"
)

// About says what was measured, how and where.
type About struct {
	Checkpoint  string          `json:"checkpoint"` // name of the file
	Hash        string          `json:"sha256"`     // of the tensors
	Step        int             `json:"step"`
	Network     unet.Config     `json:"network"`
	Parameters  int             `json:"network_parameters"`
	Suite       string          `json:"suite"`
	Field       string          `json:"field"`
	Box         field.Box       `json:"box"`
	Prior       cosmology.Prior `json:"prior"`
	Simulations map[string]int  `json:"simulations"` // for training, validation and tests
	// how those of data, control and responses were made, where it is known
	Universes     map[string]string `json:"universes,omitempty"`
	Recipe        json.RawMessage   `json:"recipe,omitempty"` // of the training
	TrainingHours float64           `json:"training_hours,omitempty"`
	Sampler       string            `json:"sampler"`
	Correction    string            `json:"power_correction,omitempty"`
	Measured      Config            `json:"measured"`
	Date          string            `json:"date"`
	Took          string            `json:"took"`
	// in that time; others were kept by an earlier call
	Made    int    `json:"maps_made"`
	Machine string `json:"machine"`
	Limits  string `json:"not_good_for"`
}

// lines are the list at the top of the page.
func (a About) lines() []string {
	ranges, low, high := a.Prior.Symbols(), a.Prior.Values(a.Prior.Min), a.Prior.Values(a.Prior.Max)
	for k, name := range ranges {
		ranges[k] = fmt.Sprintf("%s from %g to %g", name, low[k], high[k])
	}
	out := []string{
		fmt.Sprintf("Checkpoint: step %d, SHA-256 of the tensors %s.", a.Step, a.Hash),
		fmt.Sprintf("Maps: %s, %s, %d² pixels, %g Mpc/h a side; %s.", a.Suite, a.Field, a.Box.Cells,
			a.Box.Side, strings.Join(ranges, ", ")),
		fmt.Sprintf("Data: %d simulations for training, %d for validation, %d for tests, %d maps each.",
			a.Simulations["train"], a.Simulations["validation"], a.Simulations["test"],
			camels.MapsPerSimulation),
	}
	for _, name := range []string{"data", "control", "responses"} {
		if text := a.Universes[name]; text != "" {
			out = append(out, fmt.Sprintf("Universes of the %s: %s.", name, text))
		}
	}
	out = append(out, fmt.Sprintf("Network: U-Net of width %d, levels ×%s, %d parameters.",
		a.Network.Dim, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.Network.Multipliers)), ", "),
			"[]"), a.Parameters))
	if text := recipe(a.Recipe); text != "" {
		out = append(out, "Training: "+text+".")
	}
	if a.TrainingHours > 0 {
		out = append(out, fmt.Sprintf("Training took %.3g hours for %d steps, pauses not counted; on "+
			"what machine the run does not say.", a.TrainingHours, a.Step))
	}
	if a.Correction != "" {
		out = append(out, "Power-spectrum correction: "+a.Correction+".")
	}
	how := a.Measured.Evaluate
	return append(
		out,
		fmt.Sprintf("Sampler: %s, batches of %d, seed %d.", a.Sampler, how.Sampling.Batch, how.Seed),
		fmt.Sprintf("Measured %s in %s, %d maps made in that time, on %s", a.Date, a.Took,
			a.Made, a.Machine),
	)
}

// recipe writes the settings of a training as name and value, in the order of their names; empty
// settings are left out.
func recipe(raw json.RawMessage) string {
	var settings map[string]any
	if json.Unmarshal(raw, &settings) != nil {
		return ""
	}
	var out []string
	for name, value := range settings {
		if text := fmt.Sprint(value); text != "" && text != "0" {
			out = append(out, strings.ReplaceAll(name, "_", " ")+" "+text)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
