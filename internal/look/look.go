package look

import _ "embed"

// Style is what the style sheets of all pages begin with.
//
//go:embed look.css
var Style string

// Seal is the identity server's icon, and Bubble the homeserver's: SVG that can stand in a
// page, where Style gives it the colours of the page.
var (
	//go:embed seal.svg
	Seal string
	//go:embed bubble.svg
	Bubble string
)
