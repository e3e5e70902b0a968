package camels

// cmdField is what CMD says of one of its fields.
type cmdField struct {
	unit     string
	logRange [2]float64 // zero: not known, so measured from the training maps
	offset   float64
}

// cmdFields are CMD's 13 fields with the units of its 2-D maps. The paper gives a log range for
// Mcdm only. Mstar is 0 where there are no stars, which is why users of CMD take log10(1 + Mstar).
//
// Source: the table in CMD's documentation, which corrects the units of pressure and electron
// density in its paper.
var cmdFields = map[string]cmdField{
	"Mcdm":  {unit: SurfaceDensity, logRange: [2]float64{9.421, 15.445}},
	"Mtot":  {unit: SurfaceDensity},
	"Mgas":  {unit: SurfaceDensity},
	"Mstar": {unit: SurfaceDensity, offset: 1},
	"HI":    {unit: SurfaceDensity},
	"Vgas":  {unit: "km/s"},
	"Vcdm":  {unit: "km/s"},
	"T":     {unit: "K"},
	"P":     {unit: "h^2 Msun (km/s)^2/kpc^3"},
	"Z":     {unit: "dimensionless"},
	"MgFe":  {unit: "dimensionless"},
	"ne":    {unit: "h^2/cm^3 (Mpc/h)"},
	"B":     {unit: "G"},
}
