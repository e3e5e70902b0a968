// Package programs keeps the programs that XLA compiles for the CPU, so that another process, or
// the same command tomorrow, loads in a second what took half a minute to compile. It knows nothing
// of what the programs compute.
//
// A program is found under a hash of its text, its options, the plugin's file, the processor, the
// number of cores and $XLA_FLAGS: a changed network, plugin or machine is compiled anew, and what
// is loaded is bit for bit what was compiled.
package programs
