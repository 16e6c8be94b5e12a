package threepid

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrEmail is the error of text that is not an e-mail address we could prove.
var ErrEmail = errors.New("not a valid e-mail address")

// maxEmail is the longest address that fits a path of RFC 5321, section
// 4.5.3.1.3, without its angle brackets, in octets.
const maxEmail = 254

// ParseEmail reads a bare addr-spec (RFC 5322, section 3.4.1; non-ASCII by RFC
// 6532) of at most 254 octets and folds its case. Display names, comments, quoted
// local parts, address literals and invisible characters are ErrEmail.
func ParseEmail(s string) (Address, error) {
	if len(s) > maxEmail || !utf8.ValidString(s) {
		return Address{}, ErrEmail
	}
	// The whole address is folded before anything looks at it (MSC2265), so what
	// is checked here is what is bound, and what is bound is what is mailed: the
	// owner of faß.de cannot prove, and then hold, an address at fass.de.
	local, domain, ok := cutAddrSpec(fold(s))
	if !ok {
		return Address{}, ErrEmail
	}
	domain, ascii, ok := canonicalDomain(domain)
	if !ok || len(local)+len("@")+max(len(domain), len(ascii)) > maxEmail {
		return Address{}, ErrEmail
	}
	return newAddress(Email, local+"@"+domain, ascii), nil
}

// Domain is the domain of an e-mail address in ASCII, as DNS and SMTP know it;
// empty for a phone.
func (a Address) Domain() string {
	if a.medium != Email {
		return ""
	}
	return a.place.Value()
}

// Mailbox is where mail to an e-mail address goes: the canonical local part, at
// the domain in ASCII. It parses back to the same Address. Empty for a phone.
func (a Address) Mailbox() string {
	if a.medium != Email {
		return ""
	}
	local, _ := cutAtSign(a.String())
	return local + "@" + a.Domain()
}

// cutAddrSpec cuts an address that is an addr-spec and nothing more. The local
// part is not normalised: clients hash what was typed, folded and nothing else,
// and folding leaves NFC again (ΐ folds to three code points), so that a form
// both folded and composed would be one that no client computes.
func cutAddrSpec(s string) (local, domain string, ok bool) {
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Name != "" || parsed.Address != s {
		return "", "", false
	}
	local, domain = cutAtSign(s)
	return local, domain, !strings.ContainsFunc(local, invisible) && !strings.ContainsFunc(domain, invisibleInDomain)
}

// cutAtSign cuts at the last @, the only one that an addr-spec without quotes has.
func cutAtSign(s string) (local, domain string) {
	at := strings.LastIndexByte(s, '@')
	return s[:at], s[at+1:]
}

// invisible tells whether a reader of the address could overlook r or be led
// astray by it: controls, spaces, marks of direction, joiners, fillers. Code
// points not yet assigned are among them, since a later Unicode may fold them.
func invisible(r rune) bool {
	return r == utf8.RuneError ||
		unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// invisibleInDomain leaves the joiners to IDNA, which knows the scripts that
// cannot be written without them (RFC 5892, appendix A).
func invisibleInDomain(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	return invisible(r) && r != zeroWidthNonJoiner && r != zeroWidthJoiner
}

// lookupProfile maps and checks a domain as a resolver must (RFC 5891, section 5;
// UTS 46 without the transitional mappings).
var lookupProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// canonicalDomain gives the two forms of a folded domain. A domain can be typed
// as bücher.example and as xn--bcher-kva.example; both are one mailbox and must
// have one binding, so both get the Unicode form, folded: it is what people type,
// and so what clients hash. Where folding that form leads to another domain
// (ß, final sigma), the ASCII form stays: it alone still names this one.
func canonicalDomain(folded string) (canonical, ascii string, ok bool) {
	ascii, err := lookupProfile.ToASCII(folded)
	if err != nil || !mailDomain(ascii) {
		return "", "", false
	}
	name, err := lookupProfile.ToUnicode(ascii)
	if err != nil {
		return "", "", false
	}
	canonical = fold(name)
	if back, err := lookupProfile.ToASCII(canonical); err != nil || back != ascii {
		canonical = ascii
	}
	return canonical, ascii, true
}

// mailDomain tells whether mail to a domain can mean the same everywhere: it is
// fully qualified and no IP address, whose last part would be a number. The name
// localhost is let through for development.
func mailDomain(ascii string) bool {
	if ascii == "localhost" {
		return true
	}
	dot := strings.LastIndexByte(ascii, '.')
	top := ascii[dot+1:]
	return dot > 0 && top != "" && 'a' <= top[0] && top[0] <= 'z'
}
