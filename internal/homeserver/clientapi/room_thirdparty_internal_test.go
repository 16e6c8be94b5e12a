package clientapi

import (
	"encoding/json"
	"errors"
	"testing"

	"signet/internal/matrix"
)

// What is read of what people present names a sender and a user, and is what they have sent.
func FuzzPresented(f *testing.F) {
	const good = `{"sender":"@a:b.test","mxid":"@c:d.test","token":"t","signatures":{"id.test":{"ed25519:0":"c2ln"}}}`
	for _, signed := range []string{good, `{}`, `null`, `[]`, good + good, `{"sender":5,"mxid":"@a:b"}`, `{"sender":"@a:b","sender":"@e:f","mxid":"@c:d","token":"t","signatures":{"x":{}}}`} {
		f.Add([]byte(signed))
	}
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, err := presented("!r:b.test", signed)
		if err != nil {
			if !errors.Is(err, errPresented) {
				t.Errorf("%q: %v", signed, err)
			}
			return
		}
		var read struct {
			Sender, MXID, Token string
		}
		if err := json.Unmarshal(signed, &read); err != nil {
			t.Errorf("%q is no JSON: %v", signed, err)
		}
		for _, user := range []matrix.UserID{c.Sender, c.Signed.User} {
			if _, err := matrix.ParseUserID(user.String()); err != nil {
				t.Errorf("%q names %q", signed, user)
			}
		}
		again, err := presented("!r:b.test", c.Signed.JSON())
		if err != nil || again.Sender != c.Sender || again.Signed.User != c.Signed.User || string(again.Signed.JSON()) != string(c.Signed.JSON()) {
			t.Errorf("%q reads as %+v, and then as %+v, %v", signed, c, again, err)
		}
	})
}
