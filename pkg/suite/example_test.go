package suite_test

import (
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/suite"
)

// The first universes of an LH set do not depend on how many there are.
func ExampleDesign() {
	universes, err := suite.Design(camels.LH, 3, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, u := range universes {
		fmt.Println(u.Params)
	}
	// Output:
	// Ω_m=0.227 σ_8=0.847
	// Ω_m=0.427 σ_8=0.647
	// Ω_m=0.127 σ_8=0.747
}
