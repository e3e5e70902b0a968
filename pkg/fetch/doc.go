// Package fetch brings the files of the CAMELS Multifield Dataset (CMD) to disk. It knows where
// they are, goes on after cut connections and kills, and lets a file appear under its name only
// when it is whole.
//
// It has its own download because github.com/cavaliergopher/grab v3.0.1, the usual library, joins
// the bytes of two versions of a file that changed between attempts, does not look at
// Content-Range, appends a whole file to a part of it, and tries only once.
package fetch
