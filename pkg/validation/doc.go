// Package validation compares the simulator with closed forms, with CAMB and with published
// numbers, and returns a report of numbers with references, tolerances and verdicts. It knows no
// networks and draws nothing. Growth, power, resolution and the rest are one package because they
// share simulations.
//
// The measurements of each simulation are kept in a directory under a hash of its settings and of
// the simulator's results, so that an interrupted report resumes where it was.
//
// Lengths are in Mpc/h, wavenumbers in h/Mpc, power in (Mpc/h)³, or (Mpc/h)² for maps. Everything
// is at z = 0.
package validation
