package plaintext

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// encode returns text in UTF-16 with a byte order mark.
func encode(text string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		low, high := byte(u), byte(u>>8)
		if big {
			low, high = high, low
		}
		b.WriteByte(low)
		b.WriteByte(high)
	}
	return b.String()
}

func TestNormalize(t *testing.T) {
	const want = "Ω_m: 0.3\nσ_8: 0.8\n"
	windows := strings.ReplaceAll(want, "\n", "\r\n")
	for name, text := range map[string]string{
		"as it is":           want,
		"Windows":            windows,
		"old Macintosh":      strings.ReplaceAll(want, "\n", "\r"),
		"UTF-8 with a mark":  "\ufeff" + windows,
		"two joined files":   "\ufeffΩ_m: 0.3\r\n\ufeffσ_8: 0.8\r\n",
		"UTF-16":             encode(windows, false),
		"UTF-16, big-endian": encode(windows, true),
	} {
		if got := string(Normalize([]byte(text))); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := string(Normalize([]byte("\xff\xfe0\x003"))); got != "0\ufffd" {
		t.Errorf("half a unit at the end gives %q", got)
	}
	if got := Normalize([]byte{0, 0xff, 1}); string(got) != "\x00\xff\x01" {
		t.Errorf("bytes that are no text become %q", got)
	}
}
