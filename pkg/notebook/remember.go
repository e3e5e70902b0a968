package notebook

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"darkfield/pkg/safefile"
	"darkfield/pkg/study"
)

// Study runs one of the studies of s.Source(), or returns what an earlier cell found: results lie
// in the run directory under a hash of all that they depend on (checkpoint, data, settings). A
// problem ends the cell with one line.
func Study[T any](s *Session, name string, run func(context.Context, study.Config) (T, error)) T {
	return Must(TryStudy(s, name, run))
}

// TryStudy is Study for results that the data may not have.
func TryStudy[T any](s *Session, name string,
	run func(context.Context, study.Config) (T, error),
) (T, error) {
	return recall(s, name, s.Preset.Study, func() (T, error) { return run(s.ctx, s.Preset.Study) })
}

// recall returns what run found, or finds now, with these settings.
func recall[T any](s *Session, name string, settings any, run func() (T, error)) (T, error) {
	var result T
	path, err := s.remembered(name, settings)
	if err != nil {
		return result, err
	}
	if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, &result) == nil {
		return result, nil
	}
	result, err = run()
	if err != nil {
		return result, err
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return result, nil // NaN has no JSON: such a result is found again next time
	}
	return result, write(path, raw)
}

// remembered returns the file of a result.
func (s *Session) remembered(name string, settings any) (string, error) {
	text, err := json.Marshal(settings)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", s.hash, s.dataDir(), text))
	return filepath.Join(s.Run, "results", fmt.Sprintf("%s-%.8x.json", name, key)), nil
}

// write writes a file, in a directory that is made where it is missing.
func write(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return safefile.WriteFile(path, raw)
}
