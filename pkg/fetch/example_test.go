package fetch_test

import (
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/fetch"
)

func ExampleSelection_Files() {
	s := fetch.Selection{
		Suite: "Nbody_IllustrisTNG", Field: "Mtot", Sets: []camels.Set{camels.CV},
		URL: "https://example.org/maps",
	}
	for _, f := range s.Files() {
		fmt.Println(f.URL)
	}
	// Output:
	// https://example.org/maps/params_CV_Nbody_IllustrisTNG.txt
	// https://example.org/maps/Maps_Mtot_Nbody_IllustrisTNG_CV_z=0.00.npy
}

func ExampleBytes() {
	fmt.Println(fetch.Bytes(999), fetch.Bytes(1000), fetch.Bytes(3932160128))
	// Output: 999 B 1.0 kB 3.9 GB
}
