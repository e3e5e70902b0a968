// Package modelcard measures a checkpoint for its model card, and holds what was measured against
// aims. It knows what the aims are and how the page is written, not how anything is measured:
// that is evaluate's.
package modelcard
