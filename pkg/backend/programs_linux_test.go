package backend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"darkfield/pkg/backend/programs"
)

// keepAll keeps all programs in a new directory; it skips the test where there is no plugin.
func keepAll(t *testing.T) (dir string) {
	t.Helper()
	plugin, ok := Plugin()
	if !ok {
		t.Skip("no XLA plugin: run make setup")
	}
	t.Setenv("GOMLX_BACKEND", "xla:cpu")
	t.Setenv(programs.Variable, programs.Off) // Open leaves what Keep sets
	dir = t.TempDir()
	if err := programs.Keep(dir, plugin, 0); err != nil {
		t.Fatal(err)
	}
	return dir
}

// evaluate compiles a program anew, as another process would, and runs it.
func evaluate(t *testing.T) []float32 {
	t.Helper()
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node {
		return graph.ReduceSum(graph.Sin(graph.Dot(x, graph.Transpose(x, 0, 1)).Product()), 1)
	})
	defer exec.Finalize()
	return exec.MustCall1([][]float32{{0.1, 0.2, 0.3}, {1.7, 2.3, 0.9}}).Value().([]float32)
}

// ran compares numbers of programs that a step compiled and loaded.
func ran(t *testing.T, step string, compiled, loaded int, do func()) {
	t.Helper()
	c0, l0 := programs.Counts()
	do()
	if c, l := programs.Counts(); c-c0 != compiled || l-l0 != loaded {
		t.Errorf("%s: compiled %d and loaded %d programs, want %d and %d", step, c-c0, l-l0, compiled,
			loaded)
	}
}

func TestLoadsWhatWasCompiled(t *testing.T) {
	dir := keepAll(t)
	var first []float32
	ran(t, "first", 1, 0, func() { first = evaluate(t) })
	ran(t, "second", 0, 1, func() {
		for i, v := range evaluate(t) {
			if v != first[i] { // to the bit
				t.Errorf("value %d: %v loaded, %v compiled", i, v, first[i])
			}
		}
	})
	t.Setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
	plugin, _ := Plugin()
	if err := programs.Keep(dir, plugin, 0); err != nil {
		t.Fatal(err)
	}
	ran(t, "other flags", 1, 0, func() { evaluate(t) })
}

func TestDamagedProgramIsCompiledAnew(t *testing.T) {
	dir := keepAll(t)
	first := evaluate(t)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v: want one", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{
		"empty": {}, "cut": whole[:len(whole)/2], "one bit": flipped,
	} {
		if err := os.WriteFile(files[0], content, 0o644); err != nil {
			t.Fatal(err)
		}
		ran(t, name, 1, 0, func() {
			if got := evaluate(t); got[0] != first[0] {
				t.Errorf("%s: %v, want %v", name, got, first)
			}
		})
		ran(t, name+", mended", 0, 1, func() { evaluate(t) })
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	keepAll(t)
	plugin, _ := Plugin()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := programs.Keep(filepath.Join(file, "below"), plugin, 0); err != nil {
		t.Fatal(err)
	}
	ran(t, "no directory", 1, 0, func() { evaluate(t) })
}

func TestNoPlugin(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := programs.Keep(t.TempDir(), exe+"-none", 0); err == nil {
		t.Error("no error for a plugin that is not there")
	}
}
