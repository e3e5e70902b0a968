package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers the pure-Go backend
	"github.com/gomlx/go-xla/compute/xla"

	_ "darkfield/pkg/backend/home" // before the binding is initialised
	"darkfield/pkg/backend/programs"
)

const (
	pluginPath = "PJRT_PLUGIN_LIBRARY_PATH" // searched first: a ":"-separated list of directories
	pluginDir  = ".tools/pjrt"              // where `make setup` puts the plugin, below the root
	autoFile   = "AUTO"                     // `make setup PJRT=auto`: GoMLX installs the plugin
	cpu        = "xla:cpu"

	// Loading a program takes some time, too.
	worthKeeping = 300 * time.Millisecond

	// The pure-Go backend can deadlock when operations that use several workers run concurrently.
	pureGo = "go:ops_sequential"
)

// ErrNoPlugin is the error for an XLA plugin that was not found.
var ErrNoPlugin = errors.New("no XLA plugin pjrt_c_api_cpu_plugin.so found")

// Open returns the backend that $GOMLX_BACKEND names (xla:cpu, xla:cuda, go), or xla:cpu. It
// multiplies float32 as float32, on a GPU too, unless $GOMLX_BACKEND has the option tf32. The CPU
// plugin is searched for in $PJRT_PLUGIN_LIBRARY_PATH or, if that is not set, in .tools/pjrt of the
// executable's and the working directory and of all directories above them; so is that for CUDA,
// and what is missing of CUDA is an error as FindCUDA has it. xla:PATH names another plugin.
func Open() (compute.Backend, error) { return open(chosen(), false) }

// OpenTF32 is Open for a GPU that rounds the factors of products of float32 to TF32. Other backends
// have no TF32, which is an error; so is one that Open has opened before in this process, because
// NVIDIA's libraries read once what they may do.
func OpenTF32() (compute.Backend, error) { return open(chosen(), true) }

// TF32 reports whether a backend rounds the factors of products of float32 to TF32.
func TF32(b compute.Backend) bool {
	x, ok := b.(*xla.Backend)
	return ok && x.DotGeneralUseTF32
}

// chosen returns the backend that the user has chosen.
func chosen() string {
	if config := os.Getenv(compute.ConfigEnvVar); config != "" {
		return config
	}
	return cpu
}

func open(config string, tf32 bool) (b compute.Backend, err error) {
	defer func() {
		if r := recover(); r != nil { // a broken plugin makes the binding panic
			b, err = nil, fmt.Errorf("backend: open %s: %v", config, r)
		}
	}()
	xla.EnableAutoInstall(auto())
	resolved, err := resolve(config, tf32)
	if err != nil {
		return nil, err
	}
	keepPrograms(resolved)
	b, err = compute.NewWithConfig(resolved)
	if err != nil {
		return nil, fmt.Errorf("backend: open %s (from $%s or the default): %s; known are xla:cpu, "+
			"xla:cuda and go", config, compute.ConfigEnvVar, firstLine(err))
	}
	return b, nil
}

// keepPrograms lets the plugin for the CPU keep what it compiles. Without that all works as well,
// later, so that a failure is none of Open.
func keepPrograms(resolved string) {
	plugin, _, _ := strings.Cut(strings.TrimPrefix(resolved, "xla:"), ",")
	if found, ok := Plugin(); !ok || found != plugin {
		return
	}
	if dir := programs.Dir(plugin); dir != "" {
		_ = programs.Keep(dir, plugin, worthKeeping)
	}
}

// PureGo returns the backend that needs no plugin.
func PureGo() (compute.Backend, error) {
	b, err := compute.NewWithConfig(pureGo)
	if err != nil {
		return nil, fmt.Errorf("backend: open %s: %s", pureGo, firstLine(err))
	}
	return b, nil
}

// resolve replaces xla:cpu and xla:cuda by the plugin's absolute path, since the binding reads its
// search path before Open can set it. A user's options are kept.
func resolve(config string, tf32 bool) (string, error) {
	if tf32 && !isCUDA(config) {
		return "", fmt.Errorf("backend: %s has no TF32, which only GPUs of NVIDIA have: choose float32, "+
			"or set %s=%s", config, compute.ConfigEnvVar, cudaName)
	}
	if config == "go" {
		return pureGo, nil
	}
	name, options, _ := strings.Cut(config, ",")
	if options != "" {
		options = "," + options
	}
	if isCUDA(config) {
		m := thisMachine()
		plugin := m.cudaPlugin()
		if path, named := strings.CutPrefix(name, "xla:/"); named {
			plugin = "/" + path
		} else if plugin == "" && auto() {
			options, err := multiplied(options, tf32)
			return name + options, err
		}
		c, err := m.cuda(plugin)
		if err == nil {
			err = c.prepare()
		}
		if err == nil {
			options, err = multiplied(options, tf32)
		}
		return "xla:" + c.Plugin + options, err
	}
	if name != cpu && name != "xla" || auto() {
		return config, nil
	}
	path, ok := Plugin()
	if !ok {
		return "", fmt.Errorf("backend: %w: run `make setup`, or name its directory in $%s, or use the "+
			"slow pure-Go backend with %s=go", ErrNoPlugin, pluginPath, compute.ConfigEnvVar)
	}
	return "xla:" + path + options, nil
}

// Plugin returns the absolute path of the XLA plugin for the CPU.
func Plugin() (path string, found bool) {
	for _, dir := range searchDirs() {
		path, err := filepath.Abs(filepath.Join(dir, "pjrt_c_api_cpu_plugin.so"))
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// auto reports whether GoMLX installs the plugin.
func auto() bool {
	for _, dir := range searchDirs() {
		if _, err := os.Stat(filepath.Join(dir, autoFile)); err == nil {
			return true
		}
	}
	return false
}

// searchDirs returns the directories in which the plugin is searched for, in order.
func searchDirs() []string {
	if list, set := os.LookupEnv(pluginPath); set {
		return filepath.SplitList(list)
	}
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			dirs = append(dirs, upwards(filepath.Dir(exe))...)
		}
	}
	if wd, err := os.Getwd(); err == nil {
		dirs = append(dirs, upwards(wd)...)
	}
	return dirs
}

// upwards returns the plugin directory of dir and of each directory above it.
func upwards(dir string) []string {
	var dirs []string
	for {
		dirs = append(dirs, filepath.Join(dir, pluginDir))
		parent := filepath.Dir(dir)
		if parent == dir {
			return dirs
		}
		dir = parent
	}
}

// firstLine drops the stack traces that the libraries' errors carry.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
