package diffusion_test

import (
	"context"
	"fmt"

	"darkfield/pkg/diffusion"
)

// Two maps of four pixels from a model whose pixels are N(0.3, 0.1²), with 20 evaluations of the
// denoiser.
func ExampleDDIM() {
	schedule := diffusion.Paper()
	denoiser := diffusion.GaussianDenoiser(schedule, 0.3, 0.1)
	request := diffusion.Request{Pixels: 4, ConditionDim: 2, Theta: make([]float32, 4), Seed: 1}
	x, err := diffusion.DDIM{Steps: 20}.Sample(context.Background(), denoiser, schedule, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f\n", x)
	// Output: [0.4 0.3 0.2 0.4 0.4 0.2 0.3 0.1]
}

func ExampleSchedule() {
	s := diffusion.Paper()
	for _, t := range []diffusion.Step{0, 1, 500, 1000} {
		fmt.Printf("t = %4d: ᾱ = %.4f\n", t, s.AlphaBar(t))
	}
	// Output:
	// t =    0: ᾱ = 1.0000
	// t =    1: ᾱ = 0.9999
	// t =  500: ᾱ = 0.2757
	// t = 1000: ᾱ = 0.0001
}

// The terms L_0 and L_100 of a map at two parameters; with an exact denoiser that ignores θ they
// agree.
func ExampleSchedule_BoundTerms() {
	schedule := diffusion.Paper()
	x0 := []float32{0.25, 0.31, 0.42, 0.18}
	var draws []diffusion.Draw
	for _, i := range []diffusion.Term{0, 100} {
		noise := diffusion.TermNoise(1, i, len(x0))
		draws = append(draws, diffusion.Draw{Term: i, Epsilon: noise})
	}
	terms, err := schedule.BoundTerms(context.Background(),
		diffusion.GaussianDenoiser(schedule, 0.3, 0.1), draws, x0, []float32{0, 1}, 1, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", terms)
	// Output: [[-12.49 0.01] [-12.49 0.01]]
}
