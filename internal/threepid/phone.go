package threepid

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

var (
	// ErrPhone is the error of text that is not a phone number in use.
	ErrPhone = errors.New("not a valid phone number")
	// ErrCountry is the error of a country that has no phone numbers we know.
	ErrCountry = errors.New("not a known country code")
)

// NumberType is what a phone number is for, as far as its digits tell.
type NumberType int

// The types that a policy on phone numbers tells apart. FixedOrMobile is a number
// of a country whose numbers do not say which, such as the United States.
const (
	Other NumberType = iota
	Mobile
	FixedLine
	FixedOrMobile
	TollFree
	Premium
	VoIP
)

const (
	maxDigits  = 15  // ITU-T E.164, section 6.2.1
	maxDialled = 128 // octets; room for 15 digits of any script with separators
	anyRegion  = "ZZ"
)

// ParsePhone reads a phone number as it would be dialled from country, an ISO
// 3166-1 code of two letters in either case, or in international form.
// Extensions, letters and numbers that are not in use are ErrPhone.
func ParsePhone(number, country string) (Address, error) {
	region := strings.ToUpper(country)
	if !phonenumbers.GetSupportedRegions()[region] {
		return Address{}, ErrCountry
	}
	dialled, ok := dialable(number)
	if !ok {
		return Address{}, ErrPhone
	}
	n, ok := parseNumber(dialled, region)
	if !ok {
		return Address{}, ErrPhone
	}
	return parseMSISDN(strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+"))
}

// parseMSISDN reads the canonical form: country calling code and number, digits
// only. Anything that would be rewritten on the way is no canonical form.
func parseMSISDN(digits string) (Address, error) {
	if len(digits) > maxDigits {
		return Address{}, ErrPhone
	}
	n, ok := parseNumber("+"+digits, anyRegion)
	if !ok || phonenumbers.Format(n, phonenumbers.E164) != "+"+digits {
		return Address{}, ErrPhone
	}
	return newAddress(MSISDN, digits, phonenumbers.GetRegionCodeForNumber(n)), nil
}

// restoreMSISDN reads the canonical form of a number that was in use when it was parsed. Its
// region is what is known of it today.
func restoreMSISDN(digits string) (Address, error) {
	if digits == "" || len(digits) > maxDigits || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return Address{}, ErrPhone
	}
	region := ""
	if n, err := phonenumbers.Parse("+"+digits, anyRegion); err == nil {
		region = phonenumbers.GetRegionCodeForNumber(n)
	}
	return newAddress(MSISDN, digits, region), nil
}

func parseNumber(dialled, region string) (*phonenumbers.PhoneNumber, bool) {
	n, err := phonenumbers.Parse(dialled, region)
	return n, err == nil && n.GetExtension() == "" && phonenumbers.IsValidNumber(n)
}

// dialable is number without the marks of direction that address books wrap
// around it. It is false when anything is left that is no digit, of whatever
// script, and no customary separator: letters, extensions, service codes.
func dialable(number string) (string, bool) {
	clean := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, number)
	return clean, len(number) <= maxDialled && !strings.ContainsFunc(clean, func(r rune) bool {
		return !unicode.In(r, unicode.Nd, unicode.Zs, unicode.Pd) && !strings.ContainsRune("+＋./()", r)
	})
}

// Country is the region that a phone number belongs to, an ISO 3166-1 code of two
// letters, or 001 for a number of the world, such as +800; empty for e-mail.
func (a Address) Country() string {
	if a.medium != MSISDN {
		return ""
	}
	return a.place.Value()
}

// International is a phone number as people write it, such as +1 201-555-0123;
// empty for e-mail.
func (a Address) International() string {
	n := a.number()
	if n == nil {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}

// NumberType is what a phone number is for; Other for e-mail and for numbers
// that are none of the named types.
func (a Address) NumberType() NumberType {
	n := a.number()
	if n == nil {
		return Other
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE:
		return Mobile
	case phonenumbers.FIXED_LINE:
		return FixedLine
	case phonenumbers.FIXED_LINE_OR_MOBILE:
		return FixedOrMobile
	case phonenumbers.TOLL_FREE:
		return TollFree
	case phonenumbers.PREMIUM_RATE:
		return Premium
	case phonenumbers.VOIP:
		return VoIP
	}
	return Other
}

// number is a phone number taken apart, nil for anything else.
func (a Address) number() *phonenumbers.PhoneNumber {
	if a.medium != MSISDN {
		return nil
	}
	n, _ := parseNumber("+"+a.String(), anyRegion)
	return n
}

// maskedPhone shows the last three digits, or fewer where three would be a large
// part of a short number.
func (a Address) maskedPhone() string {
	code, national := a.dialled()
	shown := min(3, len(national)/3)
	return "+" + code + " … " + national[len(national)-shown:]
}

// dialled is a phone number's country code and the rest of it.
func (a Address) dialled() (code, national string) {
	code = strconv.Itoa(int(a.number().GetCountryCode()))
	return code, a.String()[len(code):]
}
