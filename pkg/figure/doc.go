// Package figure draws the results, and maps, as PNG and SVG. It computes nothing but where things
// go on the page: every number comes from a result, which also writes itself as CSV.
//
// Wavenumbers are in h/Mpc, lengths in Mpc/h. Colours are Okabe and Ito's
// (https://jfly.uni-koeln.de/color/), always paired with a line style or a marker, so that
// figures survive grey printing and colour blindness.
package figure
