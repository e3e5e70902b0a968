package training

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/faults"
	"darkfield/pkg/plaintext"
)

// Settings that may differ in a resumed run: to a larger number, and to any.
const (
	mayGrow   = "training.steps"
	mayChange = "training.devices"
)

// equivalent returns the fields that differ in form but not in effect between the configuration of
// a run in the directory and c. Shares of all steps are compared by the steps that they give for
// the old run, which are already taken.
func (c Config) equivalent(old []byte, width int, data Data) []string {
	var was struct {
		Training Config `yaml:"training"`
	}
	if err := yaml.UnmarshalWithOptions(old, &was, yaml.UseJSONUnmarshaler()); err != nil ||
		was.Training.Batch != c.Batch || c.Batch < 1 {
		return nil // compare returns the error
	}
	var same []string
	now := c.course(was.Training.Steps, data.Train.Len)
	for name, step := range was.Training.course(was.Training.Steps, data.Train.Len) {
		if now[name] == step {
			same = append(same, name)
		}
	}
	if was.Training.MicroBatch >= c.Batch { // the former value for WholeBatch
		was.Training.MicroBatch = WholeBatch
	}
	if was.Training.Validate() == nil && was.Training.microBatches(width, data.Side) ==
		c.microBatches(width, data.Side) {
		same = append(same, "training.micro_batch")
	}
	return same
}

// compare returns an error that names the fields in which the run in the directory differs from the
// requested one, except those of but.
func (d directory) compare(old, now []byte, but ...string) error {
	was, err := fields(old)
	if err != nil {
		return fmt.Errorf("training: read %s: %s: restore it or use another directory", d.config(),
			faults.OneLine(err))
	}
	is, err := fields(now)
	if err != nil {
		return err
	}
	steps := was["training.steps"]
	for _, name := range but {
		delete(was, name)
		delete(is, name)
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			differ = append(differ, fmt.Sprintf("%s is %s there and %s now", name, short(was[name]),
				short(is[name])))
		}
	}
	const most = 4
	if extra := len(differ) - most; extra > 0 {
		differ = append(differ[:most], fmt.Sprintf("and %d more", extra))
	}
	if len(differ) > 0 {
		if strings.Contains(strings.Join(differ, ""), "%") {
			differ = append(differ, "a share in % is one of the "+steps+" steps there")
		}
		return fmt.Errorf("training: %s holds a run with another configuration (%s): use the same "+
			"configuration or another directory", d, strings.Join(differ, "; "))
	}
	return nil
}

// Parameters returns the settings of a run by their path, such as "training.batch".
func Parameters(dir string) (map[string]string, error) {
	text, err := os.ReadFile(directory(dir).config())
	if err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	return fields(text)
}

// fields returns the values of a YAML text by their path, such as "manifest.network.dim".
func fields(text []byte) (map[string]string, error) {
	var root map[string]any
	if err := yaml.Unmarshal(plaintext.Normalize(text), &root); err != nil {
		return nil, err
	}
	out := map[string]string{}
	flatten(out, "", root)
	return out, nil
}

func flatten(out map[string]string, path string, value any) {
	branch, ok := value.(map[string]any)
	if !ok {
		out[path] = fmt.Sprint(value)
		return
	}
	for name, v := range branch {
		flatten(out, strings.TrimPrefix(path+"."+name, "."), v)
	}
}

// short shortens long lists, such as a split.
func short(value string) string {
	switch {
	case value == "":
		return "missing"
	case len(value) > 40:
		return value[:40] + "…"
	}
	return value
}
