package nbody

import (
	"context"
	"syscall"
	"testing"

	"darkfield/pkg/cosmology"
)

// core reports the time that the processor spent on an operation, which other work on the machine
// lengthens less than wall time.
func core(b *testing.B, op func()) {
	now := func() float64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano() + r.Stime.Nano())
	}
	start := now()
	for b.Loop() {
		op()
	}
	b.ReportMetric((now()-start)/1e6/float64(b.N), "core-ms/op")
}

// finished returns a simulation of today, with all its haloes.
func finished(b *testing.B) *simulation {
	b.Helper()
	c, universe := Default(), cosmology.New(cosmology.Fiducial)
	s := newSimulation(c, universe,
		displace(c.Particles, c.BoxSide,
			amplitudes(c.Particles, c.BoxSide, cosmology.NewLinearPower(universe), 1)))
	if err := s.evolve(context.Background()); err != nil {
		b.Fatal(err)
	}
	s.sort()
	return s
}

func BenchmarkInitialConditions(b *testing.B) {
	c, universe := Default(), cosmology.New(cosmology.Fiducial)
	power := cosmology.NewLinearPower(universe)
	core(b, func() {
		newSimulation(c, universe,
			displace(c.Particles, c.BoxSide, amplitudes(c.Particles, c.BoxSide, power, 1)))
	})
}

func BenchmarkSort(b *testing.B) {
	s := finished(b)
	core(b, s.sort)
}

func BenchmarkDeposit(b *testing.B) {
	s := finished(b)
	core(b, func() {
		plane := s.counts()
		for x := range s.cells {
			plane(x)
		}
	})
}

// BenchmarkMove reads the force at every particle, kicks and drifts it.
func BenchmarkMove(b *testing.B) {
	s := finished(b)
	var still [3][]float32
	for axis := range still {
		still[axis] = make([]float32, s.cells*s.cells)
	}
	core(b, func() {
		for x := range s.cells {
			s.move(x, still, still, 1, 0)
		}
	})
}

// BenchmarkStep is a whole step, with its transforms.
func BenchmarkStep(b *testing.B) {
	s := finished(b)
	core(b, func() { s.step(0, 0) })
}

func BenchmarkNeighbours(b *testing.B) {
	s := finished(b)
	x := s.positions()
	core(b, func() { newTree(s.side, x).radii(s.Neighbours) })
}

// BenchmarkProject finds neighbours and makes the 15 maps.
func BenchmarkProject(b *testing.B) {
	s := finished(b)
	p := &Particles{Side: s.BoxSide, Positions: s.positions(), Universe: s.universe}
	core(b, func() {
		if _, err := Project(p, s.Neighbours, s.Pixels); err != nil {
			b.Fatal(err)
		}
	})
}

var boxes = []struct {
	name   string
	config func() Config
	cells  int
}{
	{"64", Default, 64},
	{"128", large, 256},
}

// large is the box of 128³ particles.
func large() Config {
	c := Default()
	c.Particles, c.Steps, c.Neighbours = 128, 30, 16
	return c
}

func BenchmarkBox(b *testing.B) {
	for _, box := range boxes {
		b.Run(box.name, func(b *testing.B) {
			core(b, func() {
				if _, err := Universe(context.Background(), box.config(), cosmology.Fiducial, 1,
					box.cells); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
