package lookup

import (
	"testing"

	"signet/internal/threepid"
)

// The specification's own vectors (identity service API, "Client behaviour").
func TestTheSpecificationsHashes(t *testing.T) {
	for _, c := range []struct{ medium, address, want string }{
		{"email", "alice@example.com", "4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc"},
		{"email", "bob@example.com", "LJwSazmv46n0hlMlsb_iYxI0_HXEqy_yj6Jm636cdT8"},
		{"msisdn", "18005552067", "nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I"},
	} {
		a, err := threepid.Parse(c.medium, c.address)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := readOne(SHA256, "matrixrocks", c.want)
		if got := keyOf(a.Medium(), []byte(a.String()), "matrixrocks"); got != want || !ok {
			t.Errorf("the key of %q is %x, want %x", c.address, got, want)
		}
	}
}
