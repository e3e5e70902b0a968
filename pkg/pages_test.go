package pkg_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Sizes in bytes that a newcomer reads in a few minutes, and columns that fit a window.
const (
	largestFrontPage = 6 << 10
	largestPage      = 8 << 10
	widestLine       = 120 // characters
)

// projectFiles returns the files of the project with one of these endings, by their path from its
// root, with slashes. What is installed or made by runs is left out.
func projectFiles(t *testing.T, endings ...string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") ||
			slices.Contains([]string{"runs", "node_modules", "testdata"}, entry.Name())):
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains(endings, path.Ext(name)):
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no files with endings %v: is this the root of the project?", endings)
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// isPage reports whether people wrote a Markdown file. Others are reports of the program.
func isPage(name string) bool { return path.Base(name) == "README.md" }

func TestPagesAreShort(t *testing.T) {
	for _, name := range projectFiles(t, ".md") {
		if !isPage(name) {
			continue
		}
		text, most := read(t, name), largestPage
		if name == "README.md" {
			most = largestFrontPage
		}
		if len(text) > most {
			t.Errorf("%s has %d bytes, want at most %d: move what belongs to another subject to its page",
				name, len(text), most)
		}
		for i, line := range strings.Split(text, "\n") {
			table := strings.HasPrefix(line, "|")
			link := !strings.Contains(strings.TrimSpace(line), " ")
			if n := utf8.RuneCountInString(line); n > widestLine && !table && !link {
				t.Errorf("%s:%d has %d characters, want at most %d", name, i+1, n, widestLine)
			}
		}
	}
}

// target is where a link or a picture of Markdown leads to.
var target = regexp.MustCompile(`\]\(([^()\s]+)\)`)

// codeBlock is what Markdown shows as it is, where brackets are no link.
var codeBlock = regexp.MustCompile("(?m)^(    |\t).*$|`[^`\n]*`")

func TestLinksLeadToFiles(t *testing.T) {
	links := 0
	for _, name := range projectFiles(t, ".md", ".ipynb") {
		text := codeBlock.ReplaceAllString(read(t, name), "")
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(name), to)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
	if links < 20 {
		t.Errorf("found %d links to files, want at least the 20 of the front page and those below it",
			links)
	}
}

// A word is one that only this project would understand.
type word struct {
	key     string // in lower case, without which a text is not searched
	pattern string // regular expression
	instead string // what the field says
	fine    string // regular expression of what may hold the word, with another meaning; or empty
	in      string // regular expression of the files in which the word has this meaning; or empty: all
}

var words = []word{
	{"room", `\brooms\b|\b[Rr]oom:|(?i)\b(the|each|every|one|another|own) room\b`, "package", ``, ``},
	{"toy univ", `(?i)\btoy universes?\b`, "simulated box, mock", ``, ``},
	{"odd", `\b[Oo]dd maps?\b|\bOdd\b`, "out-of-distribution map", ``, ``},
	{"honest", `(?i)honest`, "calibrated", ``, ``},
	{"standing", `Standing`, "tail fraction", ``, ``},
	{"typical", `\bTypical`, "outlier model (Mahalanobis distance)", ``, ``},
	{"beyond", `\bBeyond`, "OutsidePrior, NonGaussian", `Beyond (the|a) [a-z]+`, ``},
	{"mirrored", `(?i)\bmirrored (noise|pairs?)`, "antithetic pair", ``, ``},
	{"levelled", `(?i)\blevelled`, "noise of fixed amplitude", ``, ``},
	{"pose", `\bposes?\b`, "augmentation, orientation", ``, ``},
	{"early", `(?i)early[- ]?share`, "share of log-uniform time steps", ``, ``},
	{"even", `(?i)\beven[- ]?times`, "stratified time steps", ``, ``},
	{"logarithm", `(?i)even(ly)?( spaced)? in (the|their) logarithm`, "log-uniform", ``, ``},
	{"forgotten", `\bforgotten\b`, "η·h", ``, `\.go$`},
	{"descend", `\bdescend`, "optimiser step", ``, `^pkg/training/`},
	{"halve(", `\bhalve\(`, "Downsample", ``, `^pkg/unet/`},
	{"double(", `\bdouble\(`, "Upsample", ``, `^pkg/unet/`},
	{"latin", `\blatin`, "sobolDesign", ``, `\.go$`},
	{"tangle", `(?i)\btangle`, "real-FFT pre- and post-processing", ``, ``},
	{"nearest memory", `(?i)nearest memory`, "L1/L2 cache", ``, ``},
	{"smallerthan", `\bSmallerThan\b`, "one-sided Kolmogorov–Smirnov", ``, ``},
	{"trend", `\btrends?\b`, "power-law fit, response fit", `json:"trends"`, ``},
	{"thetas", `\bThetas\b`, "number of conditioning parameters", ``, ``},
	{
		"transfer", `(?i)\btransfer functions? (of|after) |(?i)darkfield transfer\b`,
		"power-spectrum correction", ``,
		`^pkg/(emulator|evaluate|modelcard|inference|figure|notebook|cmd)/|\.md$`,
	},
	{"card", `\bcards?\b`, "model card", `[Mm]odel[- ]cards?|card[-_][0-9a-z]+`, ``},
	{"the way out", `(?i)the way out`, "remedy, hint", ``, ``},
	{"or no less", `(?i)\bor no less`, "an estimate of the bound", ``, ``},
	{"in passing", `(?i)fails in passing`, "temporary error", ``, ``},
	{"from none", `(?i)do not tell from none`, "consistent with zero at 2σ", ``, ``},
	{"of evidence", `(?i)simulation's worth of evidence`, "a prior worth one simulation", ``, ``},
	{"without limit", `(?i)without limit`, "capped at", ``, ``},
	{"--own", `--own\b`, "--independent-maps", ``, ``},
	{"path's disk", `(?i)path's disk`, "same file system", ``, ``},
}

// An exception is a file that may use a word of the list.
type exception struct{ file, pattern, reason string }

const formerNames = "names that the command once had, which it answers with the present ones"

var exceptions = []exception{
	{"pkg/cmd/darkfield/renamed.go", `(?i)early[- ]?share`, formerNames},
	{"pkg/cmd/darkfield/renamed.go", `(?i)\beven[- ]?times`, formerNames},
	{"pkg/cmd/darkfield/renamed.go", `\bcards?\b`, formerNames},
}

// broken is what may stand between two words of a sentence in source code: a line's end, the sign
// of a comment, or a string that goes on in the next line.
var broken = regexp.MustCompile(`"\s*\+\s*"|\n\s*(//|#)?\s*|\s+`)

// sentences returns the text of a file with its sentences unbroken.
func sentences(t *testing.T, name string) string {
	text := read(t, name)
	if path.Ext(name) == ".ipynb" {
		var notebook struct {
			Cells []struct {
				Source []string `json:"source"`
			} `json:"cells"`
		}
		if err := json.Unmarshal([]byte(text), &notebook); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text = ""
		for _, c := range notebook.Cells {
			text += strings.Join(c.Source, "") + "\n"
		}
	}
	return broken.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, `"`) {
			return ""
		}
		return " "
	})
}

// mayUse returns whether an exception lets a file use a word, and notes that it did.
func mayUse(name string, w word, used map[exception]bool) bool {
	for _, e := range exceptions {
		if e.file == name && e.pattern == w.pattern {
			used[e] = true
			return true
		}
	}
	return false
}

// TestWordsOfTheField finds words that the project once made up where the field has its own.
func TestWordsOfTheField(t *testing.T) {
	var in, fine, pattern []*regexp.Regexp
	for _, w := range words {
		in, fine = append(in, regexp.MustCompile(w.in)), append(fine, regexp.MustCompile(w.fine))
		pattern = append(pattern, regexp.MustCompile(w.pattern))
	}
	used := map[exception]bool{}
	for _, name := range projectFiles(t, ".md", ".ipynb", ".go", ".py", ".sh", "") {
		if name == "pkg/pages_test.go" || path.Ext(name) == ".md" && !isPage(name) {
			continue
		}
		text := sentences(t, name)
		lower := strings.ToLower(text)
		for i, w := range words {
			if !strings.Contains(lower, w.key) || !in[i].MatchString(name) {
				continue
			}
			rest := text
			if w.fine != "" {
				rest = fine[i].ReplaceAllString(text, "")
			}
			at := pattern[i].FindAllStringIndex(rest, -1)
			if len(at) == 0 || mayUse(name, w, used) {
				continue
			}
			for _, a := range at {
				t.Errorf("%s says “%s” in “…%s…”: say %s", name, rest[a[0]:a[1]],
					strings.ToValidUTF8(rest[max(0, a[0]-40):min(len(rest), a[1]+40)], ""), w.instead)
			}
		}
	}
	for _, e := range exceptions {
		if !used[e] {
			t.Errorf("the exception of %s for %s is no longer needed: remove it", e.file, e.pattern)
		}
	}
}

// TestMapOfThePackages: the page of the code names every package.
func TestMapOfThePackages(t *testing.T) {
	page := read(t, "pkg/README.md")
	for _, name := range projectFiles(t, ".go") {
		dir, ok := strings.CutPrefix(path.Dir(name), "pkg/")
		if ok && !strings.Contains(page, "`"+dir+"`") {
			t.Errorf("pkg/README.md does not say what `%s` holds", dir)
		}
	}
}
