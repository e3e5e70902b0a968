package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"darkfield/pkg/calibration"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/inference"
)

// shippedWeights are those that come with darkfield.
const shippedWeights = "../../../data/pretrained/fastpm-64.safetensors"

// smallNetwork writes the checkpoint of an untrained network of width 8 for maps of 32², whose
// manifest is otherwise that of the shipped weights.
func smallNetwork(t *testing.T) string {
	t.Helper()
	shipped, err := checkpoint.Load(shippedWeights)
	if err != nil {
		t.Fatal(err)
	}
	m := shipped.Manifest
	m.Network.Dim, m.Data.Side, m.Sampling = 8, 32, nil
	path := filepath.Join(t.TempDir(), "small.safetensors")
	weights := m.Network.Init(1)
	if err := checkpoint.Save(path, m, checkpoint.Tensors(weights)); err != nil {
		t.Fatal(err)
	}
	return path
}

// smallCalibration writes a calibration of a checkpoint that changes nothing and knows no
// outliers.
func smallCalibration(t *testing.T, weights string) string {
	t.Helper()
	c, err := checkpoint.Load(weights)
	if err != nil {
		t.Fatal(err)
	}
	cal := inference.Uncalibrated(c.Hash, c.Manifest.Prior, inference.DefaultBound())
	cal.OutsidePrior, cal.Maps, cal.Simulations = []float64{1}, 1, 1
	model := calibration.OutlierModel{Prior: cal.Prior, Distances: []float64{1}}
	numbers := len(cal.Bound.Quadrature.Terms) + 4 // and four moments of the map
	model.Fits = make([][6]float64, numbers)
	for i := range numbers {
		row := make([]float64, i+1) // lower triangular
		row[i] = 1
		model.Names = append(model.Names, fmt.Sprint("number ", i))
		model.Widths, model.Whitening = append(model.Widths, 1), append(model.Whitening, row)
	}
	cal.Outliers = model
	path := filepath.Join(t.TempDir(), "small.calibration.json")
	if err := cal.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}
