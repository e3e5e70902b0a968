package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReportsOfADayLieSideBySide(t *testing.T) {
	base := filepath.Join(t.TempDir(), "2026-11-26")
	for _, want := range []string{base, base + "-2", base + "-3"} {
		got := unused(base)
		if got != want {
			t.Fatalf("name %s, want %s", got, want)
		}
		if err := sampleReport().write(got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-dims", "16,64", "-pytorch", "bfloat16,float32"}, &bytes.Buffer{})
	if err != nil || !cmp.Equal(o.dims, []int{16, 64}) ||
		!cmp.Equal(o.ways, []string{plain, "bfloat16"}) {
		t.Errorf("dims %v, ways %v, error %v", o.dims, o.ways, err)
	}
	for _, args := range [][]string{
		{"-dims", "17"},
		{"-dims", ""},
		{"-repetitions", "0"},
		{"-minutes", "NaN"},
		{"-side", "60"},
		{"-batch", "0"},
		{"more"},
	} {
		if _, err := parse(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestMissingPyTorch(t *testing.T) {
	var said bytes.Buffer
	if status := run([]string{"-python", "/nowhere/python"}, &bytes.Buffer{}, &said); status != 1 ||
		strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "make bench") {
		t.Errorf("status %d, said %q, want one line that says what to do", status, said.String())
	}
}
