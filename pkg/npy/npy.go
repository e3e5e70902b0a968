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
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
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

	// longestHeader is far more than the header of an array needs, in bytes; NumPy itself reads
	// 10000.
	longestHeader = 1 << 16
)

// ReadHeader reads the header of a file of the given size in bytes and leaves r at the first
// number. Errors are predicates without a subject, such as "is truncated: …", and name the byte of
// the file, counted from 0, at which the header is wrong. Allocations are bounded by a small
// multiple of the size.
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
	p := parser{text: string(text), base: 8 + width}
	if err = p.header(&h); start[6] == 3 && !utf8.Valid(text) {
		p.at = 0
		for {
			r, n := utf8.DecodeRune(text[p.at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			p.at += n
		}
		err = p.fault("UTF-8, as version 3 has it")
	}
	if err != nil {
		return Header{}, fmt.Errorf("has a header that is damaged %w; copy it again, or save it "+
			"again with numpy.save", err)
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

// parser parses the dictionary of a header, with the few Python literals that occur in one.
type parser struct {
	text string
	at   int // of the next byte in text
	base int // of text in the file
}

// fault returns the error that something else is wanted at the current byte.
func (p *parser) fault(want string) error {
	found := "the end of the header"
	if p.at < len(p.text) {
		found = fmt.Sprintf("%.12q", p.text[p.at:])
	}
	return fmt.Errorf("at byte %d: want %s, found %s", p.base+p.at, want, found)
}

func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take skips blanks and then word, and reports whether it was there.
func (p *parser) take(word string) bool {
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

// header reads the whole dictionary.
func (p *parser) header(h *Header) error {
	if !p.take("{") {
		return p.fault(`"{"`)
	}
	seen := map[string]bool{}
	for !p.take("}") {
		if len(seen) > 0 && !p.take(",") {
			return p.fault(`"," or "}"`)
		}
		if len(seen) > 0 && p.take("}") {
			break
		}
		p.blanks()
		start := *p
		key, err := p.str()
		if err != nil {
			return err
		}
		if !p.take(":") {
			return p.fault(`":"`)
		}
		switch key {
		case "descr":
			h.Type, err = p.descr()
		case "fortran_order":
			h.Fortran, err = p.boolean()
		case "shape":
			h.Shape, err = p.shape()
		default:
			err = start.fault("descr, fortran_order or shape as a key")
		}
		if err != nil {
			return err
		}
		seen[key] = true
	}
	p.blanks()
	if p.at < len(p.text) {
		return p.fault("nothing but blanks after the dictionary")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return fmt.Errorf("at byte %d: the key %s is missing", p.base, key)
		}
	}
	return nil
}

// str reads a string in quotes of either kind.
func (p *parser) str() (string, error) {
	if p.take("u") || p.take("U") { // of Python 2
		if p.at == len(p.text) || p.text[p.at] != '\'' && p.text[p.at] != '"' {
			p.at--
			return "", p.fault("a word in quotes")
		}
	}
	for _, quote := range []string{"'", `"`} {
		if !p.take(quote) {
			continue
		}
		n := strings.IndexAny(p.text[p.at:], quote+"\\\n")
		if n < 0 || p.text[p.at+n] != quote[0] {
			return "", p.fault("a word that ends with " + quote)
		}
		word := p.text[p.at : p.at+n]
		p.at += n + 1
		return word, nil
	}
	return "", p.fault("a word in quotes")
}

// descr reads the type of a number, or skips the description of a record and returns it as it
// stands.
func (p *parser) descr() (string, error) {
	p.blanks()
	if p.at == len(p.text) || strings.IndexByte("[(", p.text[p.at]) < 0 {
		return p.str()
	}
	start := p.at
	if err := p.skip(0); err != nil {
		return "", err
	}
	return p.text[start:p.at], nil
}

// deepest is the largest depth of nested records.
const deepest = 32

// skip reads a string, a number or a list of such.
func (p *parser) skip(depth int) error {
	p.blanks()
	if depth > deepest {
		return p.fault(fmt.Sprintf("at most %d lists in each other", deepest))
	}
	for _, pair := range []string{"[]", "()"} {
		if !p.take(pair[:1]) {
			continue
		}
		for first := true; !p.take(pair[1:]); first = false {
			if !first && !p.take(",") {
				return p.fault(`"," or "` + pair[1:] + `"`)
			}
			if !first && p.take(pair[1:]) {
				break
			}
			if err := p.skip(depth + 1); err != nil {
				return err
			}
		}
		return nil
	}
	if p.at < len(p.text) && digit(p.text[p.at]) {
		_, err := p.number()
		return err
	}
	_, err := p.str()
	return err
}

func (p *parser) boolean() (bool, error) {
	switch {
	case p.take("True"):
		return true, nil
	case p.take("False"):
		return false, nil
	}
	return false, p.fault("True or False")
}

// shape reads the lengths of an array in round or square brackets.
func (p *parser) shape() ([]int, error) {
	end := ")"
	if !p.take("(") {
		if end = "]"; !p.take("[") {
			return nil, p.fault(`a shape such as (15, 256, 256)`)
		}
	}
	var out []int
	for !p.take(end) {
		if len(out) > 0 && !p.take(",") {
			return nil, p.fault(`"," or "` + end + `"`)
		}
		if len(out) > 0 && p.take(end) {
			break
		}
		n, err := p.number()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// number reads a length, which Python 2 may have written with the suffix L.
func (p *parser) number() (int, error) {
	p.blanks()
	start, n := *p, 0
	for ; p.at < len(p.text) && digit(p.text[p.at]); p.at++ {
		if n > (math.MaxInt-9)/10 {
			return 0, start.fault("a length that 64 bits can hold")
		}
		n = 10*n + int(p.text[p.at]-'0')
	}
	if p.at == start.at {
		return 0, p.fault("a length >= 0")
	}
	if p.at < len(p.text) && (p.text[p.at] == 'L' || p.text[p.at] == 'l') {
		p.at++
	}
	return n, nil
}
