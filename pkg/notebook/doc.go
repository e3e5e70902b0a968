// Package notebook is what a notebook's cells call: it knows the preset, the data and the run
// directory, makes or opens what a cell needs, and shows figures, tables and progress. It is the
// only importer of gonbui. Outside a notebook it prints.
//
// A Session is the preset's study: its data, its training, the paper's figures. An Experiment is a
// model that a cell describes; its Session makes the same figures with it. A Model is an opened
// network, whose methods take the place of a figure's steps one by one.
//
// Every cell is a process of its own, so that cells meet in files of the run directory: a step
// that was done is found there.
package notebook
