package programs

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"darkfield/pkg/safefile"
)

const (
	// Variable names the environment variable with another directory for the programs, or Off.
	Variable = "DARKFIELD_PROGRAMS"
	// Off as the value of Variable keeps no programs.
	Off = "off"

	suffix   = ".xla"
	capacity = 1 << 30 // bytes
)

var errDamaged = errors.New("damaged")

// store is a directory of programs for one plugin on one machine.
type store struct {
	dir      string
	machine  [sha256.Size]byte // hash of plugin, processor, cores and flags
	capacity int64             // bytes in dir; the programs that were unused for longest go first
	worth    time.Duration     // what compiles faster is not kept
}

// newStore returns the programs in dir that the plugin in a file compiled for this machine.
func newStore(dir, plugin string, worth time.Duration) (*store, error) {
	plugin, err := filepath.EvalSymlinks(plugin)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(plugin)
	if err != nil {
		return nil, err
	}
	processor, err := processor()
	if err != nil {
		return nil, err
	}
	about := fmt.Sprintln(plugin, info.Size(), info.ModTime().UnixNano(), processor,
		runtime.NumCPU(), os.Getenv("XLA_FLAGS"))
	return &store{
		dir: dir, machine: sha256.Sum256([]byte(about)), capacity: capacity, worth: worth,
	}, nil
}

// processor returns the model and the instruction sets of this machine's processor.
func processor() (string, error) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan() && s.Text() != ""; {
		name, _, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(name) {
		case "vendor_id", "cpu family", "model", "model name", "stepping", "flags":
			lines = append(lines, s.Text())
		}
	}
	return strings.Join(lines, "\n"), nil
}

// path returns the file of a program, given by its parts: text, format and options.
func (s *store) path(parts ...[]byte) string {
	h := sha256.New()
	h.Write(s.machine[:])
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return filepath.Join(s.dir, hex.EncodeToString(h.Sum(nil)[:16])+suffix)
}

// read returns the program in a file and notes that it was used.
func (s *store) read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	sum, program := data[:sha256.Size], data[sha256.Size:]
	if want := sha256.Sum256(program); !bytes.Equal(sum, want[:]) {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return program, nil
}

// write keeps a program in a file and makes room for it.
func (s *store) write(path string, program []byte) error {
	sum := sha256.Sum256(program)
	if err := safefile.WriteFile(path, append(sum[:], program...)); err != nil {
		return err
	}
	return s.prune(path)
}

// prune removes the programs that were unused for longest, but not the one to keep, while all of
// them take more than the capacity.
func (s *store) prune(keep string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), suffix) {
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, f := range files {
		if total <= s.capacity {
			break
		}
		if f.Name() == filepath.Base(keep) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
		total -= f.Size()
	}
	return nil
}

// Dir returns where programs of the plugin in a file are kept: in the directory that $Variable
// names, or else in programs beside the project's directory of plugins, .tools/pjrt, or else in the
// user's cache directory; "" where none are kept.
func Dir(plugin string) string {
	if dir := os.Getenv(Variable); dir != "" {
		if dir == Off {
			return ""
		}
		return dir
	}
	if dir := filepath.Dir(plugin); filepath.Base(dir) == "pjrt" {
		return filepath.Join(filepath.Dir(dir), "programs")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "darkfield", "programs")
}
