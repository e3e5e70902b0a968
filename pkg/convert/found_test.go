package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// linear returns T variances from low to high, as Ho et al. (2020) have them.
func linear(low, high float64, steps int) []float64 {
	out := make([]float64, steps)
	for i := range out {
		out[i] = low + (high-low)*float64(i)/float64(steps-1)
	}
	return out
}

// products returns ᾱ of variances.
func products(betas []float64) []float64 {
	out, p := make([]float64, len(betas)), 1.0
	for i, b := range betas {
		p *= 1 - b
		out[i] = p
	}
	return out
}

func paperBetas() []float64 {
	var out []float64
	for i := range diffusion.Paper().Steps() {
		out = append(out, diffusion.Paper().Beta(diffusion.Step(i+1)))
	}
	return out
}

// TestWrappers: the network is found in what training libraries wrap around it, its average is told
// from it, and buffers and counters are passed over.
func TestWrappers(t *testing.T) {
	c, raw := small(1)
	_, average := small(2)
	undotted := func(prefix string) dict {
		var out dict
		for _, e := range state(c, "", average) {
			out = append(out, pair{prefix + strings.ReplaceAll(e.key, ".", ""), e.value})
		}
		return append(out, pair{"model_ema.decay", row32([]float64{0.9999})},
			pair{"model_ema.num_updates", counter(77)})
	}
	ddpm := linear(1e-4, 0.02, 1000)
	tables := func(prefix string) dict {
		return dict{
			{prefix + "betas", row32(ddpm)},
			{prefix + "alphas_cumprod", row32(products(ddpm))},
			{prefix + "loss_weight", row32(make([]float64, 1000))},
		}
	}
	var list []any
	for _, e := range state(c, "", average) {
		list = append(list, e.value)
	}
	twice := dict{}
	for _, e := range state(c, "", raw) {
		a := e.value.(network.Array)
		twice = append(twice, pair{"net." + e.key, alias{&a}}, pair{
			"diffusion.model." + e.key,
			alias{&a},
		})
	}
	adam := dict{{"state", dict{{"0", dict{{"exp_avg", row32(make([]float64, 3))}}}}}, {
		"param_groups",
		[]any{dict{{"betas", []any{0.9, 0.999}}}},
	}}
	lucidrains := dict{
		{"step", 7000},
		{"model", append(tables(""), state(c, "model.", raw)...)},
		{"opt", adam},
		{"ema", slices.Concat(
			dict{{"initted", array64{"BoolStorage", nil, []byte{1}}}, {"step", counter(7000)}},
			tables("online_model."), state(c, "online_model.model.", raw),
			tables("ema_model."), state(c, "ema_model.model.", average),
		)},
	}
	of := func(key string, parts ...dict) dict { return dict{{key, slices.Concat(parts...)}} }
	both, one := []network.Weights{raw, average}, []network.Weights{raw, nil}
	for name, test := range map[string]struct {
		value any
		want  []network.Weights
		raw   string // where it is found
		ema   string
		step  int
	}{
		"bare": {state(c, "", raw), one, "the file itself", "", 0},
		"Lightning": {
			append(of("state_dict", state(c, "net.", raw)), pair{"epoch", 3}, pair{"global_step", 900},
				pair{"optimizer_states", []any{adam}}),
			one, "state_dict: net.*", "", 900,
		},
		"deep": {
			of("state_dict", state(c, "module._orig_mod.diffusion.unet.", raw)),
			one, "state_dict: module._orig_mod.diffusion.unet.*", "", 0,
		},
		"metrics beside": {
			of("state_dict", state(c, "net.", raw), dict{{"loss.scale", row32([]float64{1})}}),
			one, "state_dict: net.*", "", 0,
		},
		"LitEma": {
			append(of("state_dict", state(c, "model.", raw), undotted("model_ema.")),
				pair{"global_step", 900}),
			both, "state_dict: model.*", "state_dict: model_ema.*", 900,
		},
		"latent diffusion": {
			of("state_dict", state(c, "model.diffusion_model.", raw), undotted("model_ema.diffusion_model")),
			both, "state_dict: model.diffusion_model.*", "state_dict: model_ema.diffusion_model*", 0,
		},
		"lucidrains": {lucidrains, both, "model: model.*", "ema: ema_model.model.*", 7000},
		"EMA of lucidrains alone": {
			of("ema", state(c, "online_model.", raw), state(c, "ema_model.", average)),
			both, "ema: online_model.*", "ema: ema_model.*", 0,
		},
		"torch_ema": {
			append(of("model", state(c, "", raw)),
				pair{"ema", dict{{"decay", 0.99}, {"shadow_params", list}}},
				pair{"iteration", counter(12)}),
			both, "model", "ema/shadow_params", 12,
		},
		"swa": {
			append(of("net", state(c, "", raw)),
				of("swa_model", state(c, "module.", average), dict{{"n_averaged", counter(3)}})...),
			both, "net", "swa_model: module.*", 0,
		},
		"best beside": {
			append(of("best_net", state(c, "", average)), of("state_dict", state(c, "", raw))...),
			one, "state_dict", "", 0,
		},
		"one module, two names": {twice, one, "diffusion.model.*", "", 0},
		"list of states": {
			[]any{state(c, "module.", raw), adam, 3, 1200},
			one,
			"0: module.*", "", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := imported(t, write(t, "a.ckpt", saved(t, test.value)))
			same(t, "weights", checkpoint.Group(got.Tensors, checkpoint.Weights), test.want[0])
			if test.want[1] != nil {
				same(t, "average", checkpoint.Group(got.Tensors, checkpoint.EMA), test.want[1])
			} else if n := len(checkpoint.Group(got.Tensors, checkpoint.EMA)); n > 0 {
				t.Errorf("%d averaged tensors where there are none", n)
			}
			if r.Where[Raw] != test.raw || r.Where[EMA] != test.ema {
				t.Errorf("found at %v, want %s and %s", r.Where, test.raw, test.ema)
			}
			s, err := got.Manifest.Diffusion()
			if err != nil || s.Steps() != 1000 || got.Manifest.Step != test.step {
				t.Errorf("%d steps, optimiser step %d, error %v; want 1000 and %d",
					s.Steps(), got.Manifest.Step, err, test.step)
			}
			switch name {
			case "lucidrains":
				if got.Manifest.Schedule != diffusion.OwnName || r.Buffers != 3*3+2 {
					t.Errorf("schedule %q, %d buffers passed over", got.Manifest.Schedule, r.Buffers)
				}
			case "metrics beside":
				if !slices.Equal(r.NotUsed, []string{"state_dict: loss.scale"}) {
					t.Errorf("not used: %v", r.NotUsed)
				}
			case "best beside":
				if !slices.Equal(r.NotUsed, []string{"best_net"}) {
					t.Errorf("not used: %v", r.NotUsed)
				}
			}
		})
	}
	// An average alone is used as the weights, and is called what it is.
	r, got := imported(t, write(t, "a.pt", saved(t, dict{{"ema", state(c, "module.", average)}})))
	if same(t, "average", checkpoint.Averaged(got.Tensors), average); r.Weights != EMA {
		t.Errorf("weights %q, want %q", r.Weights, EMA)
	}
}

// TestNotOneNetwork: what cannot be told apart, or is no network of this kind, ends in one short
// line.
func TestNotOneNetwork(t *testing.T) {
	c, raw := small(1)
	_, other := small(2)
	var many dict
	for i := range 3000 {
		many = append(many, pair{
			fmt.Sprintf("encoder.layer.%d.attention.self.query.weight", i),
			row32([]float64{1}),
		})
	}
	long := state(c, "", raw)
	for i := range 500 {
		long = append(long, pair{
			fmt.Sprintf("time_mlp.%s.%d", strings.Repeat("x", 300), i),
			row32([]float64{1}),
		})
	}
	wide := unet.Default().WithDim(16)
	wide.Multipliers = []int{1, 2}
	mixed := wide.Init(1)
	for _, name := range []string{
		"time_mlp.1.weight", "downs.0.0.block1.proj.weight",
		"downs.1.0.block1.proj.weight",
	} {
		mixed[name] = raw[name]
	}
	var list []any
	for _, e := range state(c, "", other)[1:] {
		list = append(list, e.value)
	}
	for name, test := range map[string]struct {
		value any
		want  []string
	}{
		"two networks": {
			dict{{"state_dict", append(state(c, "a.", raw), state(c, "b.", other)...)}},
			[]string{"more than one network, state_dict: a.* and state_dict: b.*", "save one"},
		},
		"states in a list": {
			[]any{state(c, "module.", raw), state(c, "module.", other)},
			[]string{"more than one network, 0: module.* and 1: module.*"},
		},
		"two averages": {dict{{"state_dict", slices.Concat(state(c, "net.", raw), state(c, "ema.",
			raw), state(c, "net_ema.", other))}}, []string{"more than one network", "ema.*", "net_ema.*"}},
		"another network": {many, []string{
			"none of its 3000 tensors has a name of the paper's network",
			"and 2988 more", "state_dict",
		}},
		"strangers":        {long, []string{"unexpected (500): time_mlp.xxx", "and 494 more"}},
		"all shapes wrong": {state(wide, "", mixed), []string{"wrong shapes (", " more"}},
		"numbers alone": {dict{{"epoch", 3}, {"loss", 0.5}}, []string{"no tensors by name under " +
			"its keys (epoch, loss)"}},
		"a number": {3, []string{"no dictionary of tensors"}},
		"a foreign shadow": {
			dict{{"model", state(c, "", raw)}, {"ema", dict{{"shadow_params", list}}}},
			[]string{"averaged weights without names, ema/shadow_params", "state_dict"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := refused(t, write(t, "a.pt", saved(t, test.value)))
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("error = %s, want %q in it", got, want)
				}
			}
			if len(got) > 2000 {
				t.Errorf("an error of %d bytes: %.300s…", len(got), got)
			}
		})
	}
}

// TestSchedules: the variances in a file are those of its checkpoint, or the reason is given why
// not.
func TestSchedules(t *testing.T) {
	c, raw := small(1)
	own := linear(1e-4, 0.02, 2000)
	with := func(more ...pair) any {
		return append(dict{{"model_state_dict", state(c, "", raw)}},
			more...)
	}
	single := func(values []float64) []float64 {
		out := make([]float64, len(values))
		for i, v := range values {
			out[i] = float64(float32(v))
		}
		return out
	}
	var halves []byte
	for _, v := range paperBetas() {
		halves = binary.LittleEndian.AppendUint16(halves, uint16(math.Float32bits(float32(v))>>16))
	}
	var row []any
	for _, v := range own {
		row = append(row, v)
	}
	for name, test := range map[string]struct {
		value any
		betas []float64 // nil: the paper's
		step  int
	}{
		"2000 of float32": {
			with(pair{"betas", row32(own)}, pair{"itn", 200000}), single(own),
			200000,
		},
		"2000 of float64":      {with(pair{"betas", row64(own)}, pair{"itn", counter(7)}), own, 7},
		"in a list":            {with(pair{"betas", row}, pair{"iteration", 5.0}), own, 5},
		"in a configuration":   {with(pair{"diffusion", dict{{"betas", row}}}), own, 0},
		"the paper's":          {with(pair{"betas", row32(paperBetas())}), nil, 0},
		"the paper's, float64": {with(pair{"betas", row64(paperBetas())}), nil, 0},
		"the paper's, bfloat16": {
			with(pair{"betas", array64{"BFloat16Storage", []int{1000}, halves}}),
			nil, 0,
		},
		"ᾱ of the paper": {with(pair{"alphas_cumprod", row32(products(paperBetas()))}), nil, 0},
		"Adam's betas":   {with(pair{"betas", []any{0.9, 0.999}}), nil, 0},
		"a name and numbers": {with(pair{"schedule", "linear_beta_schedule"}, pair{
			"betas",
			row64(own),
		}), own, 0},
		"a schedule of rates": {with(pair{"schedule", "cosine"}), nil, 0},
		"1000 steps":          {with(pair{"timesteps", 1000}), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := imported(t, write(t, "a.pt", saved(t, test.value)))
			m := got.Manifest
			if !slices.Equal(m.Betas, test.betas) ||
				(m.Schedule == diffusion.OwnName) != (test.betas != nil) || m.Step != test.step {
				t.Errorf("schedule %q of %d variances, step %d, want %d and %d", m.Schedule, len(m.Betas),
					m.Step, len(test.betas), test.step)
			}
			if _, ok := test.value.(dict); test.betas != nil && (!ok || slices.ContainsFunc(r.Assumed,
				func(a string) bool { return strings.Contains(a, "schedule") })) {
				t.Errorf("assumed %v, though the file says it", r.Assumed)
			}
		})
	}
	almost := paperBetas()
	almost[500] *= 1.00001
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"two schedules": {with(pair{"betas", row32(own)}, pair{"buffers", dict{{
			"betas",
			row32(paperBetas()),
		}}}), "two variance schedules, betas and buffers: betas"},
		"against its own ᾱ": {with(pair{"betas", row32(own)}, pair{
			"alphas_cumprod",
			row32(products(paperBetas())),
		}), "not the product"},
		"ᾱ alone": {
			with(pair{"alphas_cumprod", row32(products(linear(1e-4, 0.02, 1000)))}),
			"save betas",
		},
		"above 1": {
			with(pair{"betas", row32([]float64{0.1, 0.2, 1.5, 0.1})}),
			"beta of step 3 = 1.5",
		},
		"not a number": {
			with(pair{"betas", row32([]float64{0.1, 0.2, math.NaN(), 0.1})}),
			"beta of step 3 = NaN",
		},
		"half precision": {with(pair{"betas", array64{
			"BFloat16Storage",
			[]int{1000},
			bytes.Repeat([]byte{0, 0x3c}, 1000),
		}}), "too few digits"},
		"a name alone": {
			with(pair{"beta_schedule", "cosine"}),
			"names a variance schedule (beta_schedule: cosine) without its numbers",
		},
		"two ends alone": {with(pair{"schedule_args", dict{{"beta_start", 1e-4}, {
			"beta_end",
			0.02,
		}}}), "beta_start: 0.0001"},
		"another number": {
			with(pair{"config", dict{{"timesteps", 4000}}}),
			"4000 steps (timesteps)",
		},
		"too many": {with(pair{"betas", network.Array{Shape: []int{70000}, Data: make([]float32,
			70000)}}), "70000 time steps"},
		"predicts the map": {with(pair{"objective", "pred_x0"}), "predicts pred_x0"},
		"heads that do not fit": {with(pair{"heads", 7}), "attention of 128 channels, which heads = 7 " +
			"does not divide"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, write(t, "a.pt", saved(t, test.value))); !strings.Contains(got, test.want) {
				t.Errorf("error = %s, want %q in it", got, test.want)
			}
		})
	}
	if _, got := imported(t, write(t, "a.pt", saved(t, with(pair{
		"betas",
		row64(almost),
	})))); got.Manifest.Schedule != diffusion.OwnName {
		t.Error("a variance off by 1e-5 of itself is taken for the paper's")
	}
	// --schedule paper stands for numbers that are not there, not against those that are.
	out := filepath.Join(t.TempDir(), "a.safetensors")
	if _, err := Import(write(t, "a.pt", saved(t, with(pair{"beta_schedule", "mine"}))), out,
		Options{Schedule: diffusion.PaperName}); err != nil {
		t.Error(err)
	}
	_, err := Import(write(t, "a.pt", saved(t, with(pair{"betas", row32(own)}))), out,
		Options{Schedule: diffusion.PaperName})
	if err == nil || !strings.Contains(err.Error(), "2000 steps, β from 0.0001 to 0.02, against "+
		"--schedule paper") {
		t.Errorf("error = %v, want the contradiction", err)
	}
}

// TestConditions: how many parameters a network is conditioned on is read from its shapes and kept.
func TestConditions(t *testing.T) {
	for _, thetas := range []int{1, 3, 6} {
		c := unet.Default().WithDim(8)
		c.Multipliers, c.ConditionDim = []int{1, 2}, thetas
		r, got := imported(t, write(t, "a.pt", saved(t, state(c, "", c.Init(1)))))
		if r.Network.ConditionDim != thetas || got.Manifest.Network.ConditionDim != thetas ||
			got.Manifest.Conditioned() == nil {
			t.Errorf("%d parameters came out as %d and %d", thetas, r.Network.ConditionDim,
				got.Manifest.Network.ConditionDim)
		}
	}
}

// TestFormOfTheNetwork: groups and heads, which shapes leave open, come from the flags or the file.
// The paper's are assumed where they fit, and said to be; otherwise the choices are named.
func TestFormOfTheNetwork(t *testing.T) {
	network := func(dim, groups, heads, width int) unet.Config {
		return unet.Config{
			Dim: dim, Multipliers: []int{1, 2}, Groups: groups, Heads: heads,
			HeadDim: width, ConditionDim: 2,
		}
	}
	file := func(c unet.Config, more ...pair) string {
		return write(t, "a.pt", saved(t, append(dict{{"model", state(c, "", c.Init(1))}}, more...)))
	}
	for name, test := range map[string]struct {
		in      string
		o       Options
		want    unet.Config
		assumed string
	}{
		"the paper's": {
			file(network(8, 8, 4, 32)),
			Options{},
			network(8, 8, 4, 32),
			"8 groups of channels; 4 attention heads of 32 channels",
		},
		"flags": {file(network(8, 4, 8, 16)), Options{Groups: 4, Heads: 8}, network(8, 4, 8,
			16), ""},
		"a configuration": {file(network(8, 4, 8, 16), pair{
			"model_kwargs",
			dict{{"resnet_block_groups", 4}, {"attn_heads", 8}, {
				"attn_dim_head",
				16,
			}},
		}), Options{}, network(8, 4, 8, 16), ""},
		"width of a head": {
			file(network(8, 8, 2, 64), pair{"config", dict{{"dim_head", 64}}}),
			Options{},
			network(8, 8, 2, 64), "8 groups of channels",
		},
		"a flag against file": {
			file(network(8, 8, 8, 16), pair{"heads", 4}),
			Options{Heads: 8},
			network(8, 8, 8, 16), "8 groups of channels",
		},
		"12 channels": {file(network(12, 6, 2, 8)), Options{Groups: 6, Heads: 2}, network(12, 6,
			2, 8), ""},
	} {
		out := filepath.Join(t.TempDir(), "a.safetensors")
		r, err := Import(test.in, out, test.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(r.Network, test.want) {
			t.Errorf("%s: network %+v, want %+v", name, r.Network, test.want)
		}
		if got := strings.Join(r.Assumed, "; "); !strings.HasPrefix(got, test.assumed) ||
			test.assumed == "" && strings.Contains(got, "channels") {
			t.Errorf("%s: assumed %q, want %q", name, got, test.assumed)
		}
	}
	for name, test := range map[string]struct {
		in   string
		o    Options
		want string
	}{
		"heads that are not the paper's": {
			file(network(8, 8, 4, 16)),
			Options{},
			"attention of 64 channels, which may be 1 × 64, 2 × 32, 4 × 16, 8 × 8, 16 × 4, 32 × 2 or 64 " +
				"× 1 heads: state --heads",
		},
		"groups that are not the paper's": {
			file(network(12, 6, 4, 32)),
			Options{},
			"12 channels, which may be in 1, 2, 3, 4, 6 or 12 groups: state --groups",
		},
		"flags that do not fit": {
			file(network(8, 8, 4, 32)),
			Options{Groups: 3},
			"--groups = 3 does not divide: want 1, 2, 4 or 8 groups",
		},
		"heads that do not fit": {
			file(network(8, 8, 4, 32)),
			Options{Heads: 5},
			"--heads = 5 does not divide",
		},
	} {
		_, err := Import(test.in, filepath.Join(t.TempDir(), "a.safetensors"), test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error = %v, want %q", name, err, test.want)
		}
	}
}

// TestNothingIsLost: a checkpoint that differs from the paper in all that shapes leave open comes
// back from an exported file as it was, to the bit, and from one without metadata by flags.
func TestNothingIsLost(t *testing.T) {
	c := unet.Config{
		Dim: 12, Multipliers: []int{1, 2, 3}, Groups: 6, Heads: 3, HeadDim: 8,
		ConditionDim: 2,
	}
	w := c.Init(1)
	copy(w["final_conv.1.weight"].Data, []float32{
		float32(math.Copysign(0, -1)),
		math.SmallestNonzeroFloat32, math.MaxFloat32, -1e-40,
	})
	m := checkpoint.Manifest{
		Version: checkpoint.Version, Network: c, Schedule: diffusion.OwnName, Betas: linear(1e-4, 0.03,
			300), Prediction: diffusion.PredictV, Step: 77, LogTheta: true, Seed: 5,
		Origin: "abc", Training: json.RawMessage(`{"batch":4}`), Sampling: json.RawMessage(`{"steps":9}`),
		Data: checkpoint.Data{
			Suite: "FastPM", Field: "Mgas", Set: "LH", Unit: "u", Offset: 1, Side: 16,
			BoxSide: 50, Periodic: true, Split: checkpoint.Split{
				Train: []int{0, 2}, Validation: []int{1},
				Test: []int{3},
			},
		},
	}
	m.Scaling.Min, m.Scaling.Max = 0, 1.0/3
	m.Prior.Min.OmegaM, m.Prior.Min.Sigma8, m.Prior.Max.OmegaM, m.Prior.Max.Sigma8 = 0.2, 0.7, 0.4, 0.9
	dir := t.TempDir()
	first, exported, again := filepath.Join(dir, "first.safetensors"), filepath.Join(dir,
		"exported.safetensors"), filepath.Join(dir, "again.safetensors")
	if err := checkpoint.Save(first, m, w); err != nil {
		t.Fatal(err)
	}
	if _, err := Export(first, exported, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Load(exported); err == nil {
		t.Error("a file of weights is taken for a checkpoint")
	}
	r, err := Import(exported, again, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Assumed) > 0 {
		t.Errorf("assumed %v, though the file says all", r.Assumed)
	}
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(again)
	if !bytes.Equal(a, b) {
		t.Error("the checkpoint that came back has other bytes")
	}

	// Flags of data go before the file, flags of the network may not contradict it.
	low, yes, no := -1.0, true, false
	if _, err := Import(exported, again, Options{
		Suite: "SIMBA", LogMin: &low, LogTheta: &yes,
		Prediction: diffusion.PredictV, Groups: 6, Heads: 3,
	}); err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.Load(again)
	if err != nil {
		t.Fatal(err)
	}
	if d := got.Manifest; d.Data.Suite != "SIMBA" || d.Scaling.Min != -1 || d.Scaling.Max != 1.0/3 ||
		d.Data.BoxSide != 50 {
		t.Errorf("data came out as %+v, %+v", d.Data, d.Scaling)
	}
	for want, o := range map[string]Options{
		"against --prediction epsilon": {Prediction: diffusion.PredictEpsilon},
		"against --log-theta=false":    {LogTheta: &no},
		"against --groups":             {Groups: 4},
		"--heads":                      {Heads: 6},
		"against --schedule paper":     {Schedule: diffusion.PaperName},
	} {
		if _, err := Import(exported, again, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q", err, want)
		}
	}

	// The same tensors by a program that drops the metadata: .pt, and .npz without even an order.
	high := 1.0 / 3
	zero := 0.0
	flags := Options{
		Suite: "FastPM", Set: "LH", Unit: "u", Side: 16, BoxSide: 50, LogMin: &zero, LogMax: &high,
		Validation: []int{1},
		Prediction: diffusion.PredictV, LogTheta: &yes, Groups: 6, Heads: 3,
	}
	for name, raw := range map[string][]byte{
		"a.pt":  saved(t, dict{{"state_dict", state(c, "", w)}, {"betas", row64(m.Betas)}, {"step", 77}}),
		"a.npz": npz(t, w, m.Betas, 77),
	} {
		if _, err := Import(write(t, name, raw), again, flags); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := checkpoint.Load(again)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, checkpoint.Group(got.Tensors, checkpoint.Weights), w)
		g := got.Manifest
		if g.Prediction != m.Prediction || g.LogTheta != m.LogTheta || g.Scaling != m.Scaling ||
			g.Step != 77 || !reflect.DeepEqual(g.Network, c) || !slices.Equal(g.Betas, m.Betas) {
			t.Errorf("%s: manifest came back as %+v", name, g)
		}
	}
}

// npz is what numpy.savez writes of weights, a schedule and a step.
func npz(t *testing.T, w network.Weights, betas []float64, step int) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put := func(name, kind string, shape []int, raw []byte) {
		// as other writers quote it
		header := fmt.Sprintf("{\"descr\": \"%s\", \"fortran_order\": False, \"shape\": (", kind)
		for _, d := range shape {
			header += fmt.Sprintf("%dL, ", d)
		}
		header += ")}\n"
		f, err := z.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil,
			uint16(len(header)))) + header))
		f.Write(raw)
	}
	for name, a := range w {
		put(name, "<f4", a.Shape, floats(a.Data))
	}
	put("betas", "<f8", []int{len(betas)}, row64(betas).values)
	put("step", "<i8", nil, counter(step).values)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestPretrained: the shipped weights predict v from logarithms, and keep both.
func TestPretrained(t *testing.T) {
	in := filepath.Join("..", "..", "data", "pretrained", "fastpm-64.safetensors")
	before, err := checkpoint.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	if before.Manifest.Prediction != diffusion.PredictV || !before.Manifest.LogTheta {
		t.Skip("the shipped weights are of another kind")
	}
	dir := t.TempDir()
	exported, again := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.safetensors")
	if _, err := Export(in, exported, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(exported, again, Options{}); err != nil {
		t.Fatal(err)
	}
	after, err := checkpoint.Load(again)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "shipped", checkpoint.Averaged(after.Tensors), checkpoint.Averaged(before.Tensors))
	if !reflect.DeepEqual(after.Manifest, before.Manifest) {
		t.Errorf("manifest came back as %+v, want %+v", after.Manifest, before.Manifest)
	}
}

// TestUndottedNames: no two names of a network are one without their dots.
func TestUndottedNames(t *testing.T) {
	dotted, undotted := names()
	if len(dotted) < 294 || len(dotted) != len(undotted) {
		t.Errorf("%d names, %d without dots", len(dotted), len(undotted))
	}
	for name := range dotted {
		if len(name) > longestName/8 {
			t.Errorf("%s is longer than is looked for", name)
		}
	}
}
