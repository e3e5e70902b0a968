// Package validation measures the simulator against closed forms, against CAMB and against
// published numbers, and returns a report: every number beside its reference, a tolerance and a
// verdict, and results that figures draw.
//
// What takes long, simulations, is measured once: each one's numbers lie in a directory under a
// hash of its settings and of what the simulator does, so that an interrupted report goes on
// where it was.
//
// Lengths are in Mpc/h, wavenumbers in h/Mpc, powers in (Mpc/h)³ or, of maps, (Mpc/h)².
// Everything is at z = 0.
package validation
