package tracking

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"darkfield/pkg/safefile"
)

// Record is the metrics of one step of a run.
type Record struct {
	Step   int                `json:"step"`
	Time   time.Time          `json:"time"` // of writing; says what a step cost, pauses included
	Values map[string]float64 `json:"values"`
}

// Names of the metrics that training writes.
const (
	Loss           = "loss"             // training loss, averaged since the last record
	ValidationMSE  = "validation_mse"   // mean squared error of the noise on fixed validation maps
	LearningRate   = "learning_rate"    // of the step
	StepsPerSecond = "steps_per_second" // since the last record
	DataWait       = "data_wait"        // seconds that a step waited for its batch, mean
)

// Writer appends records to a file.
type Writer struct {
	path string
	file *os.File
}

// Open opens the metrics at path for appending after step. Records beyond step, which a killed run
// wrote after its last checkpoint, and an incomplete last line are dropped, so that a resumed run
// leaves the same records as an uninterrupted one.
func Open(path string, step int) (*Writer, error) {
	records, err := Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	err = safefile.Write(path, func(w io.Writer) error {
		for _, r := range records {
			if r.Step <= step {
				if err := r.write(w); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tracking: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("tracking: write %s: %w", path, err)
	}
	return &Writer{path: path, file: f}, nil
}

// Append writes one record, dated now unless it has a time. Values must be finite: JSON has no
// others.
func (w *Writer) Append(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now().UTC().Truncate(time.Millisecond)
	}
	if err := r.write(w.file); err != nil {
		return fmt.Errorf("tracking: write %s at step %d: %w", w.path, r.Step, err)
	}
	return nil
}

// write writes the line of a record.
func (r Record) write(w io.Writer) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	return err
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// Read returns the records of a metrics file. An incomplete last line, as a kill leaves it, is
// ignored.
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
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("tracking: read %s: %w", path, err)
	}
	return out, nil
}
