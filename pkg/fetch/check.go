package fetch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"

	"darkfield/pkg/camels"
)

// whole returns an error unless the file at path has the content that its name implies: maps as
// long as their header says, or a table of numbers.
func whole(path, name string) error {
	var err error
	switch filepath.Ext(name) {
	case ".npy":
		_, err = camels.ReadMap(path, 1, 0) // checks header and size, and reads one map
	case ".txt":
		_, err = camels.InspectTable(path)
	}
	return err
}

// plausible returns a permanent error if the header of an answer shows that it is not the file,
// such as a login page with status 200.
func plausible(r *http.Response) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "text/html" {
		return &permanent{error: errors.New("the answer is a web page, not the file: perhaps a login " +
			"page or a wrong address")}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &permanent{error: fmt.Errorf("the answer is compressed (%s), though it was asked for "+
			"plain", e)}
	}
	return nil
}

// begins returns a permanent error if the first bytes of body cannot be those of the file.
func begins(name string, body *bufio.Reader) error {
	first, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) { // cut, or shorter than that
		return err
	}
	switch {
	case filepath.Ext(name) == ".npy" && !bytes.HasPrefix(first, []byte("\x93NUMPY")):
		return &permanent{error: fmt.Errorf("the answer begins with %.20q, not as a .npy file does: "+
			"perhaps a login page or a wrong address", first)}
	case bytes.HasPrefix(bytes.TrimSpace(first), []byte("<")):
		return &permanent{error: fmt.Errorf("the answer begins with %.20q, as web pages do: perhaps a "+
			"login page or a wrong address", first)}
	}
	return nil
}
