package camels

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzTable: whatever is read is a table of finite numbers, and what is read of what it prints is
// the same.
func FuzzTable(f *testing.F) {
	f.Add("0.3 0.8\n# remark\n0.2 0.9\n")
	f.Add("0.3\t0.8 1e999\n")
	f.Add("#Name Omega_m sigma_8 seed\nLH_0 0.3 0.8 5\nLH_1 0.2 0.9 6\n")
	f.Add("1P_0 0.3 0.8 0x1p-2 7\r\n1P_1 0.3 0.8 +.5 7\r\n")
	f.Add("\xff\xfe0\x00.\x003\x00")
	f.Add("\ufeff# $\\sigma_8$, h; $\\Omega_{\\rm m}$\r\n8.0D-01,\"1\",.3 ! remark\r\n")
	f.Add("Om\ts8\rseed\n0.3\t0.8\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTable("table.txt", strings.NewReader(text))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		n := len(got.columns)
		if got.len() == 0 || n < 2 || len(got.values) != n*got.len() {
			t.Fatalf("accepted %d numbers as a table of %d columns", len(got.values), n)
		}
		if got.omegaM == got.sigma8 || got.columns[got.omegaM] != "Omega_m" ||
			got.columns[got.sigma8] != "sigma_8" || slices.Contains(got.sources[:], "") {
			t.Errorf("Ω_m in column %d and σ_8 in column %d of %q, of %q", got.omegaM, got.sigma8,
				got.columns, got.sources)
		}
		var b strings.Builder
		for i := range got.len() {
			for _, v := range got.row(i) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("row %d holds %g", i, v)
				}
			}
			fmt.Fprintln(&b, strings.Trim(fmt.Sprint(got.row(i)), "[]"))
		}
		again, err := parseTable("again.txt", strings.NewReader(b.String()))
		if err != nil || fmt.Sprint(again.values) != fmt.Sprint(got.values) {
			t.Errorf("%q is read as %v and printed as %q, which is read as %v (%v)", text, got.values,
				b.String(), again.values, err)
		}
		if fiducial, v := got.variations(); len(v) > 0 && len(fiducial) == 0 {
			t.Errorf("%d variations around no fiducial row", len(v))
		}
		got.report()
	})
}

// FuzzDescription: whatever is accepted is valid, or would be refused by Validate; nothing panics.
func FuzzDescription(f *testing.F) {
	f.Add("suite: Mine\nbox_side_mpc_h: 25\nperiodic: true\nunit: K\nlog_range: [1, 2]\n")
	f.Add("suite: &a [*a, *a]\n")
	f.Add("{suite: Mine, log_range: [.nan, .inf]}")
	f.Add("\ufeffsuite: Mine\r\nunit: |\r\n  K\r\n")
	f.Add("\xfe\xff\x00{\x00}")
	f.Fuzz(func(t *testing.T, text string) {
		var d Description
		if err := parse([]byte(text), &d); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
		_ = d.Validate()
	})
}

// FuzzNPY: a header that is accepted is that of maps that are all there, and the file is its own
// size.
func FuzzNPY(f *testing.F) {
	f.Add(append(npyHeader(15, 1, 1), make([]byte, 60)...))
	f.Add([]byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'}"))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Add(npyFile(1, `{"shape":(1L,2L,2L),"descr":"<f4","fortran_order":False}`, 4))
	f.Add(npyFile(3, "{'descr': [('Ω', '<f4')], 'fortran_order': True, 'shape': (1, 2, 2)}", 4))
	// one of every process, since making directories is slow
	path := filepath.Join(f.TempDir(), "maps.npy")
	f.Fuzz(func(t *testing.T, raw []byte) {
		put(t, path, raw)
		n, err := openNPY(path, 3)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		defer n.close()
		if n.offset+4*int64(n.items)*int64(n.cells)*int64(n.cells) != int64(len(raw)) {
			t.Fatalf("%d maps of %d² pixels after %d bytes are not %d bytes", n.items, n.cells,
				n.offset, len(raw))
		}
		values, err := n.read(0, n.items)
		if err != nil {
			t.Fatalf("the header was accepted, but the maps cannot be read: %v", err)
		}
		if !bytes.Equal(appendFloats(nil, values), raw[n.offset:]) {
			t.Error("the pixels are not those of the file")
		}
	})
}
