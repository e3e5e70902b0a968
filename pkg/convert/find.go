package convert

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"darkfield/pkg/unet"
)

// dictionary is a set of named tensors of a file, in the file's order.
type dictionary struct {
	path    string // keys that lead to it, e.g. "ema" or "state/model"; "" is the file itself
	names   []string
	tensors map[string]tensor
}

func (d *dictionary) add(name string, t tensor) {
	if d.tensors == nil {
		d.tensors = map[string]tensor{}
	}
	if _, ok := d.tensors[name]; !ok {
		d.names = append(d.names, name)
	}
	d.tensors[name] = t
}

// candidate is a network of the paper's kind within a dictionary.
type candidate struct {
	path   string // of its dictionary
	prefix string // of its names there
	names  []string
	of     map[string]tensor // under the network's own names
}

// where says where a network lies in its file.
func (n candidate) where() string {
	switch {
	case n.path == "" && n.prefix == "":
		return "the file itself"
	case n.prefix == "":
		return n.path
	}
	return strings.TrimPrefix(n.path+": "+n.prefix+"*", ": ")
}

// names returns all names of tensors that a network may have, and, by the name without dots, the
// name that it stands for: LitEma of CompVis' latent diffusion writes names without dots.
var names = sync.OnceValues(func() (dotted map[string]bool, undotted map[string]string) {
	c := unet.Default()
	c.Multipliers = nil
	for level := range unet.MostLevels {
		c.Multipliers = append(c.Multipliers, level+1) // all differ: every block has all of its tensors
	}
	dotted, undotted = map[string]bool{}, map[string]string{}
	for _, p := range c.Parameters() {
		dotted[p.Name], undotted[strings.ReplaceAll(p.Name, ".", "")] = true, p.Name
	}
	return dotted, undotted
})

// longestName is the longest name that is examined, in bytes; PyTorch's have about fifty.
const longestName = 512

// own splits a tensor's name into a prefix and the network's own name; "" where it has none.
func own(name string) (prefix, rest string) {
	dotted, undotted := names()
	if len(name) > longestName {
		return "", ""
	}
	for at := 0; ; {
		if dotted[name[at:]] {
			return name[:at], name[at:]
		}
		next := strings.IndexByte(name[at:], '.')
		if next < 0 {
			break
		}
		at += next + 1
	}
	dot := strings.LastIndexByte(name, '.') + 1
	for at := max(dot, len(name)-longestName/8); dot > 0 && at < len(name); at++ {
		if rest, ok := undotted[name[at:]]; ok {
			return name[:at], rest
		}
	}
	return "", ""
}

// buffers are what diffusion classes and averaging wrappers keep among their weights: tables of the
// variance schedule, weights of the loss and counters. None is part of the network.
var buffers = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(`betas alphas
		alphas_cumprod alphas_cumprod_prev alphas_cumprod_next alphas_bar alpha_bar
		sqrt_alphas sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod log_one_minus_alphas_cumprod
		sqrt_recip_alphas sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod sqrt_alphas_bar
		sqrt_one_minus_alphas_bar one_minus_alphas_bar
		posterior_variance posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2
		loss_weight p2_loss_weight lvlb_weights logvar snr gammas sigmas timesteps
		initted step n_averaged num_updates decay`) {
		out[name] = true
	}
	return out
}()

// last returns the part of a name after its last dot.
func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// networks returns the networks of a dictionary, and the names of tensors that belong to none. A
// prefix with few of a network's names belongs to something else.
func (d dictionary) networks() (found []candidate, rest []string) {
	count, most := map[string]int{}, 0
	for _, name := range d.names {
		if prefix, inner := own(name); inner != "" {
			count[prefix]++
			most = max(most, count[prefix])
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return 4*n < most })
	byLength := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return len(b) - len(a) })
	by := map[string]*candidate{}
	for _, name := range d.names {
		prefix, inner := own(name)
		if count[prefix] == 0 || inner == "" { // no name of a network's: perhaps a stranger within one
			at := slices.IndexFunc(byLength, func(p string) bool {
				return strings.HasPrefix(name, p) && (p == "" || strings.HasSuffix(p, "."))
			})
			if at < 0 || buffers[last(name)] {
				rest = append(rest, name)
				continue
			}
			prefix, inner = byLength[at], name[len(byLength[at]):]
		}
		n := by[prefix]
		if n == nil {
			n = &candidate{path: d.path, prefix: prefix, of: map[string]tensor{}}
			by[prefix] = n
		}
		n.names = append(n.names, inner)
		n.of[inner] = d.tensors[name]
	}
	for _, prefix := range slices.Sorted(maps.Keys(by)) {
		found = append(found, *by[prefix])
	}
	return found, rest
}

// Words that mark an average of weights, and the copy of the weights in training beside an average.
var (
	averageWords = strings.Fields("ema averaged average avg swa shadow")
	onlineWords  = strings.Fields("online")
)

func (n candidate) has(words []string) bool {
	parts := strings.FieldsFunc(strings.ToLower(n.path+"."+n.prefix),
		func(r rune) bool { return strings.ContainsRune("._/- ", r) })
	return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(words, p) })
}

// rank orders networks of one role: those under usual keys come first, copies last.
func (n candidate) rank() int {
	first, _, _ := strings.Cut(n.path, "/")
	at := slices.Index(usualKeys, first)
	if at < 0 {
		at = len(usualKeys)
	}
	if n.has(onlineWords) {
		at += 2 * len(usualKeys)
	}
	return at
}

// usualKeys are those under which training scripts save weights or their average.
var usualKeys = append([]string{""}, strings.Fields(`
	model_state_dict state_dict model_state model net network unet
	ema_state_dict ema_model_state_dict ema_model ema model_ema ema_state ema_weights`)...)

// choose finds the networks of all dictionaries and says which are the weights and their average.
func (s *source) choose() error {
	var raw, average []candidate
	for _, d := range s.dictionaries {
		found, rest := d.networks()
		for _, n := range found {
			if n.has(averageWords) && !n.has(onlineWords) {
				average = append(average, n)
			} else {
				raw = append(raw, n)
			}
		}
		for _, name := range rest {
			if len(found) == 0 {
				continue // optimiser states, metrics and the like: no wrapper of a network
			}
			if s.ignored = append(s.ignored, name); !buffers[last(name)] {
				s.strangers = append(s.strangers, strings.TrimPrefix(d.path+": "+name, ": "))
			}
		}
	}
	var err error
	if s.raw, err = s.first(raw); err != nil {
		return err
	}
	if s.average, err = s.first(average); err != nil {
		return err
	}
	if s.average == nil && s.raw != nil {
		s.average, err = s.shadow()
	}
	if s.raw == nil && s.average == nil {
		return s.nothing()
	}
	return err
}

// first returns the network that comes first, nil of none. Two at equally usual places that are not
// one and the same are an error; others are named as left out.
func (s *source) first(all []candidate) (*candidate, error) {
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.rank() - b.rank() })
	for _, n := range all[1:] {
		if n.same(all[0]) || n.has(onlineWords) {
			continue
		}
		if n.rank() == all[0].rank() {
			return nil, fmt.Errorf("holds more than one network, %s and %s: save one of them alone",
				short(all[0].where()), short(n.where()))
		}
		s.strangers = append(s.strangers, n.where())
	}
	return &all[0], nil
}

// same reports whether two networks share their tensors: a module under two names is saved twice.
func (n candidate) same(o candidate) bool {
	return maps.EqualFunc(n.of, o.of, func(a, b tensor) bool {
		return a.storage != nil && a.storage == b.storage && a.offset == b.offset
	})
}

// shadow returns the average that EMA classes keep as a list without names, in the order of the
// parameters; nil where there is none.
func (s *source) shadow() (*candidate, error) {
	for _, l := range s.lists {
		if !(candidate{path: l.path}).has(averageWords) {
			continue
		}
		n := candidate{path: l.path, names: s.raw.names, of: map[string]tensor{}}
		for i, name := range s.raw.names {
			if i < len(l.tensors) && slices.Equal(l.tensors[i].shape, s.raw.of[name].shape) {
				n.of[name] = l.tensors[i]
			}
		}
		if len(n.of) != len(s.raw.names) || len(l.tensors) != len(s.raw.names) {
			return nil, fmt.Errorf("holds averaged weights without names, %s, which are not those of the "+
				"network %s: save the averaged network's state_dict", short(l.path), short(s.raw.where()))
		}
		return &n, nil
	}
	return nil, nil
}

// nothing is the error for a file without a network of the paper's kind.
func (s *source) nothing() error {
	var found []string
	for _, d := range s.dictionaries {
		for _, name := range d.names {
			found = append(found, strings.TrimPrefix(d.path+": "+name, ": "))
		}
	}
	if len(found) == 0 && len(s.keys) == 0 {
		return errors.New("it holds no dictionary of tensors: " + remedy)
	}
	if len(found) == 0 {
		return fmt.Errorf("it holds no tensors by name under its keys (%s): %s", list(s.keys, mostNames),
			remedy)
	}
	return fmt.Errorf("none of its %d tensors has a name of the paper's network, such as "+
		"time_mlp.1.weight or downs.0.0.block1.proj.weight; they are %s: %s",
		len(found), list(found, mostNames), remedy)
}

// mostNames is how many names an error or a report lists.
const mostNames = 12

// List joins names of a Report for one line, at most a dozen of them.
func List(names []string) string { return list(names, mostNames) }

// list joins at most n names and counts the rest.
func list(names []string, n int) string {
	var out []string
	for _, name := range names[:min(n, len(names))] {
		out = append(out, short(name))
	}
	text := strings.Join(out, ", ")
	if more := len(names) - len(out); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// short makes a name of a file fit for one line.
func short(name string) string {
	const most = 80
	text := fmt.Sprintf("%+q", name[:min(len(name), most)])
	text = text[1 : len(text)-1]
	if len(name) > most {
		text += "…"
	}
	return text
}

// whole returns a number that is saved as an integer, a float or a tensor of one of either.
func whole(v any) (int, bool) {
	switch x := v.(type) {
	case int:
		return x, true
	case float64:
		if n := math.Round(x); math.Abs(x) < 1<<53 && n == x {
			return int(n), true
		}
	case tensor:
		if n, ok := size(x.shape); !ok || n != 1 || !x.readable() {
			return 0, false
		}
		if v, err := values[float64](x); err == nil && len(v) == 1 {
			return whole(v[0])
		}
	}
	return 0, false
}
