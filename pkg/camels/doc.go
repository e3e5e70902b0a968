// Package camels reads and writes maps in the layout of the CAMELS Multifield Dataset (CMD): .npy
// files of maps, tables of parameters, and a description of suites that CMD does not have. It
// reads bytes, labels and splits; it knows no networks.
//
// Files may be larger than memory: maps are read one by one. What is averaged down of a large
// file is kept in the directory averaged/ beside it. Fields other than Mcdm have their own units;
// their log range is measured from the training maps, or dataset.yaml says it.
//
// Source of the layout: Villaescusa-Navarro et al. (2022), ApJS 259, 61, and its documentation.
package camels
