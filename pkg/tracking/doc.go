// Package tracking keeps the metrics of a run, one JSON object per line, and mirrors them to an
// MLflow server. It knows no networks and no plots; a value's meaning and unit follow from its
// name. The mirror is in the same package because the metrics file is all that it reads.
package tracking
