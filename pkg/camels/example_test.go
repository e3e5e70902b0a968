package camels_test

import (
	"fmt"
	"math/rand/v2"
	"os"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// A set of two simulations is written, opened again and looked at.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "maps")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := writeLH(dir); err != nil {
		fmt.Println(err)
		return
	}
	s, err := camels.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	maps := s.Sets[camels.LH]
	fmt.Println(s.Description.Suite, s.Field, s.Description.Unit)
	fmt.Printf("%d simulations, %d maps of %d pixels a side\n", maps.Simulations(), maps.Len(),
		maps.Box().Cells)
	m, err := maps.Map(15) // the first map of simulation 1
	fmt.Println(maps.Params(1), m.Box.Side, "Mpc/h", err)
	// Output:
	// FastPM Mcdm (Msun/h)/(Mpc/h)^2
	// 2 simulations, 30 maps of 8 pixels a side
	// Ω_m=0.400 σ_8=0.900 25 Mpc/h <nil>
}

// writeLH writes an LH set of maps of random numbers.
func writeLH(dir string) error {
	params := []cosmology.Params{{OmegaM: 0.2, Sigma8: 0.7}, {OmegaM: 0.4, Sigma8: 0.9}}
	w, err := camels.NewWriter(dir, camels.CMD(camels.FastPM), "Mcdm", camels.LH, 8, params)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for sim := range params {
		var maps []field.Map
		for range camels.MapsPerSimulation {
			m := field.NewMap(field.Box{Side: 25, Cells: 8})
			for i := range m.Values {
				m.Values[i] = 1e11 * (1 + rng.Float32())
			}
			maps = append(maps, m)
		}
		if err := w.Put(sim, maps); err != nil {
			return err
		}
	}
	return w.Finish()
}
