// Package training turns maps into checkpoints: Adam on the loss of the predicted noise, an
// exponential moving average of the weights, and a run directory from which a run that was killed
// resumes. It draws maps through a function and knows no format of the data.
//
// Everything random about step n (maps, augmentations, times, noise) is a pure function of the seed
// and n. There is no generator state to save, and a resumed run takes the same steps as an unbroken
// one, bit for bit.
//
// Networks make their variables in a GoMLX store, with GoMLX's or network's initialisers. Their
// values, Adam and Muon are this package's own: an update in portions needs less memory than
// GoMLX's optimisers, which hold old and new values of all variables at once, the moments go into
// checkpoints under names of their own, and a resumed run has the same bits as an unbroken one.
package training
