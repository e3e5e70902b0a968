// Package plaintext converts text files, as editors and spreadsheets of any system save them, to
// UTF-8 with line feeds. It does not know what the text means.
package plaintext

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// mark is the byte order mark in UTF-8; in UTF-16 it says which byte of a unit comes first.
var mark = []byte("\ufeff")

// Normalize returns raw in UTF-8 without byte order marks, with the line ends of Windows (CR LF)
// and of old Macintoshes (CR) as line feeds. UTF-16 is recognised by its byte order mark. Other
// bytes are returned unchanged.
func Normalize(raw []byte) []byte {
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		raw = fromUTF16(raw, binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		raw = fromUTF16(raw, binary.BigEndian)
	}
	raw = bytes.ReplaceAll(raw, mark, nil) // also where files were joined
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
}

// fromUTF16 returns raw as UTF-8; half a unit at the end and units that are no characters become
// the character U+FFFD, which no number and no name holds.
func fromUTF16(raw []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, 0, len(raw)/2+1)
	for ; len(raw) >= 2; raw = raw[2:] {
		units = append(units, order.Uint16(raw))
	}
	if len(raw) > 0 {
		units = append(units, utf8.RuneError)
	}
	return []byte(string(utf16.Decode(units)))
}
