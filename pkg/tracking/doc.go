// Package tracking keeps the metrics of a run: one JSON object a line, appended as the run goes.
// It knows no networks and no plots; the meaning and the unit of a value are those of its name.
package tracking
