package field

import (
	"math/rand/v2"
	"testing"
)

// TestFingerprint: copies in any orientation have the same, and a change of one bit of one pixel,
// or two pixels' values moved between them, another.
func TestFingerprint(t *testing.T) {
	const n = 16
	rng := rand.New(rand.NewPCG(1, 0))
	m := make([]float32, n*n)
	for i := range m {
		m[i] = 10 + float32(rng.NormFloat64())
	}
	want := FingerprintOf(m)
	for range 20 {
		if got := FingerprintOf(RandomAugmentation(rng, n).Apply(m, n)); got != want {
			t.Fatalf("an augmented copy has %x, the map %x", got, want)
		}
	}
	m[3] += 0.5
	m[7] -= 0.5
	if FingerprintOf(m) == want {
		t.Error("other pixels have the same fingerprint")
	}
}
