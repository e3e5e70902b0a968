package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
)

// everyFigure draws each kind of figure from synthetic results, good and poor.
func everyFigure() map[string]*Figure {
	maps := []field.LogMap{
		syntheticMap(64, 0.5, 1), syntheticMap(64, 0.7, 2),
		syntheticMap(64, 0.6, 3), syntheticMap(64, 0.8, 4),
	}
	return map[string]*Figure{
		"spectra":        Spectra(syntheticSpectra(1.01)),
		"spectra-poor":   Spectra(syntheticSpectra(3)),
		"oneparameter":   OneParameter(syntheticOneParameter()),
		"histograms":     Histograms(syntheticHistograms()),
		"chi2":           Chi2(syntheticChi2(1.05)),
		"chi2-poor":      Chi2(syntheticChi2(1000)),
		"chi2-untrained": Chi2(syntheticChi2(1e6)),
		"contours":       Contours(syntheticContours()),
		"inference":      Inference(syntheticInference()),
		"training":       Training(syntheticTraining()),
		"gallery": Gallery(maps, []string{
			"Ω_m=0.150 σ_8=0.900", "Ω_m=0.310 σ_8=0.720", "true",
			"generated",
		}, "(Msun/h)/(Mpc/h)^2", mockCaption),
		"gallery-two-row": Gallery(append(maps, maps...), nil, "", "Overdensities."),
		"beyond":          NonGaussian(syntheticNonGaussian(1), evaluate.LogField),
		"beyond-poor":     NonGaussian(syntheticNonGaussian(30), evaluate.DensityField),
		"empty":           Empty("Nothing to show."),
	}
}

// outDir is where pictures go: a folder to look at if DARKFIELD_FIGURES names one.
func outDir(t *testing.T) string {
	if dir := os.Getenv("DARKFIELD_FIGURES"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// TestEveryFigureIsWritten: both files exist, decode, have the promised resolution, and nothing
// else is left behind.
func TestEveryFigureIsWritten(t *testing.T) {
	dir := outDir(t)
	for name, f := range everyFigure() {
		if err := f.Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s.png: %v", name, err)
		}
		w, h := f.size()
		if b := img.Bounds(); b.Dx() != int(w.Dots(dotsPerInch)+0.5) ||
			b.Dy() != int(h.Dots(dotsPerInch)+0.5) {
			t.Errorf("%s.png is %v, want %.0f×%.0f", name, b, w.Dots(dotsPerInch), h.Dots(dotsPerInch))
		}
		svg, err := os.Open(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		defer svg.Close()
		for d := xml.NewDecoder(svg); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s.svg: %v", name, err)
			}
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*.partial"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestImagesInSVG: maps are embedded as what they are, and fill their place whatever its shape.
func TestImagesInSVG(t *testing.T) {
	data, err := Gallery([]field.LogMap{syntheticMap(8, 1, 1)}, nil, "", "").SVG()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte(`<image preserveAspectRatio="none"`)); n != 2 ||
		bytes.Count(data, []byte("data:image/png;base64,iVBOR")) != 2 {
		t.Errorf("%d images, want a map and a colour bar, both PNG", n)
	}
}
