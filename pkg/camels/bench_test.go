package camels

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"darkfield/pkg/cosmology"
)

// BenchmarkAverage reads maps of 256² pixels averaged down: from the maps themselves, and from
// what was kept of them. The file is in the system's memory, so that the disk does not count.
func BenchmarkAverage(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "Maps_Mcdm_FastPM_LH_z=0.00.npy")
	if err := WriteMaps(path, universe(rand.New(rand.NewPCG(1, 1)), 256)); err != nil {
		b.Fatal(err)
	}
	table := filepath.Join(dir, "params_LH_FastPM.txt")
	if err := saveFile(table, formatTable(cosmology.CAMELSPrior(), params(1))); err != nil {
		b.Fatal(err)
	}
	for _, side := range []int{64, 128} {
		for _, kept := range []bool{false, true} {
			b.Run(fmt.Sprintf("to %d, kept %v", side, kept), func(b *testing.B) {
				was := largeFile
				defer func() { largeFile = was }()
				if kept {
					largeFile = 0
				}
				s, err := Open(dir)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				m := s.Sets[LH]
				for i := range m.Len() {
					if _, err := m.Average(i, side); err != nil {
						b.Fatal(err)
					}
				}
				for i := 0; b.Loop(); i++ {
					if _, err := m.Average(i%m.Len(), side); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
