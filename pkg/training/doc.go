// Package training turns batches into checkpoints: Adam on the noise-prediction loss, an
// exponential moving average of the weights, a run directory that a killed run resumes from by
// itself. It draws maps through a function and knows no format of the data.
//
// Everything random about step n (maps, symmetries, times, noise) is a pure function of the seed
// and n, so that there is no generator state to save and a resumed run takes the very steps of an
// unbroken one.
package training
