// Package notebook is what a notebook's cells call: it knows the preset, the data and the run
// directory, makes or opens what a cell needs, and shows figures, tables and progress. It is the
// only importer of gonbui. Outside a notebook it prints.
//
// Every cell is a process of its own, so that cells meet in files of the run directory: a step
// that was done is found there.
package notebook
