package fedapi

import (
	"testing"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

// What is read of a body that says that an address was bound are claims of the right form, or an
// error that the other server is told.
func FuzzOnBind(f *testing.F) {
	const invite = `{"mxid":"@u:hs.test","room_id":"!r:b.test","sender":"@a:b.test","address":"x","medium":"email","signed":{"mxid":"@u:hs.test","token":"t","signatures":{"id.test":{"ed25519:0":"c2ln"}}}}`
	for _, body := range []string{`{"invites":[` + invite + `,` + invite + `]}`, `{}`, `{"invites":null}`, `{"invites":[null]}`, `{"invites":[{"signed":5}]}`, `{"invites":{}}`, `[]`, `null`,
		`{"invites":[{"room_id":"!r","sender":"@a:b.test","signed":{"mxid":"@u:hs.test","token":"\u0000","signatures":{"x":{}}}}]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r onBindRequest
		if json.Unmarshal(body, &r) != nil {
			return
		}
		claims, err := r.claims()
		if err != nil {
			if p, told := Translate(err); !told || p.Status != 400 {
				t.Errorf("%q: %v is told as %+v", body, err, p)
			}
			return
		}
		if len(claims) != len(r.Invites) {
			t.Errorf("%q: %d claims of %d", body, len(claims), len(r.Invites))
		}
		for _, c := range claims {
			_, badRoom := matrix.ParseRoomID(c.Room)
			_, badSender := matrix.ParseUserID(c.Sender.String())
			if again, err := claim(c.Room, c.Sender.String(), c.Signed.JSON()); badRoom != nil || badSender != nil || err != nil || again.Signed.User != c.Signed.User {
				t.Errorf("%q is read as %+v", body, c)
			}
		}
	})
}
