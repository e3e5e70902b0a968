package camels

import (
	"math/rand/v2"
	"slices"
)

// Split divides the simulations of a set; maps of one simulation are never divided.
type Split struct {
	Train, Validation, Test []int // simulations, rising
}

// SplitSimulations divides n simulations at random: 70 % for training, 15 % for validation
// (selection, calibration) and 15 % for tests, but at least one each where n >= 3.
func SplitSimulations(n int, seed uint64) Split {
	order := rand.New(rand.NewPCG(seed, 0x73706c6974)).Perm(n)
	held := max(n*15/100, min(1, n/3))
	part := func(from, to int) []int { return slices.Sorted(slices.Values(order[from:to])) }
	return Split{Validation: part(0, held), Test: part(held, 2*held), Train: part(2*held, n)}
}
