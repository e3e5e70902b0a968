package notebook

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/inference"
	"darkfield/pkg/report"
)

// Evaluate compares maps of the figures' network with true ones, or returns what an earlier cell
// found: results lie in the run directory under a hash of all that they depend on: checkpoint,
// content of the data, settings, and darkfield's code. With Session.Anew they are made again. A
// problem ends the cell with one line.
func Evaluate[T any](s *Session, name string,
	run func(evaluate.Emulator, context.Context, evaluate.Config) (T, error),
) T {
	return Must(TryEvaluate(s, name, run))
}

// TryEvaluate is Evaluate for results that the data may not have.
func TryEvaluate[T any](s *Session, name string,
	run func(evaluate.Emulator, context.Context, evaluate.Config) (T, error),
) (T, error) {
	e := s.Emulator()
	return recall(s, name, s.Preset.Evaluate, func() (T, error) {
		return run(e, s.ctx, s.Preset.Evaluate)
	})
}

// Infer is Evaluate for what the network's likelihood says.
func Infer[T any](s *Session, name string,
	run func(inference.Likelihood, context.Context, inference.Config) (T, error),
) T {
	l := s.Likelihood()
	return Must(recall(s, name, s.Preset.Inference, func() (T, error) {
		return run(l, s.ctx, s.Preset.Inference)
	}))
}

// recall returns what run found, or finds now, with these settings.
func recall[T any](s *Session, name string, settings any, run func() (T, error)) (T, error) {
	var result T
	path, err := s.remembered(name, settings)
	if err != nil {
		return result, err
	}
	if raw, err := os.ReadFile(path); err == nil && !s.Anew && json.Unmarshal(raw, &result) == nil {
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
	return result, report.WriteFile(path, raw)
}

// remembered returns the file of a result.
func (s *Session) remembered(name string, settings any) (string, error) {
	text, err := json.Marshal(settings)
	if err != nil {
		return "", err
	}
	data, err := s.dataKey()
	if err != nil {
		return "", err
	}
	code, err := codeKey()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s", s.hash, data, code, text))
	return filepath.Join(s.Run, "results", fmt.Sprintf("%s-%.8x.json", name, key)), nil
}
