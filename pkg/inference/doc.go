// Package inference infers parameters from maps by the terms of a variational bound: likelihood
// surfaces, calibrated posteriors and tests of them, chains, and other methods on the same maps.
// It opens no network and makes no maps: terms and their gradients come through two functions.
package inference
