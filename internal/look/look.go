package look

import _ "embed"

// Style is what the style sheets of all pages begin with.
//
//go:embed look.css
var Style string

// Layout is the template of a whole page, around what a server defines of all its pages (name,
// head and brand, and perhaps banner, content and footer) and what a page does (title and main).
// It sees Language and the Menu of languages, and says "language" by T.
//
//go:embed layout.html
var Layout string

// Seal is the identity server's icon, and Bubble the homeserver's: SVG that can stand in a
// page, where Style gives it the colours of the page.
var (
	//go:embed seal.svg
	Seal string
	//go:embed bubble.svg
	Bubble string
)
