// Package camels reads and writes maps in the layout of the CAMELS Multifield Dataset (CMD): .npy files of maps, tables of
// parameters, and a description of suites that CMD does not have. It reads bytes, labels and splits; it knows no networks.
//
// Source of the layout: Villaescusa-Navarro et al. (2022), ApJS 259, 61, and its documentation.
package camels
