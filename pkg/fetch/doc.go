// Package fetch downloads files of the CAMELS Multifield Dataset (CMD). It resumes after cut
// connections and kills, and a file gets its name only when it is complete; it does not know what
// the maps are used for.
//
// It does not use github.com/cavaliergopher/grab v3.0.1, the usual library, which joins the bytes
// of two versions of a file that changed between attempts, ignores Content-Range, appends a
// complete file to a part of it, and tries only once.
package fetch
