package backend

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	cudaPlugin = "pjrt_c_api_cuda_plugin.so" // a link, below the plugin directory
	cudaName   = "xla:cuda"
	xlaFlags   = "XLA_FLAGS"
	dataFlag   = "--xla_gpu_cuda_data_dir="
	hidden     = "CUDA_VISIBLE_DEVICES"
	tf32Flag   = "NVIDIA_TF32_OVERRIDE" // 0: NVIDIA's libraries never use TF32
	oldestGNU  = "2.27"                 // C library that the plugin and NVIDIA's libraries need
)

// ErrNoCUDA is the error for a machine on which nothing can be computed with CUDA.
var ErrNoCUDA = errors.New("no CUDA")

// release is what a release of CUDA has in NVIDIA's Python packages, below the directory nvidia.
type release struct {
	number string
	driver int    // oldest major version of the kernel module
	tools  string // directory of ptxas and libdevice, which XLA compiles with
	// In the order in which they are loaded: the plugin and the later ones ask for them by name, and
	// get those that are there already.
	libraries []string
}

var releases = []release{
	{"13", 580, "cu13", []string{
		"cu13/lib/libcudart.so.13", "cu13/lib/libnvrtc.so.13", "cu13/lib/libnvJitLink.so.13",
		"cu13/lib/libcublasLt.so.13", "cu13/lib/libcublas.so.13", "nccl/lib/libnccl.so.2",
		"cu13/lib/libcupti.so.13", "cu13/lib/libcusparse.so.12", "cu13/lib/libcusolver.so.12",
		"cu13/lib/libcufft.so.12", "nvshmem/lib/libnvshmem_host.so.3", "cudnn/lib/libcudnn.so.9",
	}},
	{"12", 525, "cuda_nvcc", []string{
		"cuda_runtime/lib/libcudart.so.12", "cuda_nvrtc/lib/libnvrtc.so.12",
		"nvjitlink/lib/libnvJitLink.so.12", "cublas/lib/libcublasLt.so.12",
		"cublas/lib/libcublas.so.12", "nccl/lib/libnccl.so.2", "cuda_cupti/lib/libcupti.so.12",
		"cusparse/lib/libcusparse.so.12", "cusolver/lib/libcusolver.so.11", "cufft/lib/libcufft.so.11",
		"nvshmem/lib/libnvshmem_host.so.3", "cudnn/lib/libcudnn.so.9",
	}},
}

// CUDA is what was found of CUDA on a machine.
type CUDA struct {
	Plugin  string `json:"plugin"`  // its real path
	Release string `json:"release"` // of CUDA that it is built for: 12 or 13
	Driver  string `json:"driver"`  // version of the kernel module
	release release
	nvidia  string // directory of NVIDIA's libraries
}

// machine is where CUDA is looked for: tests have others than this one.
type machine struct {
	root    string // of /proc, /sys and /dev: "" here
	plugins []string
	glibc   string
	environ func(string) (string, bool)
	load    func(library string) error // into this process
}

func thisMachine() machine {
	return machine{"", searchDirs(), glibcVersion(), os.LookupEnv, loadLibrary}
}

// FindCUDA looks for all that xla:cuda needs: the plugin that `make setup PJRT=cuda13` (or cuda12)
// installs, its libraries, the driver and a GPU. It loads the libraries, as the plugin would, which
// takes a second. The error wraps ErrNoCUDA and says in one line what is missing and what to do;
// what was found until then is returned with it.
func FindCUDA() (CUDA, error) {
	m := thisMachine()
	return m.cuda(m.cudaPlugin())
}

// cudaPlugin returns the path at which the CUDA plugin should be: of the first directory that has
// it; "" if there is none.
func (m machine) cudaPlugin() string {
	for _, dir := range m.plugins {
		path, err := filepath.Abs(filepath.Join(dir, cudaPlugin))
		if err != nil {
			continue
		}
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// cuda finds out whether the plugin at a path can compute on this machine.
func (m machine) cuda(path string) (c CUDA, err error) {
	fail := func(format string, args ...any) (CUDA, error) {
		return c, noCUDA(format, args...)
	}
	if !m.hasGPU() {
		return fail("this machine has no GPU of NVIDIA: use GOMLX_BACKEND=xla:cpu, or run on a machine " +
			"with one")
	}
	if path == "" {
		return fail("no plugin %s in .tools/pjrt: run `make setup PJRT=cuda13`, or PJRT=cuda12 for a "+
			"driver older than %d, or name the plugin of a JAX installation: "+
			"GOMLX_BACKEND=xla:/…/jax_plugins/xla_cuda13/xla_cuda_plugin.so", cudaPlugin,
			releases[0].driver)
	}
	// The plugin and the binding search relative to the path they are told.
	if c.Plugin, err = filepath.EvalSymlinks(path); err != nil {
		return fail("%s leads to no file: run `make setup` with PJRT=cuda13 or cuda12 again", path)
	}
	at := slices.IndexFunc(releases, func(r release) bool {
		return strings.Contains(filepath.Base(filepath.Dir(c.Plugin)), "cuda"+r.number)
	})
	if at < 0 {
		return fail("%s does not lie in a directory xla_cuda12 or xla_cuda13, as JAX has it, so that "+
			"its release of CUDA is not known: run `make setup PJRT=cuda13`", c.Plugin)
	}
	c.release = releases[at]
	c.Release = c.release.number
	again := "run `make setup PJRT=cuda" + c.Release + "` again"
	if older(m.glibc, oldestGNU) {
		return fail("the C library is glibc %s, the plugin needs %s: use a newer system, or a container",
			m.glibc, oldestGNU)
	}
	// …/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so beside …/site-packages/nvidia
	c.nvidia = filepath.Join(filepath.Dir(c.Plugin), "..", "..", "nvidia")
	if err := m.driver(&c); err != nil {
		return c, err
	}
	for _, library := range c.release.libraries {
		path := filepath.Join(c.nvidia, filepath.FromSlash(library))
		if _, err := os.Stat(path); err != nil {
			return fail("%s is missing: %s", path, again)
		}
		if err := m.load(path); err != nil {
			return fail("%s cannot be loaded: %w: %s", path, err, again)
		}
	}
	if _, err := os.Stat(filepath.Join(c.nvidia, c.release.tools, "nvvm", "libdevice")); err != nil {
		return fail("%s, which XLA compiles with, is missing: %s",
			filepath.Join(c.nvidia, c.release.tools, "nvvm", "libdevice"), again)
	}
	return c, nil
}

const (
	windows       = "/dev/dxg" // of WSL, whose driver is that of Windows
	kernelVersion = "/proc/driver/nvidia/version"
)

// kernelModule is in kernelVersion.
var kernelModule = regexp.MustCompile(`Kernel Module(?: for x86_64)?\s+(\d+)[.\d]*`)

// driver finds the GPU and its driver, from the hardware up.
func (m machine) driver(c *CUDA) error {
	if m.exists(windows) {
		c.Driver = "of Windows"
		return m.driverLibrary()
	}
	text, err := os.ReadFile(m.root + kernelVersion)
	if err != nil {
		return noCUDA("there is a GPU of NVIDIA, but its driver is not loaded: install NVIDIA's "+
			"driver %d or newer, and restart", c.release.driver)
	}
	found := kernelModule.FindSubmatch(text)
	if found == nil {
		return noCUDA("%s names no version of the driver", m.root+kernelVersion)
	}
	words := strings.Fields(string(found[0]))
	c.Driver = words[len(words)-1]
	if major, _ := strconv.Atoi(string(found[1])); major < c.release.driver {
		remedy := ""
		if oldest := releases[len(releases)-1]; c.Release != oldest.number && major >= oldest.driver {
			remedy = ", or run `make setup PJRT=cuda" + oldest.number + "`"
		}
		return noCUDA("driver %s is too old for CUDA %s, which needs %d: update the driver%s", c.Driver,
			c.Release, c.release.driver, remedy)
	}
	if devices, _ := filepath.Glob(m.root + "/dev/nvidia[0-9]*"); len(devices) == 0 {
		return noCUDA("the driver is loaded, but no GPU is given to this process (/dev/nvidia0): in a " +
			"container, start it with its GPUs (podman --device nvidia.com/gpu=all, docker --gpus all); " +
			"in a job, ask for one (--gpus 1)")
	}
	if visible, set := m.environ(hidden); set && (visible == "" || strings.HasPrefix(visible, "-")) {
		return noCUDA("$%s is %q, which hides all GPUs: unset it, or name one", hidden, visible)
	}
	return m.driverLibrary()
}

// driverLibrary loads what the plugin talks to the driver with.
func (m machine) driverLibrary() error {
	if err := m.load("libcuda.so.1"); err != nil {
		return noCUDA("libcuda.so.1, the driver's library, cannot be loaded: %w: install it with the "+
			"driver (Debian: libcuda1), or start the container with NVIDIA's toolkit", err)
	}
	return nil
}

// noCUDA returns an error that wraps ErrNoCUDA.
func noCUDA(format string, args ...any) error {
	return fmt.Errorf("backend: %w: "+format, append([]any{ErrNoCUDA}, args...)...)
}

func (m machine) exists(path string) bool {
	_, err := os.Stat(m.root + path)
	return err == nil
}

// hasGPU reports whether there is a driver of NVIDIA's, or a display or 3-D controller of NVIDIA on
// the PCI bus.
func (m machine) hasGPU() bool {
	if m.exists(windows) || m.exists(kernelVersion) {
		return true
	}
	devices, _ := filepath.Glob(m.root + "/sys/bus/pci/devices/*")
	for _, device := range devices {
		vendor, _ := os.ReadFile(filepath.Join(device, "vendor"))
		class, _ := os.ReadFile(filepath.Join(device, "class"))
		if strings.TrimSpace(string(vendor)) == "0x10de" && strings.HasPrefix(string(class), "0x03") {
			return true
		}
	}
	return false
}

// older reports whether version a comes before b, both such as 2.27. An unknown version is not.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		p, err := strconv.Atoi(x[i])
		q, _ := strconv.Atoi(y[i])
		if err != nil {
			return false
		}
		if c := cmp.Compare(p, q); c != 0 {
			return c < 0
		}
	}
	return false
}

// isCUDA reports whether a backend is CUDA, by its name or the path of its plugin.
func isCUDA(config string) bool {
	name, _, _ := strings.Cut(config, ",")
	path, named := strings.CutPrefix(name, "xla:/")
	return name == cudaName || named && strings.Contains(filepath.Base(path), "cuda")
}

// multiplied returns a backend's options with the one that says how it multiplies float32. The
// option holds for matrix products; the binding lets convolutions use TF32 always, which only
// NVIDIA's libraries can be kept from, for the whole process. A user's own option is kept.
func multiplied(options string, tf32 bool) (string, error) {
	if strings.Contains(options, "tf32") {
		return options, nil
	}
	if tf32 && os.Getenv(tf32Flag) == "0" {
		return "", fmt.Errorf("backend: $%s is 0, in the environment or because float32 was asked for "+
			"before in this process: train with TF32 in a process of its own, without it", tf32Flag)
	}
	if !tf32 {
		if err := os.Setenv(tf32Flag, "0"); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s,tf32=%t", options, tf32), nil
}

// prepare tells XLA where its compiler is, and the binding not to look for the libraries, which it
// does in a place where they are not.
func (c CUDA) prepare() error {
	flags := os.Getenv(xlaFlags)
	if !strings.Contains(flags, dataFlag) {
		flags = strings.TrimSpace(flags + " " + dataFlag + filepath.Join(c.nvidia, c.release.tools))
	}
	return errors.Join(os.Setenv(xlaFlags, flags), os.Setenv("GOPJRT_CUDA_CHECKS", "0"))
}

// Open opens the GPUs and closes them again. It returns how many there are.
func (c CUDA) Open() (devices int, err error) {
	b, err := open("xla:"+c.Plugin, false)
	if err != nil {
		return 0, err
	}
	defer b.Finalize()
	return b.NumDevices(), nil
}

// Packages returns the versions of the plugin and of NVIDIA's libraries, by name: those of the
// Python packages that they came in. Libraries that came otherwise have none.
func (c CUDA) Packages() map[string]string {
	out := map[string]string{}
	site := filepath.Join(c.nvidia, "..")
	for _, pattern := range []string{"jax_cuda*_pjrt-*.dist-info", "nvidia_*.dist-info"} {
		found, _ := filepath.Glob(filepath.Join(site, pattern))
		for _, path := range found {
			name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".dist-info"), "-")
			out[strings.ReplaceAll(name, "_", "-")] = version
		}
	}
	return out
}
