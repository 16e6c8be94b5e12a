package threepid

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func TestParsePhone(t *testing.T) {
	tests := []struct{ name, number, country, canonical, region string }{
		{"national", "07400 123456", "GB", "447400123456", "GB"},
		{"lower case country", "07400 123456", "gb", "447400123456", "GB"},
		{"international from home", "+44 7400 123456", "GB", "447400123456", "GB"},
		{"international from abroad", "+44 (0)7400 123456", "DE", "447400123456", "GB"},
		{"international prefix", "00447400123456", "DE", "447400123456", "GB"},
		{"American prefix", "011 44 7400 123456", "US", "447400123456", "GB"},
		{"shared calling code", "(201) 555-0123", "CA", "12015550123", "US"},
		{"Guernsey behind a British number", "07781 123456", "GB", "447781123456", "GG"},
		{"leading zero that counts", "02 1234 5678", "IT", "390212345678", "IT"},
		{"Arabic digits", "٠٧٤٠٠١٢٣٤٥٦", "GB", "447400123456", "GB"},
		{"fullwidth", "＋４４７４００１２３４５６", "GB", "447400123456", "GB"},
		{"dashes, dots and a slash", "07400–123.4/56", "GB", "447400123456", "GB"},
		{"marks of an address book", "\u202a+44\u00a07400\u00a0123456\u202c", "FR", "447400123456", "GB"},
		{"toll-free of the world", "+800 1234 5678", "FR", "80012345678", "001"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := ParsePhone(test.number, test.country)
			if err != nil || a.String() != test.canonical {
				t.Fatalf("ParsePhone(%q, %q) = %q, %v, want %q", test.number, test.country, a.String(), err, test.canonical)
			}
			if a.Country() != test.region {
				t.Errorf("ParsePhone(%q, %q).Country() = %q, want %q", test.number, test.country, a.Country(), test.region)
			}
			checkPhoneLaws(t, a)
		})
	}
}

func TestParsePhoneRefuses(t *testing.T) {
	tests := []struct {
		name, number, country string
		want                  error
	}{
		{"nothing", "", "GB", ErrPhone},
		{"no country", "07400 123456", "", ErrCountry},
		{"unknown country", "07400 123456", "ZZ", ErrCountry},
		{"three letters", "07400 123456", "GBR", ErrCountry},
		{"the world is no country", "+80012345678", "001", ErrCountry},
		{"vanity letters", "1-800-FLOWERS", "US", ErrPhone},
		{"extension", "+44 7400 123456 ext 5", "GB", ErrPhone},
		{"extension by sign", "+44 7400 123456 #5", "GB", ErrPhone},
		{"extension by comma", "+1 201 555 0123,,5", "US", ErrPhone},
		{"extension by parameter", "+447400123456;ext=5", "GB", ErrPhone},
		{"URI", "tel:+447400123456", "GB", ErrPhone},
		{"service code", "*31#07400123456", "GB", ErrPhone},
		{"too short", "07400", "GB", ErrPhone},
		{"too long", "+4474001234567890", "GB", ErrPhone},
		{"fiction", "07700 900123", "GB", ErrPhone},
		{"emergency", "999", "GB", ErrPhone},
		{"unknown calling code", "+999 123456789", "GB", ErrPhone},
		{"two numbers", "07400 123456 / 07400 123457", "GB", ErrPhone},
		{"line end", "07400 123456\r\n", "GB", ErrPhone},
		{"NUL", "07400\x00123456", "GB", ErrPhone},
		{"invalid UTF-8", "07400\xff123456", "GB", ErrPhone},
		{"endless", strings.Repeat("0", 1<<16), "GB", ErrPhone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := ParsePhone(test.number, test.country)
			if !errors.Is(err, test.want) || !a.IsZero() {
				t.Errorf("ParsePhone(%.40q, %q) = %q, %v, want %v", test.number, test.country, a.String(), err, test.want)
			}
		})
	}
}

func TestNumberType(t *testing.T) {
	tests := []struct {
		number, country string
		want            NumberType
	}{
		{"07400 123456", "GB", Mobile},
		{"0121 234 5678", "GB", FixedLine},
		{"201 555 0123", "US", FixedOrMobile},
		{"0800 123 4567", "GB", TollFree},
		{"0909 879 0123", "GB", Premium},
		{"056 1234 5678", "GB", VoIP},
		{"070 1234 5678", "GB", Other},
	}
	for _, test := range tests {
		a, err := ParsePhone(test.number, test.country)
		if err != nil || a.NumberType() != test.want {
			t.Errorf("ParsePhone(%q, %q).NumberType() = %v, %v, want %v", test.number, test.country, a.NumberType(), err, test.want)
		}
	}
}

// Every kind of number of every country must survive its own canonical form.
func TestEveryCountryHasCanonicalNumbers(t *testing.T) {
	for region := range phonenumbers.GetSupportedRegions() {
		for kind := phonenumbers.FIXED_LINE; kind < phonenumbers.UNKNOWN; kind++ {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			number := phonenumbers.Format(example, phonenumbers.INTERNATIONAL)
			a, err := ParsePhone(number, region)
			if err != nil {
				t.Errorf("ParsePhone(%q, %q) = %v, want a number", number, region, err)
				continue
			}
			checkPhoneLaws(t, a)
		}
	}
}

var msisdn = regexp.MustCompile(`^[1-9][0-9]{5,14}$`)

// checkPhoneLaws states what holds of every phone number there is.
func checkPhoneLaws(t *testing.T, a Address) {
	t.Helper()
	if !msisdn.MatchString(a.String()) {
		t.Errorf("canonical number %q, want 6 to 15 digits", a.String())
	}
	if again, err := Parse("msisdn", a.String()); err != nil || again != a {
		t.Errorf("Parse(msisdn, %q) = %q, %v, want the same number", a.String(), again.String(), err)
	}
	if again, err := ParsePhone(a.International(), "GB"); err != nil || again != a {
		t.Errorf("ParsePhone(%q, GB) = %q, %v, want %q", a.International(), again.String(), err, a.String())
	}
	if len(a.Country()) < 2 || a.Domain() != "" || a.Mailbox() != "" || a.Medium() != MSISDN {
		t.Errorf("%q: country %q, domain %q, mailbox %q, medium %q", a.String(), a.Country(), a.Domain(), a.Mailbox(), a.Medium())
	}
}

func FuzzParsePhone(f *testing.F) {
	f.Add("07400 123456", "GB")
	f.Add("+1 201-555-0123", "us")
	f.Add("0 11 15-2345-6789", "AR")
	f.Add("+54 9 11 2345 6789", "AR")
	f.Add("٠٧٤٠٠١٢٣٤٥٦", "GB")
	f.Add("+44;ext=5", "GB")
	f.Add("+52 1 222 123 4567", "MX")
	f.Fuzz(func(t *testing.T, number, country string) {
		if a, err := ParsePhone(number, country); err == nil {
			checkPhoneLaws(t, a)
		}
	})
}
