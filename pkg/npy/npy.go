// Package npy reads the headers of NumPy's .npy files, as NumPy and other programs write them. It
// does not read the numbers.
//
// A file starts with a magic number, the version of the format and the length of the header. The
// header is a Python dictionary of three keys: descr (the type of a number), fortran_order and
// shape. The numbers follow, and nothing else. Versions 1, 2 and 3 differ in the width of the
// length (two or four bytes) and in the encoding of the dictionary (Latin-1, in version 3 UTF-8).
// As in NumPy, keys may stand in any order, with either kind of quotes, any blanks and a comma at
// the end or none; the lengths of an array may have the suffix L of Python 2; and the padding and
// the line feed at the end may be missing.
//
// Source: NumPy's documentation of numpy.lib.format, and NEP 1.
package npy

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Header says what the numbers of a file are and where they start.
type Header struct {
	Type    string // of a number, such as "<f4"; of a record, its description as in the file
	Fortran bool   // the first index changes fastest
	Shape   []int  // empty: a single number
	Length  int64  // of everything before the numbers, in bytes
}

// ErrMagic is the error of a file that does not start as a .npy file does.
var ErrMagic = errors.New("is not a .npy file")

const (
	magic = "\x93NUMPY"

	// longestHeader is far more than the header of an array needs, in bytes; NumPy itself reads 10000.
	longestHeader = 1 << 16
)

// ReadHeader reads the header of a file of the given size in bytes and leaves r at the first
// number. Errors are predicates without a subject, such as "is truncated: …". Allocations are
// bounded by a small multiple of the size.
func ReadHeader(r io.Reader, size int64) (Header, error) {
	start := make([]byte, len(magic)+6)
	n, err := io.ReadFull(r, start[:8])
	if !strings.HasPrefix(string(start[:n]), magic) {
		if err != nil && !short(err) {
			return Header{}, err
		}
		return Header{}, ErrMagic
	}
	width := 4 // of the length
	switch version := start[6:8]; {
	case n < 8:
	case version[1] != 0 || version[0] < 1 || version[0] > 3:
		return Header{}, fmt.Errorf("is of version %d.%d of the format, want 1.0, 2.0 or 3.0: "+
			"write it again with numpy.save", version[0], version[1])
	case version[0] == 1:
		width = 2
	}
	if err == nil {
		_, err = io.ReadFull(r, start[8:8+width])
	}
	if short(err) {
		return Header{}, fmt.Errorf("is truncated: it ends after %d bytes, inside its first %d; "+
			"copy it again", size, 8+width)
	} else if err != nil {
		return Header{}, err
	}
	length := int64(binary.LittleEndian.Uint32(start[8:])) // the rest is still 0 in version 1
	h := Header{Length: int64(8+width) + length}
	switch {
	case length > longestHeader:
		return Header{}, fmt.Errorf("announces a header of %d bytes at byte 8, want at most %d: "+
			"it is damaged; copy it again", length, longestHeader)
	case h.Length > size:
		return Header{}, fmt.Errorf("is truncated: its header needs %d bytes, %d bytes are there; "+
			"copy it again", h.Length, size)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, fmt.Errorf("cannot be read: %w; copy it again", err)
	}
	err = h.parse(string(text))
	if err == nil && start[6] == 3 && !utf8.Valid(text) {
		err = errors.New("is no UTF-8, as version 3 has it")
	}
	if err != nil {
		return Header{}, fmt.Errorf("has a header that is damaged: %.80q %w; copy it again, or save it "+
			"again with numpy.save", text, err)
	}
	return h, nil
}

func short(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// CheckData returns an error unless have is the number of bytes of the numbers, each of width
// bytes.
func (h Header) CheckData(width int, have int64) error {
	want := int64(width)
	if slices.Contains(h.Shape, 0) {
		want = 0
	}
	for _, n := range h.Shape {
		if want > 0 && int64(n) > math.MaxInt64/want {
			return fmt.Errorf("has a header that announces %v numbers of %s, more than a file can "+
				"hold: it is damaged; copy it again", h.Shape, h.Type)
		}
		want *= int64(n)
	}
	switch {
	case have < want:
		return fmt.Errorf("is truncated: its header announces %d bytes of data (%v numbers of %s), "+
			"%d bytes are there; copy it again", want, h.Shape, h.Type, have)
	case have > want:
		return fmt.Errorf("goes on after its array: its header announces %d bytes of data "+
			"(%v numbers of %s), %d bytes are there; if it holds several arrays, save each to a "+
			"file of its own", want, h.Shape, h.Type, have)
	}
	return nil
}

// The items of a header. Records have a list for their type.
var (
	descr   = regexp.MustCompile(key("descr") + `(?:[uU]?'([^'\\\n]*)'|[uU]?"([^"\\\n]*)"|(\[.*\]))`)
	order   = regexp.MustCompile(key("fortran_order") + `(True|False)`)
	lengths = regexp.MustCompile(key("shape") + `\(([-0-9Ll,\s]*)\)`)
	nothing = regexp.MustCompile(`^\s*\{[\s,]*\}\s*$`)
)

// key matches the name of an item, which Python 2 may have written as u'name', and a colon.
func key(name string) string { return `[uU]?(?:'` + name + `'|"` + name + `")\s*:\s*` }

// parse reads the three items of a dictionary that must hold nothing else.
func (h *Header) parse(text string) error {
	var missing []string
	take := func(name string, item *regexp.Regexp) string {
		at := item.FindStringSubmatchIndex(text)
		if at == nil {
			missing = append(missing, name)
			return ""
		}
		value := ""
		for i := 2; i < len(at); i += 2 {
			if at[i] >= 0 {
				value = text[at[i]:at[i+1]]
			}
		}
		text = text[:at[0]] + text[at[1]:]
		return value
	}
	h.Type = take("descr", descr)
	h.Fortran = take("fortran_order", order) == "True"
	shape := take("shape", lengths)
	if len(missing) > 0 || !nothing.MatchString(text) {
		return fmt.Errorf("does not say descr, fortran_order and shape alone (missing: %s)",
			cmp.Or(strings.Join(missing, ", "), "none"))
	}
	if shape = strings.TrimSuffix(strings.TrimSpace(shape), ","); shape == "" {
		return nil
	}
	for length := range strings.SplitSeq(shape, ",") {
		n, err := strconv.Atoi(strings.TrimRight(strings.TrimSpace(length), "Ll"))
		if err != nil || n < 0 {
			return fmt.Errorf("has %.30q where a length >= 0 belongs", strings.TrimSpace(length))
		}
		h.Shape = append(h.Shape, n)
	}
	return nil
}
