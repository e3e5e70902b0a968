package modelcard

import (
	"fmt"
	"strings"

	"darkfield/pkg/report"
)

// FastPMLimits says what a checkpoint of simulated boxes is not good for.
const FastPMLimits = `**What it is not good for.** The training maps are of simulated boxes: dark
matter only, from a particle mesh of low resolution, in a box so small that large modes are
missing. The network knows no gas, stars or galaxies, no other parameters than Ω_m and σ_8, no
redshift but 0 and nothing outside the ranges above. Do not use it on CAMELS maps, on observations
of the sky, or to infer the parameters of anything but other maps of the same simulator.`

// OtherLimits is that for maps that were not made here.
const OtherLimits = `**What it is not good for.** The network knows the maps that it was trained
on: no other suite, field, redshift, size of box or resolution, no other parameters than Ω_m and
σ_8, and nothing outside the ranges above. It has not been tried on observations of the sky.`

// sectionTexts say what the numbers of a section are.
var sectionTexts = map[string]string{
	SectionChi2: `Maps generated at held-out parameters, and true maps of other universes at the same
parameters (the control: what a perfect emulator would make), are scored against the same true
maps of one simulation, by the reduced chi² of the power of their log fields.`,
	SectionPaper: `The same as in table and figure 5 of Mudur, Cuesta-Lazaro and Finkbeiner (2023):
true maps are scored against the others of their simulation. They share its large modes, so that
no emulator needs to reach their score.`,
	SectionPower: `The mean over parameters of the ratio of mean spectra, generated over control, bin
by bin.`,
	SectionScatter: `The variance of the power of single maps at one parameter, over the mean power
squared, generated over control, bin by bin. Below 1, maps are too much alike.`,
	SectionShapes: `Mean square of the z-scores of generated maps over that of the control, both against
the true maps of the reference. Thresholds are those of the true maps.`,
	SectionResponses: `Mean power of log fields at an extreme value of one parameter over that of the
fiducial model, generated beside simulated. True boxes share their phases across values, generated
maps their noise. Errors are from a bootstrap over boxes and generated maps. The first bins, where
few modes are, are tested together. The fit, a power law of both parameters in each bin through
the spectra of the training simulations, shows how well these know the response themselves: their
phases are random, and a network learns from nothing else.`,
	SectionPixels: `Differences of all log10 pixel values between generated maps and the control, at
the same parameters. The figure shows three parameters beside the true maps of one simulation.`,
	SectionNovelty: `For each generated map, the nearest of all training maps, over the 8 rotations
and flips and all periodic shifts; the same for true maps of held-out simulations at the same
parameters. A network that copies makes maps that are nearer. So does one whose maps lack power,
for smooth maps are near to everything: a miss here means copies only where power and densities
are right.`,
}

// Page is a model card and what was measured.
type Page struct {
	About   About  `json:"about"`
	Summary string `json:"summary"`
	Rows    []Row  `json:"rows"`
}

// Markdown is the whole page; files are figures by section, without their endings.
func (p Page) Markdown(files map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Model card: %s\n\n**%s**\n\n", p.About.Checkpoint, p.Summary)
	b.WriteString("± is a standard error. – marks a number without an aim.\n\n")
	for _, line := range p.About.lines() {
		b.WriteString("- " + line + "\n")
	}
	b.WriteString("\n" + p.About.Limits + "\n")
	b.WriteString(report.Page(Header(), report.Sections(p.Rows), func(section string) string {
		text := sectionTexts[section] + "\n\n"
		if name := files[section]; name != "" {
			text += fmt.Sprintf("![%s](%s.png)\n\nNumbers: [%s.csv](%s.csv).\n\n", section, name, name, name)
		}
		return text
	}))
	return b.String()
}
