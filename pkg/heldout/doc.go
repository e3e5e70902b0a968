// Package heldout holds the true maps that a checkpoint is judged by: a suite's simulations,
// averaged to the checkpoint's pixels and divided as its training divided them. It makes no maps,
// scores none and opens no network.
//
// Lengths are in Mpc/h.
package heldout
