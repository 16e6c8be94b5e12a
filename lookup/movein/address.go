package movein

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"

	"signet/internal/threepid"
)

// readAddress reads an address as another server kept it. The reason is empty where
// the address can move.
func readAddress(medium, text string) (threepid.Address, Reason) {
	if threepid.Medium(medium) == threepid.MSISDN {
		text = strings.TrimPrefix(text, "+")
	}
	a, err := threepid.Parse(medium, text)
	switch {
	case errors.Is(err, threepid.ErrMedium):
		return a, NoMedium
	case err != nil:
		return a, NoAddress
	case a.Medium() == threepid.Email && !sameMailbox(text, a):
		return a, OtherMailbox
	}
	return a, ""
}

// sameMailbox tells whether mail to text went to the mailbox that a is bound for here.
// Capitals make no other mailbox; folding that does more than lower them (straße to
// strasse, faß.de to fass.de) can, and its owner has proven nothing.
func sameMailbox(text string, a threepid.Address) bool {
	at, canonicalAt := strings.LastIndexByte(text, '@'), strings.LastIndexByte(a.String(), '@')
	if strings.ToLower(text[:at]) != a.String()[:canonicalAt] {
		return false
	}
	ascii, err := resolverProfile.ToASCII(text[at+1:])
	return err == nil && ascii == a.Domain()
}

// resolverProfile maps a domain to what is looked up for it (UTS 46, without the
// transitional mappings), and folds nothing beyond.
var resolverProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))
