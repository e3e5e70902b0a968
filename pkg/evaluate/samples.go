package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// sampleKey is all that maps before the power-spectrum correction depend on, so that a file named
// by its hash can never be stale.
type sampleKey struct {
	Format  int              `json:"format"`
	Hash    string           `json:"hash"` // of the network
	Sampler string           `json:"sampler"`
	Box     field.Box        `json:"box"`
	Params  cosmology.Params `json:"params"`
	Seed    uint64           `json:"seed"`

	Places []cosmology.Params `json:"places,omitempty"` // of the maps, one each, instead of Params
}

// sampleFormat changes when what a key or a file means changes.
const sampleFormat = 1

// generate returns n maps at one parameter, from the cache if they are there. Map i is the same
// whatever n is, so that a file with more maps serves too, and one with fewer is added to. A file
// that cannot be read or is not what its name says is made again.
func (e Emulator) generate(ctx context.Context, p cosmology.Params, n int, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	params := slices.Repeat([]cosmology.Params{p}, n)
	return e.kept(ctx, e.samplePath(p, seed), params, seed, progress)
}

// generateAt is generate for one map at each of some parameters.
func (e Emulator) generateAt(ctx context.Context, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	path := ""
	if e.Cache != "" {
		path = filepath.Join(e.Cache, fmt.Sprintf("log10-step-%08d-%d-parameters-%x.npy",
			e.Checkpoint.Step, len(params), e.keyHash(sampleKey{Places: params, Seed: seed})))
	}
	return e.kept(ctx, path, params, seed, progress)
}

// Generate returns a map for each of the parameters, which is not kept.
func (e Emulator) Generate(ctx context.Context, params []cosmology.Params, seed uint64,
) ([]field.LogMap, error) {
	return e.kept(ctx, "", params, seed, e.Report("generated maps", 0, 1))
}

// Name tells apart what Generate makes with a seed by one network and its corrections.
func (e Emulator) Name(seed uint64) string {
	name := fmt.Sprintf("generated, seed %d", seed)
	if e.Correction != nil {
		name += fmt.Sprintf(", power-spectrum correction of %.8s", e.Checkpoint.Hash)
	}
	return name
}

// kept returns maps at some parameters, with the power-spectrum correction, where there is one.
func (e Emulator) kept(ctx context.Context, path string, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	maps, err := e.raw(ctx, path, params, seed, progress)
	if err == nil && e.Correction != nil {
		e.Correction.Apply(maps, params)
	}
	return maps, err
}

// raw returns maps before the power-spectrum correction from a file of the cache, or makes them and
// writes it: they serve any power-spectrum correction. An empty path keeps nothing.
func (e Emulator) raw(ctx context.Context, path string, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := len(params)
	maps := e.cached(path)
	if len(maps) >= n {
		progress(n, n)
		return maps[:n], nil
	}
	more, err := e.Sample(ctx, len(maps), params[len(maps):], seed, progress)
	if err != nil {
		return nil, err
	}
	if maps = append(maps, more...); len(maps) != n {
		return nil, fmt.Errorf("evaluate: maps generated from %v on: %d maps, want %d", params[0],
			len(maps), n)
	}
	if err := e.check(maps); err != nil {
		return nil, fmt.Errorf("evaluate: maps generated from %v on: %w", params[0], err)
	}
	if path == "" {
		return maps, nil
	}
	return maps, camels.WriteLogMaps(path, maps) // 10^x of an untrained network overflows
}

// samplePath names the file of maps generated at p: readable, and unique by the hash of all they
// depend on.
func (e Emulator) samplePath(p cosmology.Params, seed uint64) string {
	if e.Cache == "" {
		return ""
	}
	name := fmt.Sprintf("log10-step-%08d-omega_m-%.4f-sigma_8-%.4f-%x.npy", e.Checkpoint.Step,
		p.OmegaM, p.Sigma8, e.keyHash(sampleKey{Params: p, Seed: seed}))
	return filepath.Join(e.Cache, name)
}

// keyHash completes a key with what all maps of the source depend on, and hashes it.
func (e Emulator) keyHash(k sampleKey) [sha256.Size]byte {
	k.Format, k.Hash, k.Sampler, k.Box = sampleFormat, e.Checkpoint.Network, e.Sampler, e.Box
	text, err := json.Marshal(k)
	if err != nil {
		panic(fmt.Sprintf("evaluate: a sample key that is no JSON: %v", err))
	}
	return sha256.Sum256(text)
}

// cached returns the maps of a file of the cache; none where it cannot be read or is not what its
// name says.
func (e Emulator) cached(path string) []field.LogMap {
	if path == "" {
		return nil
	}
	maps, err := camels.ReadLogMaps(path, e.Box.Side)
	if err != nil || e.check(maps) != nil {
		return nil
	}
	return maps
}

// check returns an error unless the maps are of the source's box and have finite pixels.
func (e Emulator) check(maps []field.LogMap) error {
	for i, m := range maps {
		if m.Box != e.Box || len(m.Values) != e.Box.Pixels() {
			return fmt.Errorf("map %d has %d values in a box of %+v, want %+v", i, len(m.Values),
				m.Box, e.Box)
		}
		for j, v := range m.Values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("map %d, pixel (y=%d, x=%d) is %g: the network has diverged; choose an "+
					"earlier checkpoint", i, j/m.Box.Cells, j%m.Box.Cells, v)
			}
		}
	}
	return nil
}

// seedFor derives the seed of one simulation's samples, so that maps at different parameters have
// independent noise.
func seedFor(seed uint64, simulation int) uint64 {
	x := seed + 0x9e3779b97f4a7c15*uint64(simulation+1) // SplitMix64 (Steele, Lea and Flood 2014)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
