package threepid

import (
	"strings"
	"unicode/utf8"
)

// Inbox is whoever receives what is sent to an address. Mail to alice+shop@ lands with
// alice@ at most domains, so what is behind the plus makes no other inbox, and at Gmail
// dots make none either. It counts messages and keeps them away; it is no address to
// send to.
func (a Address) Inbox() string {
	if a.Medium() != Email {
		return a.String()
	}
	local, _ := cutAtSign(a.String())
	domain := a.Domain()
	if plus := strings.IndexByte(local, '+'); plus > 0 {
		local = local[:plus]
	}
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	return local + "@" + domain
}

// Redacted is a name for somebody of whom only the address is known, for people who may
// not learn it: a...@e... or +44...23. Of what is so short that a letter would tell much
// of it, nothing is shown.
func (a Address) Redacted() string {
	switch a.medium {
	case Email:
		local, domain := cutAtSign(a.String())
		return hint(local) + "...@" + hint(domain) + "..."
	case MSISDN:
		code, national := a.dialled()
		return "+" + code + "..." + national[len(national)-min(2, len(national)/4):]
	}
	return ""
}

// hint is the first character of something that has more than two.
func hint(s string) string {
	if utf8.RuneCountInString(s) < 3 {
		return ""
	}
	return firstRune(s)
}
