package threepid

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
	"unique"
)

// Medium is the kind of a third-party identifier (specification, appendices,
// "3PID Types").
type Medium string

// The media that the specification defines.
const (
	Email  Medium = "email"
	MSISDN Medium = "msisdn"
)

// ErrMedium is the error of a medium that the specification does not define.
var ErrMedium = errors.New("not a known medium")

// Address is a valid address in canonical form, comparable with == and usable as
// a map key. The zero value is no address; every other one comes from a Parse
// function, or came from one before it was stored.
//
// Its text stands behind handles to strings: what prints a struct field by field,
// where no method of ours is asked, finds pointers there and not an address.
type Address struct {
	medium    Medium
	canonical unique.Handle[string]
	place     unique.Handle[string] // e-mail: the domain in ASCII; phone: the region
}

func newAddress(medium Medium, canonical, place string) Address {
	return Address{medium, unique.Make(canonical), unique.Make(place)}
}

// Parse reads an address as the 3PID APIs carry it: an e-mail address as
// ParseEmail takes it, or the digits of an international phone number. Parsing
// what String gives back gives the same Address. Errors: ErrMedium, ErrEmail,
// ErrPhone.
func Parse(medium, address string) (Address, error) {
	switch Medium(medium) {
	case Email:
		return ParseEmail(address)
	case MSISDN:
		return parseMSISDN(address)
	}
	return Address{}, ErrMedium
}

// Restore gives back the Address whose Medium and String were stored. It is Parse but for
// phone numbers that are not in use any more, as where a country has given out its numbers
// anew: whoever has stored one must be able to read it. Errors: those of Parse.
func Restore(medium, canonical string) (Address, error) {
	a, err := Parse(medium, canonical)
	if errors.Is(err, ErrPhone) {
		return restoreMSISDN(canonical)
	}
	return a, err
}

// Medium is the kind of address, empty for no address.
func (a Address) Medium() Medium { return a.medium }

// String is the canonical form: what is bound, hashed and looked up. It has to be
// called by name; fmt, and with it templates, print what LogValue says.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return a.canonical.Value()
}

// IsZero tells whether a is no address at all.
func (a Address) IsZero() bool { return a == Address{} }

// LogValue is "[email]" or "[msisdn]", so that no log line holds an address.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.placeholder()) }

// Format prints what LogValue says for every verb, so that an address does not
// reach a log through the text of an error or the dump of a struct.
func (a Address) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, a.placeholder()) }

func (a Address) placeholder() string {
	if a.IsZero() {
		return "[no address]"
	}
	return "[" + string(a.medium) + "]"
}

// Masked is a hint for pages shown to someone who may not be the owner: enough to
// recognise one's own address, too little to learn another's. It looks like
// a…@e….org or +44 … 123.
func (a Address) Masked() string {
	switch a.medium {
	case Email:
		return a.maskedEmail()
	case MSISDN:
		return a.maskedPhone()
	}
	return ""
}

func (a Address) maskedEmail() string {
	local, domain := cutAtSign(a.String())
	masked := firstRune(local) + "…@" + firstRune(domain) + "…"
	if dot := strings.LastIndexByte(domain, '.'); dot >= 0 {
		masked += domain[dot:]
	}
	return masked
}

func firstRune(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}
