package report_test

import (
	"fmt"
	"os"
	"path/filepath"

	"darkfield/pkg/report"
)

func ExampleMarkdown() {
	fmt.Print(report.Markdown([]string{"parameter", "mean |z|"}, [][]string{
		{"Ω_m", report.Digits(0.8125, 2)},
		{"σ_8", report.Digits(-0.79, 2)},
	}))
	// Output:
	// | parameter | mean \|z\| |
	// | --- | --- |
	// | Ω_m | 0.81 |
	// | σ_8 | −0.79 |
}

func ExampleTable() {
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	t := report.NewTable("quantity", "k", "value")
	t.Curve([]float64{0.5, 1}, []float64{0.25, 0.125}, "power")
	path := filepath.Join(dir, "power.csv")
	if err := t.Write(path); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(path)
	fmt.Print(string(text), err)
	// Output:
	// quantity,k,value
	// power,0.5,0.25
	// power,1,0.125
	// <nil>
}

// ratio is a number that should lie within 5 % of 1.
type ratio struct {
	of    string
	value float64
}

func (ratio) Heading() string { return "Power" }

func (r ratio) Verdict() report.Verdict {
	if r.value >= 0.95 && r.value <= 1.05 {
		return report.Pass
	}
	return report.Miss
}

func (r ratio) Cells() []string {
	return []string{r.of, report.Digits(r.value, 3), string(r.Verdict())}
}

func ExampleCount() {
	rows := []ratio{{"k = 0.5 h/Mpc", 1.02}, {"k = 1 h/Mpc", 0.9}}
	pass, miss, shown := report.Count(rows)
	fmt.Println(pass, miss, shown)
	fmt.Print(report.Page([]string{"", "ratio", "verdict"}, report.Sections(rows),
		func(string) string { return "Generated over true.\n\n" }))
	// Output:
	// 1 1 0
	//
	// ## Power
	//
	// Generated over true.
	//
	// |  | ratio | verdict |
	// | --- | --- | --- |
	// | k = 0.5 h/Mpc | 1.02 | pass |
	// | k = 1 h/Mpc | 0.9 | MISS |
}
