package notebook

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/safefile"
)

// stamp is what a file's content is known by, as long as size and time stay.
type stamp struct {
	Size, Time int64
	SHA256     string
}

// dataKey returns a hash of the content of all files of the data directory. Contents are read once:
// their hashes are kept in the run directory.
func (s *Session) dataKey() (string, error) {
	kept := filepath.Join(s.root(), "data.json")
	known, now := map[string]stamp{}, map[string]stamp{}
	if raw, err := os.ReadFile(kept); err == nil {
		_ = json.Unmarshal(raw, &known) // a broken file is written anew
	}
	all := sha256.New()
	fresh := false
	dir := s.dataDir()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		now[path] = stamp{Size: info.Size(), Time: info.ModTime().UnixNano()}
		if k := known[path]; k.Size == now[path].Size && k.Time == now[path].Time {
			now[path] = k
		} else {
			one := now[path]
			if one.SHA256, err = hashFile(path); err != nil {
				return err
			}
			now[path], fresh = one, true
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(all, "%s %s\n", name, now[path].SHA256)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("notebook: read the maps of %s: %w; run notebook 1 first, or name another "+
			"directory in %s", dir, err, dataVariable)
	}
	if fresh {
		text, err := json.Marshal(now)
		if err == nil {
			err = safefile.WriteFile(kept, text)
		}
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", all.Sum(nil)), nil
}

// root is the directory of the session that an experiment belongs to.
func (s *Session) root() string {
	if s.own != nil {
		return s.own.session.Run
	}
	return s.Run
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// shows are packages that change what is seen of a result, not the result.
var shows = []string{"figure", "notebook", "cmd", "report", "tracking", "validation", "verify"}

// codeKey returns a hash of darkfield's code that results depend on.
func codeKey() (string, error) {
	project, err := root()
	if err != nil {
		return "", err
	}
	pkg := filepath.Join(project, "pkg")
	all := sha256.New()
	err = filepath.WalkDir(pkg, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(pkg, path)
		for _, other := range shows {
			if name == other {
				return filepath.SkipDir
			}
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(all, "%s %x\n", name, sha256.Sum256(text))
		return err
	})
	return fmt.Sprintf("%x", all.Sum(nil)), err
}
