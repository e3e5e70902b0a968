package heldout

// What tests outside the package, which have maps, look into.
var (
	CheckField      = checkField
	CheckBox        = Data.checkBox
	CheckParameters = Data.checkParameters
)
