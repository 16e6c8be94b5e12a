package clientapi

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json"

	"signet/internal/threepid"
)

// Whatever a client says of who it is, it is one name or one address in its canonical form, or
// an error that is the client's.
func FuzzAuth(f *testing.F) {
	for _, auth := range []string{
		`{"type":"m.login.password","user":"alice","password":"x"}`,
		`{"type":"m.login.password","medium":"email","address":"Alice@Example.org"}`,
		`{"identifier":{"type":"m.id.user","user":"@alice:hs.test"},"user":"bob"}`,
		`{"identifier":{"type":"m.id.thirdparty","medium":"email","address":"a@b.test"}}`,
		`{"identifier":{"type":"m.id.thirdparty","medium":"msisdn","address":"4915112345678"}}`,
		`{"identifier":{"type":"m.id.phone","country":"DE","phone":"0151 12345678","number":"1"}}`,
		`{"identifier":{"type":"m.id.phone","country":"GB","number":"+49 151 12345678"}}`,
		`{"identifier":{"type":"m.id.none"}}`, `{"identifier":null}`,
		`{"threepid_creds":{"sid":"1","client_secret":"s"},"threepidCreds":{"sid":"2"}}`,
	} {
		f.Add([]byte(auth))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d *authData
		if json.Unmarshal(text, &d) != nil || d == nil {
			return
		}
		auth, err := d.auth()
		if err != nil {
			if _, known := Translate(err); !known {
				t.Errorf("%s: the client is told nothing of %v", text, err)
			}
			return
		}
		if auth.Name != "" && !auth.Address.IsZero() {
			t.Errorf("%s is %q and %q", text, auth.Name, auth.Address.String())
		}
		if again, err := threepid.Parse(string(auth.Address.Medium()), auth.Address.String()); !auth.Address.IsZero() && (err != nil || again != auth.Address) {
			t.Errorf("%s: %q is read as %q, %v", text, auth.Address.String(), again.String(), err)
		}
		login := loginRequest{Type: loginPassword, Identifier: d.Identifier, formerIdentifier: d.formerIdentifier, Password: "x"}
		c, err := login.credentials()
		if err == nil && (c.Name != auth.Name || c.Address != auth.Address) {
			t.Errorf("%s logs in as %q %q, and confirms as %q %q", text, c.Name, c.Address.String(), auth.Name, auth.Address.String())
		}
		if err != nil && !errors.Is(err, errLoginMember) {
			t.Errorf("%s logs in as nobody: %v", text, err)
		}
	})
}
