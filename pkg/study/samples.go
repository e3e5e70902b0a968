package study

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// sampleKey is all that maps before the transfer function depend on, so that a file named by its
// hash can never be stale.
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
func (s Source) generate(ctx context.Context, p cosmology.Params, n int, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	params := make([]cosmology.Params, n)
	for i := range params {
		params[i] = p
	}
	return s.kept(ctx, s.samplePath(p, seed), params, seed, progress)
}

// generateAt is generate for one map at each of some parameters.
func (s Source) generateAt(ctx context.Context, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	path := ""
	if s.Cache != "" {
		path = filepath.Join(s.Cache, fmt.Sprintf("log10-step-%08d-%d-parameters-%x.npy", s.Step,
			len(params), s.keyHash(sampleKey{Places: params, Seed: seed})))
	}
	return s.kept(ctx, path, params, seed, progress)
}

// kept returns maps at some parameters, with the transfer function, where there is one.
func (s Source) kept(ctx context.Context, path string, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	maps, err := s.raw(ctx, path, params, seed, progress)
	if err == nil && s.Transferred != nil {
		s.Transferred.Apply(maps, params)
	}
	return maps, err
}

// raw returns maps before the transfer function from a file of the cache, or makes them and
// writes it: they serve any transfer function. An empty path keeps nothing.
func (s Source) raw(ctx context.Context, path string, params []cosmology.Params, seed uint64,
	progress func(done, total int),
) ([]field.LogMap, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := len(params)
	maps := s.cached(path)
	if len(maps) >= n {
		progress(n, n)
		return maps[:n], nil
	}
	more, err := s.Sample(ctx, len(maps), params[len(maps):], seed, progress)
	if err != nil {
		return nil, err
	}
	if maps = append(maps, more...); len(maps) != n {
		return nil, fmt.Errorf("study: maps generated from %v on: %d maps, want %d", params[0],
			len(maps), n)
	}
	if err := s.check(maps); err != nil {
		return nil, fmt.Errorf("study: maps generated from %v on: %w", params[0], err)
	}
	if path == "" {
		return maps, nil
	}
	// the file holds log10 values, as its name says: 10^x of an untrained network overflows
	stored := make([]field.Map, n)
	for i, m := range maps {
		stored[i] = field.Map(m)
	}
	return maps, camels.WriteMaps(path, stored)
}

// samplePath names the file of maps generated at p: readable, and unique by the hash of all they
// depend on.
func (s Source) samplePath(p cosmology.Params, seed uint64) string {
	if s.Cache == "" {
		return ""
	}
	name := fmt.Sprintf("log10-step-%08d-omega_m-%.4f-sigma_8-%.4f-%x.npy", s.Step, p.OmegaM, p.Sigma8,
		s.keyHash(sampleKey{Params: p, Seed: seed}))
	return filepath.Join(s.Cache, name)
}

// keyHash completes a key with what all maps of the source depend on, and hashes it.
func (s Source) keyHash(k sampleKey) [sha256.Size]byte {
	k.Format, k.Hash, k.Sampler, k.Box = sampleFormat, s.Network, s.Sampler, s.Box
	text, err := json.Marshal(k)
	if err != nil {
		panic(fmt.Sprintf("study: a sample key that is no JSON: %v", err))
	}
	return sha256.Sum256(text)
}

// cached returns the maps of a file of the cache; none where it cannot be read or is not what its
// name says.
func (s Source) cached(path string) []field.LogMap {
	if path == "" {
		return nil
	}
	stored, err := camels.ReadMaps(path, s.Box.Side)
	if err != nil {
		return nil
	}
	maps := make([]field.LogMap, len(stored))
	for i := range maps {
		maps[i] = field.LogMap(stored[i])
	}
	if s.check(maps) != nil {
		return nil
	}
	return maps
}

// check returns an error unless the maps are of the source's box and have finite pixels.
func (s Source) check(maps []field.LogMap) error {
	for i, m := range maps {
		if m.Box != s.Box || len(m.Values) != s.Box.Pixels() {
			return fmt.Errorf("map %d has %d values in a box of %+v, want %+v", i, len(m.Values),
				m.Box, s.Box)
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
