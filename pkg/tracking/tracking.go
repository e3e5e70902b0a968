// Package tracking keeps the metrics of a run: one JSON object a line, appended as the run goes. It knows no networks and no
// plots.
package tracking

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Record is the metrics of one step of a run.
type Record struct {
	Step   int                `json:"step"`
	Values map[string]float64 `json:"values"`
}

// Names of the metrics that training writes.
const (
	Loss           = "loss"             // training loss, averaged since the record before
	ValidationMSE  = "validation_mse"   // mean squared error of the noise on fixed validation maps
	LearningRate   = "learning_rate"    //
	StepsPerSecond = "steps_per_second" // since the record before
)

// Writer appends records to a file.
type Writer struct {
	path string
	file *os.File
}

// Open opens the metrics at path for appending after step: what a killed run wrote beyond its last checkpoint, and a line
// cut short by the kill, are dropped, so that a resumed run leaves the same records as an unbroken one.
func Open(path string, step int) (*Writer, error) {
	records, err := Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".metrics.*.partial")
	if err != nil {
		return nil, fmt.Errorf("tracking: write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails, as it should, once renamed
	w := &Writer{path: path, file: f}
	for _, r := range records {
		if r.Step <= step {
			err = errors.Join(err, w.Append(r))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, f.Chmod(0o644)); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("tracking: write %s: %w", path, err)
	}
	return w, nil
}

// Append writes one record.
func (w *Writer) Append(r Record) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = w.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tracking: write %s at step %d: %w", w.path, r.Step, err)
	}
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// Read returns the records of a metrics file. A last line without its end, as a kill leaves it, is ignored.
func Read(path string) ([]Record, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tracking: %w", err)
	}
	whole := raw[:bytes.LastIndexByte(raw, '\n')+1]
	var out []Record
	scanner := bufio.NewScanner(bytes.NewReader(whole))
	scanner.Buffer(nil, 1<<20)
	for line := 1; scanner.Scan(); line++ {
		var r Record
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("tracking: %s line %d is not a record: %w", path, line, err)
		}
		out = append(out, r)
	}
	return out, scanner.Err()
}
