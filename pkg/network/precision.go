package network

import (
	"fmt"
	"slices"
)

// Precision says which numbers a network is computed with. Its weights, the loss and the optimiser
// are float32 with each.
type Precision string

const (
	Float32 Precision = "" // written out: float32
	// TF32 is float32 whose factors a GPU rounds to ten bits of the fraction in matrix products and
	// convolutions. Graphs are those of Float32: the backend says how it multiplies.
	TF32 Precision = "tf32"
	// BFloat16 has activations and products in bfloat16, with seven bits of the fraction; sums over
	// pixels, normalisations and softmaxes are float32.
	BFloat16 Precision = "bfloat16"
)

// Precisions lists all of them.
func Precisions() []Precision { return []Precision{Float32, TF32, BFloat16} }

// ParsePrecision returns the precision of a name.
func ParsePrecision(name string) (Precision, error) {
	for _, p := range Precisions() {
		if name == p.String() {
			return p, nil
		}
	}
	return Float32, fmt.Errorf("precision %q, want float32, tf32 or bfloat16", name)
}

// String returns the name.
func (p Precision) String() string {
	if p == Float32 {
		return "float32"
	}
	return string(p)
}

// Validate returns an error unless the precision is known.
func (p Precision) Validate() error {
	if !slices.Contains(Precisions(), p) {
		return fmt.Errorf(`network.Precision = %q, want "" (float32), "tf32" or "bfloat16"`, string(p))
	}
	return nil
}

// In returns the network as it is computed in a precision. The error says that its function knows
// no other than float32.
func (n Network) In(p Precision) (Network, error) {
	if p != BFloat16 {
		return n, p.Validate()
	}
	if n.BFloat16 == nil {
		return n, fmt.Errorf("network %q: its function computes in float32 alone: choose float32, or "+
			"give network.Network.BFloat16 another one", n.Name)
	}
	n.Func = n.BFloat16
	return n, nil
}
