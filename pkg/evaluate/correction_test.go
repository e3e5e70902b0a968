package evaluate

import (
	"context"
	"math"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout/whitenoise"
)

// TestMeasureCorrection gives an emulator a response to σ_8 that is too flat and power that is too
// high everywhere: the power-spectrum correction must take the first out, and of the second what
// the maps tell.
func TestMeasureCorrection(t *testing.T) {
	// factor of power
	flat := func(p cosmology.Params) float64 { return 1.1 * math.Pow(p.Sigma8/0.8, -0.3) }
	dir := t.TempDir()
	params := whitenoise.Spread(200)
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, params, false)
	perfect := &whitenoise.Counted{Stretch: 1}
	s := open(t, dir, perfect)
	s.Train = nil
	for sim := range params {
		s.Train = append(s.Train, sim)
	}
	s.Sample = func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
		progress func(done, total int),
	) ([]field.LogMap, error) {
		maps, err := perfect.Sample(ctx, start, params, seed, progress)
		for i, m := range maps {
			for j, v := range m.Values {
				maps[i].Values[j] = float32(whitenoise.Mean(params[i]) +
					math.Sqrt(flat(params[i]))*(float64(v)-whitenoise.Mean(params[i])))
			}
		}
		return maps, err
	}
	c := CorrectionConfig{Maps: 20, Independent: 150, Seed: 1}
	r, err := s.MeasureCorrection(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Trained != len(params) || r.Maps != 25*20+150 || len(r.K) != whitenoise.Cells/2 {
		t.Errorf("%d simulations, %d maps, %d bins", r.Trained, r.Maps, len(r.K))
	}
	fiducial := r.Correction.Power(cosmology.Fiducial)
	for _, s8 := range []float64{0.6, 0.7, 0.9, 1} {
		p := cosmology.Params{OmegaM: 0.3, Sigma8: s8}
		want := flat(cosmology.Fiducial) / flat(p)
		for b, v := range r.Correction.Power(p) {
			if got := v / fiducial[b]; math.Abs(got/want-1) > 0.05 {
				t.Errorf("σ_8 = %g, bin %d: response of %.3f, want %.3f", s8, b, got, want)
			}
		}
	}
	for b, shared := range r.Shared {
		if math.Abs(shared+math.Log(1.1)) > 0.03+4*r.Error[b] {
			t.Errorf("bin %d: %.3f ± %.3f in all maps, want %.3f", b, shared, r.Error[b], -math.Log(1.1))
		}
	}
	// Power of white noise scatters by √(2/modes): 4 modes in the first bin and 52 in the last, of
	// 150 maps, against 3 %.
	for b, modes := range map[int]float64{0: 4, len(r.Kept) - 1: 52} {
		want := 1 / (1 + 2/(modes*150)/(correctionPrior*correctionPrior))
		if got := r.Kept[b]; got < want/1.8 || got > want*1.8 {
			t.Errorf("%.2f of bin %d's is corrected, want about %.2f", got, b, want)
		}
	}

	// Measured on top of one that maps have already, it adds to it.
	old := emulator.NewPowerCorrection(whitenoise.Cells, s.Prior)
	old.Rings.Coefficients[1][0] = 0.5
	again, err := s.MeasureCorrection(context.Background(), c, &old)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Correction.Rings.Coefficients[1][0],
		r.Correction.Rings.Coefficients[1][0]+0.5; math.Abs(got-want) > 1e-6 {
		t.Errorf("on top of another: %g, want %g", got, want)
	}

	s.Train = s.Train[:10]
	if _, err := s.MeasureCorrection(context.Background(), DefaultCorrection(), nil); err == nil ||
		!strings.Contains(err.Error(), "needs 50") {
		t.Errorf("ten simulations: error %v", err)
	}
	s.Prior.Further = []string{"h"}
	if _, err := s.MeasureCorrection(context.Background(), DefaultCorrection(), nil); err == nil ||
		!strings.Contains(err.Error(), "conditioned on omega_m, sigma_8, h") {
		t.Errorf("three parameters: error %v", err)
	}
}

// TestSmoothest: spectra that are power laws of the parameters get the first degree, those that
// bend the second.
func TestSmoothest(t *testing.T) {
	params := whitenoise.Spread(150)
	var spectra [][]float64
	for i, p := range params {
		x := math.Log(p.Sigma8 / 0.8)
		noise := 0.05 * math.Sin(float64(i*i)) // unrelated to the parameters
		spectra = append(spectra, []float64{math.Exp(x + noise), math.Exp(x + 5*x*x + noise)})
	}
	at, degree, err := smoothest(cosmology.CAMELSPrior(), params, spectra)
	if err != nil {
		t.Fatal(err)
	}
	if degree[0] != 1 || degree[1] != 2 {
		t.Errorf("degrees %v, want 1 and 2", degree)
	}
	x := math.Log(0.6 / 0.8)
	for k, want := range []float64{math.Exp(x), math.Exp(x + 5*x*x)} {
		if got := at(cosmology.Params{OmegaM: 0.3, Sigma8: 0.6})[k]; math.Abs(got/want-1) > 0.03 {
			t.Errorf("bin %d: %.3f, want %.3f", k, got, want)
		}
	}
}
