// Package camels reads, checks and writes maps in the layout of the CAMELS Multifield Dataset
// (CMD): .npy files of maps, tables of parameters, and dataset.yaml, which describes suites that
// CMD does not have. It knows no networks and simulates nothing.
//
// Files may be larger than memory: maps are read one by one. Averages of the maps of a large file
// are kept in the directory averaged/ beside it. Fields other than Mcdm have their own units; their
// log range is measured from the training maps, or given in dataset.yaml.
//
// Source of the layout: Villaescusa-Navarro et al. (2022), ApJS 259, 61, and its documentation.
package camels
