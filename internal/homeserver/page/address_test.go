package page

import (
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/threepid"
)

// What people type on the page of an address is read as an address of the page's kind.
func FuzzEntered(f *testing.F) {
	for _, text := range []string{"alice@example.org", " A@B.test ", "+49 151 1234 5678", "0151", "+1", "+", "", "\u202e+4915112345678"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for stage, medium := range map[account.Stage]threepid.Medium{account.StageEmail: threepid.Email, account.StageMSISDN: threepid.MSISDN} {
			address, err := parseEntered(stage, text)
			if err != nil {
				if _, _, known := pages.troubleOf(err); !known {
					t.Errorf("%s of %q: nothing is said of %v", stage, text, err)
				}
				continue
			}
			if again, err := parseEntered(stage, shownAddress(stage, address.String())); err != nil || again != address || address.Medium() != medium {
				t.Errorf("%s of %q is %q, which is read as %q, %v", stage, text, address.String(), again.String(), err)
			}
		}
	})
}
