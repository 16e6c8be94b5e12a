package directorytest

import (
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/value"
)

// Uploaded is cross-signing keys as a client has uploaded them.
type Uploaded struct{ Master, SelfSigning, UserSigning jsontext.Value }

// CrossSigned publishes keys of a user that their homeserver has sent.
func (d *Directory) CrossSigned(user matrix.UserID, keys Uploaded) {
	d.Helper()
	label := "mxid:" + user.String()
	d.mu.Lock()
	before := d.versions[label]
	d.mu.Unlock()
	draft := value.Draft{User: user, Version: uint32(len(before)), NotBefore: d.Now(), Master: keys.Master, SelfSigning: keys.SelfSigning, UserSigning: keys.UserSigning}
	if n := len(before); n > 0 {
		previous, err := value.ParseUser(before[n-1].value)
		d.must(err)
		draft.Previous = previous.Hash()
	}
	object, err := value.FromCrossSigning(draft)
	d.must(err)
	u, err := value.ParseUser(object)
	d.must(err)
	how := value.ByHomeserver
	if draft.Version > 0 {
		how = value.ByRecovery
	}
	object, err = u.WithAuth(value.Auth{How: how, TS: d.Now().UnixMilli()})
	d.must(err)
	signed, err := d.signing.Sign(d.Name, object)
	d.must(err)
	d.Publish(label, signed)
}

// Erased publishes what is left of a user's keys that were erased.
func (d *Directory) Erased(user matrix.UserID) {
	d.Helper()
	label := "mxid:" + user.String()
	d.mu.Lock()
	next := uint32(len(d.versions[label]))
	d.mu.Unlock()
	stone, err := value.NewTombstone(next, d.Now())
	d.must(err)
	d.Publish(label, stone.JSON())
}

func (d *Directory) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}
