package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// Version of the manifest that this program writes and reads.
const Version = 1

// Manifest says what the tensors of a checkpoint are and what they were trained on.
type Manifest struct {
	Version int `json:"version"`
	// Network is the U-Net that Model does not replace.
	Network unet.Config `json:"network,omitzero"`
	// Model is a network with a function of its own; nil: the U-Net.
	Model *Model `json:"model,omitempty"`
	// Schedule is the name of the variance schedule, as diffusion.Named takes it, and Betas are
	// β_1…β_T of any but the paper's.
	Schedule string    `json:"schedule"`
	Betas    []float64 `json:"betas,omitempty"`
	// Prediction is the quantity that the network's output is; "" is the noise ε.
	Prediction diffusion.Prediction `json:"prediction,omitempty"`
	Step       int                  `json:"step"` // optimiser steps taken
	// Prior names the parameters θ and holds the ranges that they are scaled over.
	Prior cosmology.Prior `json:"prior"`
	// LogTheta: the network is fed Prior.LogUnit; otherwise Prior.Unit.
	LogTheta bool          `json:"log_theta,omitempty"`
	Scaling  field.Scaling `json:"scaling"` // range of log10 values that maps are scaled over
	Data     Data          `json:"data"`
	Seed     uint64        `json:"seed"` // of the training run
	// Origin is the hash of the checkpoint of the stage before, whose weights the run started from.
	Origin   string          `json:"origin,omitempty"`
	Training json.RawMessage `json:"training,omitempty"` // training.Config as used
	// Sampling holds the recommended fields of emulator.SampleConfig; empty: the defaults.
	Sampling json.RawMessage `json:"sampling,omitempty"`
}

// Diffusion returns the variance schedule that the network was trained with.
func (m Manifest) Diffusion() (diffusion.Schedule, error) {
	return diffusion.Named(m.Schedule, m.Betas)
}

// Model is the name and the settings of a network.Network.
type Model struct {
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config,omitempty"`
}

// SetNetwork records a network.
func (m *Manifest) SetNetwork(n network.Network) {
	m.Model = nil
	if n.Name == unet.Name {
		m.Network = unet.Config{}
		if err := json.Unmarshal(n.Config, &m.Network); err != nil {
			panic(err) // unet wrote it
		}
		return
	}
	m.Network, m.Model = unet.Config{}, &Model{n.Name, n.Config}
}

// Function returns the network that the manifest records: the U-Net, or the one of own that has its
// name. The error says that its function is not there.
func (m Manifest) Function(own ...network.Network) (network.Network, error) {
	if m.Model == nil {
		return m.Network.Network(), nil
	}
	for _, n := range own {
		if n.Name == m.Model.Name {
			return n, nil
		}
	}
	return network.Network{}, fmt.Errorf("its network is the function %q, which is not part of this "+
		"program: open it where that function is, as a notebook does", m.Model.Name)
}

// Description returns the name and the settings of the network.
func (m Manifest) Description() string {
	if m.Model == nil {
		return m.Network.Network().String()
	}
	return network.Network{Name: m.Model.Name, Config: m.Model.Config}.String()
}

// SetSchedule records a schedule under a name; diffusion.PaperName is for that of Paper alone.
func (m *Manifest) SetSchedule(name string, s diffusion.Schedule) {
	m.Schedule, m.Betas = name, s.Betas()
	if name == diffusion.PaperName {
		m.Betas = nil
	}
}

// Conditions returns the number of parameters θ that the network is fed.
func (m Manifest) Conditions() int {
	if m.Model == nil {
		return m.Network.ConditionDim
	}
	return m.Prior.Len()
}

// Conditioned returns an error unless the network takes the parameters of the prior, as training
// and emulators require. Other networks can be stored and inspected.
func (m Manifest) Conditioned() error {
	if names := m.Prior.Names(); m.Conditions() != len(names) {
		return fmt.Errorf("its network is conditioned on %d parameters, but the prior names %d (%s): it "+
			"can be inspected and converted, not used", m.Conditions(), len(names),
			strings.Join(names, ", "))
	}
	return nil
}

// Theta returns the scaled parameters that the network is fed.
func (m Manifest) Theta(p cosmology.Params) cosmology.UnitParams {
	if m.LogTheta {
		return m.Prior.LogUnit(p)
	}
	return m.Prior.Unit(p)
}

// ThetaSlopes returns the derivative of each of Theta by its parameter.
func (m Manifest) ThetaSlopes(p cosmology.Params) []float64 {
	if m.LogTheta {
		return m.Prior.LogUnitSlopes(p)
	}
	return m.Prior.UnitSlopes()
}

// Data describes the maps that the network was trained on.
type Data struct {
	Suite    string  `json:"suite"`            // e.g. FastPM, IllustrisTNG
	Field    string  `json:"field,omitempty"`  // e.g. Mgas; empty: Mcdm
	Set      string  `json:"set"`              // e.g. LH
	Unit     string  `json:"unit"`             // of linear map values
	Offset   float64 `json:"offset,omitempty"` // added to every pixel
	Side     int     `json:"side"`             // pixels
	BoxSide  float64 `json:"box_side_mpc_h"`
	Periodic bool    `json:"periodic"`
	Split    Split   `json:"split"`
}

// Box returns the geometry of the maps.
func (d Data) Box() field.Box { return field.Box{Side: d.BoxSide, Cells: d.Side} }

// Split divides a set by simulation, never by map, so that no simulation serves for both training
// and tests.
type Split struct {
	Train      []int `json:"train" yaml:"train"`
	Validation []int `json:"validation" yaml:"validation"`
	Test       []int `json:"test" yaml:"test"`
}

// Validate returns an error that names every field that is out of range.
func (m Manifest) Validate() error {
	var errs []error
	if m.Version != Version {
		errs = append(errs, fmt.Errorf("manifest version = %d, want %d", m.Version, Version))
	}
	_, err := m.Diffusion()
	errs = append(errs, err, m.Prediction.Validate(), m.Scaling.Validate(), m.Data.Box().Validate())
	if err := m.Prior.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("manifest prior: %w", err))
	}
	if m.Model == nil {
		errs = append(errs, m.Network.Validate(), m.Network.CheckSide(m.Data.Side))
		if m.Network.Patch > 1 && (m.Schedule != diffusion.PaperName ||
			m.Prediction != diffusion.PredictV) {
			errs = append(errs, fmt.Errorf("manifest: a network with squares of %d×%d pixels, the schedule "+
				"%q and the prediction %q: it knows the schedule %q and the prediction %q alone",
				m.Network.Patch, m.Network.Patch, m.Schedule, m.Prediction, diffusion.PaperName,
				diffusion.PredictV))
		}
	}
	return errors.Join(errs...)
}
