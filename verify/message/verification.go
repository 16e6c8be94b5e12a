package message

import (
	"strings"

	"signet/internal/locale"
)

// Verification is what a verification message tells.
type Verification struct {
	Language locale.Language
	Purpose  string // what the code is for, one of Purposes
	User     string // the Matrix id that the address is for; empty if that is not known yet
	Asker    string // who asks: a homeserver's name or a Matrix id; empty for this server's own page

	// AskerTrusted says that the asker is one of the operator's own homeservers, which
	// may be named in a text message.
	AskerTrusted bool

	Code        string
	Link        string // the page that confirms; empty in a text message
	StopLink    string // the page that says "this was not me"; empty for none
	CodeMinutes int
	LinkMinutes int

	Server string // the server's name, filled in by Words
	Host   string // the host of its pages, filled in by Words
}

// registerBind is the purpose whose code is consent, too, to be found by the address: what is
// consented to is said however long it is.
const registerBind = "register_bind"

// Purposes lists what a code can be for.
func Purposes() []string {
	return []string{"verify", "register", registerBind, "add", "reset", "login", "manage"}
}

// Grouped is the code in groups of at most four digits, easier to read and type.
func (v Verification) Grouped() string {
	half := (len(v.Code) + 1) / 2
	if half > 4 || half == len(v.Code) {
		return v.Code
	}
	return v.Code[:half] + " " + v.Code[half:]
}

// short is a verification as a text message tells it.
type short struct {
	Verification
	Site    string // in whose name it speaks
	Brevity int    // 0 tells all, 1 leaves out the warning, 2 the site too, 3 the purpose too
}

// maxBrevity is the highest brevity there is for v.
func (v Verification) maxBrevity() int {
	if v.Purpose == registerBind {
		return 2
	}
	return 3
}

// shortened is v as a text message tells it, without what a stranger wrote.
func (v Verification) shortened() short {
	s := short{Verification: v, Site: v.site()}
	s.User, s.Asker, s.AskerTrusted = "", "", false
	return s
}

// site is in whose name a text message speaks: the asker's server if that is the
// operator's own, else this server's. Of a Matrix id it is the part that no user
// chooses.
func (v Verification) site() string {
	if name := siteOf(v.Asker); v.AskerTrusted && name != "" {
		return name
	}
	return v.Server
}

// siteOf is an asker's server as a text message can name it, empty if it cannot.
func siteOf(asker string) string {
	if strings.HasPrefix(asker, "@") {
		_, asker, _ = strings.Cut(asker, ":")
	}
	if strings.ContainsFunc(asker, func(r rune) bool { return r <= ' ' || '~' < r }) {
		return ""
	}
	return asker
}
