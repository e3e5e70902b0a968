package backend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file, and the directories above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	versionFile = "proc/driver/nvidia/version"
	driver580   = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
	driver535   = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01 \n"
	driver470   = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.256.02 \n"
)

// withCUDA is a machine that has all that CUDA needs, below a directory.
func withCUDA(t *testing.T, number string) machine {
	t.Helper()
	dir := t.TempDir()
	site := filepath.Join(dir, "site-packages")
	plugin := filepath.Join(site, "jax_plugins", "xla_cuda"+number, "xla_cuda_plugin.so")
	write(t, plugin, "")
	for _, r := range releases {
		if r.number != number {
			continue
		}
		for _, library := range r.libraries {
			write(t, filepath.Join(site, "nvidia", library), "")
		}
		write(t, filepath.Join(site, "nvidia", r.tools, "nvvm", "libdevice", "libdevice.10.bc"), "")
	}
	write(t, filepath.Join(dir, versionFile), driver580)
	write(t, filepath.Join(dir, "dev", "nvidia0"), "")
	write(t, filepath.Join(dir, "dev", "nvidiactl"), "")
	write(t, filepath.Join(dir, "sys/bus/pci/devices/0000:01:00.0/vendor"), "0x10de\n")
	write(t, filepath.Join(dir, "sys/bus/pci/devices/0000:01:00.0/class"), "0x030200\n")
	pjrt := filepath.Join(dir, "pjrt")
	if err := os.Mkdir(pjrt, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(plugin, filepath.Join(pjrt, cudaPlugin)); err != nil {
		t.Fatal(err)
	}
	return machine{
		dir,
		[]string{pjrt},
		"2.36",
		func(string) (string, bool) { return "", false },
		func(string) error { return nil },
	}
}

// TestNoCUDA: every way to miss CUDA ends in one line that says which, and what to do.
func TestNoCUDA(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	noDriver := func(t *testing.T, m *machine) {
		remove(t, filepath.Join(m.root, "proc"))
		remove(t, filepath.Join(m.root, "dev"))
	}
	visible := func(value string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) {
			m.environ = func(string) (string, bool) { return value, true }
		}
	}
	cannot := func(name string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) {
			m.load = func(path string) error {
				if filepath.Base(path) == name {
					return errors.New(name + ": no such file")
				}
				return nil
			}
		}
	}
	for name, c := range map[string]struct {
		release string
		miss    func(t *testing.T, m *machine)
		want    []string // nothing: all is there
	}{
		"nothing, 13":         {"13", func(*testing.T, *machine) {}, nil},
		"nothing, 12":         {"12", func(*testing.T, *machine) {}, nil},
		"one of several GPUs": {"13", visible("1"), nil},
		"an old driver that is new enough": {"12", func(t *testing.T, m *machine) {
			write(t, filepath.Join(m.root, versionFile), driver535)
		}, nil},
		"the driver of Windows": {"13", func(t *testing.T, m *machine) {
			noDriver(t, m)
			write(t, filepath.Join(m.root, "dev", "dxg"), "")
		}, nil},
		"no plugin": {"13", func(t *testing.T, m *machine) {
			m.plugins = []string{t.TempDir()}
		}, []string{"no plugin", "make setup PJRT=cuda13"}},
		"plugin removed": {"13", func(t *testing.T, m *machine) {
			remove(t, filepath.Join(m.root, "site-packages"))
		}, []string{"leads to no file", "make setup"}},
		"unknown release": {"13", func(t *testing.T, m *machine) {
			from := filepath.Join(m.root, "site-packages", "jax_plugins")
			if err := os.Rename(filepath.Join(from, "xla_cuda13"), filepath.Join(from, "cuda")); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(m.root, "pjrt", cudaPlugin)
			remove(t, link)
			if err := os.Symlink(filepath.Join(from, "cuda", "xla_cuda_plugin.so"), link); err != nil {
				t.Fatal(err)
			}
		}, []string{"release of CUDA is not known"}},
		"old C library": {
			"13", func(_ *testing.T, m *machine) { m.glibc = "2.17" },
			[]string{"glibc 2.17", "2.27", "newer system"},
		},
		"no GPU": {"13", func(t *testing.T, m *machine) {
			noDriver(t, m)
			remove(t, filepath.Join(m.root, "sys"))
		}, []string{"no GPU of NVIDIA", "xla:cpu"}},
		"another vendor's GPU": {"13", func(t *testing.T, m *machine) {
			noDriver(t, m)
			write(t, filepath.Join(m.root, "sys/bus/pci/devices/0000:01:00.0/vendor"), "0x1002\n")
		}, []string{"no GPU of NVIDIA"}},
		"NVIDIA's network adapter": {"13", func(t *testing.T, m *machine) {
			noDriver(t, m)
			write(t, filepath.Join(m.root, "sys/bus/pci/devices/0000:01:00.0/class"), "0x020000\n")
		}, []string{"no GPU of NVIDIA"}},
		"no driver": {"13", noDriver, []string{"driver is not loaded", "580 or newer"}},
		"old driver": {"13", func(t *testing.T, m *machine) {
			write(t, filepath.Join(m.root, versionFile), driver535)
		}, []string{"driver 535.183.01 is too old for CUDA 13", "make setup PJRT=cuda12"}},
		"oldest driver": {"12", func(t *testing.T, m *machine) {
			write(t, filepath.Join(m.root, versionFile), driver470)
		}, []string{"driver 470.256.02 is too old for CUDA 12, which needs 525: update the driver"}},
		"driver without a version": {"13", func(t *testing.T, m *machine) {
			write(t, filepath.Join(m.root, versionFile), "")
		}, []string{"names no version"}},
		"container without its GPU": {"13", func(t *testing.T, m *machine) {
			remove(t, filepath.Join(m.root, "dev"))
		}, []string{"no GPU is given to this process", "--gpus"}},
		"all hidden":   {"13", visible(""), []string{"$CUDA_VISIBLE_DEVICES", "hides all GPUs"}},
		"hidden by -1": {"13", visible("-1"), []string{"$CUDA_VISIBLE_DEVICES", "hides all GPUs"}},
		"no library of the driver": {
			"13", cannot("libcuda.so.1"),
			[]string{"libcuda.so.1", "cannot be loaded", "no such file"},
		},
		"a library removed": {"13", func(t *testing.T, m *machine) {
			remove(t, filepath.Join(m.root, "site-packages/nvidia/cudnn/lib/libcudnn.so.9"))
		}, []string{"libcudnn.so.9 is missing", "make setup PJRT=cuda13"}},
		"a library without what it needs": {
			"12", cannot("libcusolver.so.11"),
			[]string{"libcusolver.so.11 cannot be loaded", "no such file", "make setup PJRT=cuda12"},
		},
		"no compiler": {"12", func(t *testing.T, m *machine) {
			remove(t, filepath.Join(m.root, "site-packages/nvidia/cuda_nvcc"))
		}, []string{"libdevice", "XLA compiles with", "make setup PJRT=cuda12"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := withCUDA(t, c.release)
			c.miss(t, &m)
			found, err := m.cuda(m.cudaPlugin())
			if c.want == nil {
				if err != nil || found.Release != c.release || strings.Contains(found.Plugin, "pjrt/") ||
					found.Driver == "" {
					t.Errorf("%+v, %v", found, err)
				}
				return
			}
			if !errors.Is(err, ErrNoCUDA) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line that wraps ErrNoCUDA", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			t.Log(err)
		})
	}
}

// TestCUDAByName: xla:cuda says what this machine lacks, and so does a plugin by its path.
func TestCUDAByName(t *testing.T) {
	if _, err := FindCUDA(); err == nil {
		t.Skip("this machine has CUDA")
	}
	for name, config := range map[string]string{
		"by name": cudaName, "with options": cudaName + ",preallocate=true",
		"by path": "xla:/nowhere/xla_cuda13/xla_cuda_plugin.so",
	} {
		t.Setenv("GOMLX_BACKEND", config)
		_, err := Open()
		if !errors.Is(err, ErrNoCUDA) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error = %v, want one line that wraps ErrNoCUDA", name, err)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2.9", "2.27", true},
		{"2.27", "2.27", false},
		{"2.36", "2.27", false},
		{"3.0", "2.27", false},
		{"", "2.27", false},
	} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("%q before %q: %v", c.a, c.b, got)
		}
	}
}

// TestCUDALibraries: the loader finds all that the plugin asks for in NVIDIA's packages beside it,
// on any machine where `make setup PJRT=cuda13` or cuda12 was run:
//
//	DARKFIELD_CUDA=/…/jax_plugins/xla_cuda13/xla_cuda_plugin.so go test ./pkg/backend -run Libraries
func TestCUDALibraries(t *testing.T) {
	m := thisMachine()
	plugin := os.Getenv("DARKFIELD_CUDA")
	if plugin == "" {
		plugin = m.cudaPlugin()
	}
	if plugin == "" {
		t.Skip("no CUDA plugin: `make setup PJRT=cuda13` installs one, in gigabytes")
	}
	// All is there but for the driver, which the test does not need.
	fake := withCUDA(t, "13")
	m.root = fake.root
	m.load = func(path string) error {
		if path == "libcuda.so.1" {
			return nil
		}
		return loadLibrary(path)
	}
	c, err := m.cuda(plugin)
	if err != nil {
		t.Fatal(err)
	}
	if err := loadLibrary(c.Plugin); err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	nvidia, err := filepath.EvalSymlinks(c.nvidia)
	if err != nil {
		t.Fatal(err)
	}
	own := "../jax_plugins/xla_cuda" + c.Release + "/xla_cuda_plugin.so"
	for _, library := range append(c.release.libraries, own) {
		if path := filepath.Join(nvidia, library); !strings.Contains(string(maps), path) {
			t.Errorf("%s is not in this process", path)
		}
	}
	// of each name there is one copy
	seen := map[string]string{}
	for line := range strings.Lines(string(maps)) {
		path := strings.TrimSpace(line[strings.LastIndex(line, " ")+1:])
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "libcu") && !strings.HasPrefix(name, "libn") {
			continue
		}
		if other, found := seen[name]; found && other != path {
			t.Errorf("%s and %s are both loaded", path, other)
		}
		seen[name] = path
	}
}

// TestTF32: a GPU multiplies in float32 unless TF32 is asked for, and what has no TF32 says so.
func TestTF32(t *testing.T) {
	for _, config := range []string{"", "xla:cpu", "go"} {
		t.Setenv("GOMLX_BACKEND", config)
		if _, err := OpenTF32(); err == nil || !strings.Contains(err.Error(), "has no TF32") ||
			!strings.Contains(err.Error(), "choose float32") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line that says what to choose", config, err)
		}
	}
	t.Setenv(tf32Flag, "")
	for _, c := range []struct {
		options string
		tf32    bool
		want    string
		libs    string
	}{
		{"", true, ",tf32=true", ""},
		{",preallocate=true", true, ",preallocate=true,tf32=true", ""},
		{",tf32=true", false, ",tf32=true", ""}, // the user's
		{"", false, ",tf32=false", "0"},
	} {
		got, err := multiplied(c.options, c.tf32)
		if err != nil || got != c.want || os.Getenv(tf32Flag) != c.libs {
			t.Errorf("%q, %t: %q, libraries %q, error %v", c.options, c.tf32, got, os.Getenv(tf32Flag), err)
		}
	}
	// after float32, which the libraries have been told
	if _, err := multiplied("", true); err == nil || !strings.Contains(err.Error(), tf32Flag) {
		t.Errorf("error %v, want one that names $%s", err, tf32Flag)
	}
	b, err := PureGo()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if TF32(b) {
		t.Error("the pure-Go backend has TF32")
	}
}
