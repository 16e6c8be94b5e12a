package value

import (
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/entry"
)

// crossSigning is a user's keys as their client has uploaded them (client-server API, POST
// /keys/device_signing/upload), its members in canonical order. It shows that whoever has the
// master key has made the others for that user, as each client of Matrix does of itself; when,
// it does not say.
type crossSigning struct {
	Master      crossSigningKey  `json:"master_key"`
	SelfSigning crossSigningKey  `json:"self_signing_key"`
	UserSigning *crossSigningKey `json:"user_signing_key,omitzero"`
}

// crossSigningKey is a CrossSigningKey of the specification, of which nothing may be left out
// that is signed. Signatures are those of the master key alone.
type crossSigningKey struct {
	Keys       map[string]string `json:"keys"`
	Signatures Signatures        `json:"signatures,omitzero"`
	Usage      []string          `json:"usage"`
	UserID     string            `json:"user_id"`
}

// usages are what the keys are for, in the specification's words.
var usages = map[KeyID]string{Master: "master", SelfSigning: "self_signing", UserSigning: "user_signing"}

// byID is the keys that are there.
func (c crossSigning) byID() map[KeyID]crossSigningKey {
	keys := map[KeyID]crossSigningKey{Master: c.Master, SelfSigning: c.SelfSigning}
	if c.UserSigning != nil {
		keys[UserSigning] = *c.UserSigning
	}
	return keys
}

// takeCrossSigning holds the keys as they were uploaded against those of the value: they are the
// same, no more and no less, so that both are read as the same whichever somebody reads.
func (u *User) takeCrossSigning(f userFields) error {
	if f.CrossSigning == nil {
		return nil
	}
	if u.Label.Medium() != entry.MXID || u.MXID == "" {
		return wrong("cross_signing: the label is not that of the user")
	}
	keys := f.CrossSigning.byID()
	if len(keys) != len(f.Keys) {
		return wrong("cross_signing: it has other keys than the value")
	}
	master := f.Keys[Master]
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		if err := keys[id].check(id, f.Keys[id], u.MXID, master); err != nil {
			return err
		}
	}
	u.crossSigning = f.CrossSigning
	return nil
}

// check tells whether a key is the user's, that one, for what its id says, and has a place for
// the one signature that it should.
func (k crossSigningKey) check(id KeyID, key string, user matrix.UserID, master string) error {
	switch {
	case k.UserID != user.String():
		return wrong("cross_signing: %s is of another user", id)
	case !slices.Equal(k.Usage, []string{usages[id]}):
		return wrong("cross_signing: %s is for something else", id)
	case key == "" || !maps.Equal(k.Keys, map[string]string{ed25519Prefix + key: key}):
		return wrong("cross_signing: %s is another key than in the value", id)
	case id == Master && k.Signatures != nil:
		return wrong("cross_signing: nobody signs the master key here")
	case id != Master && !k.signedOnce(user, master):
		return wrong("cross_signing: the master key, and it alone, signs %s", id)
	}
	return nil
}

// signedOnce tells whether there is one signature, which says that it is by the master key.
func (k crossSigningKey) signedOnce(user matrix.UserID, master string) bool {
	n := len(k.masterSignature(user, master))
	return len(k.Signatures) == 1 && len(k.Signatures[user.String()]) == 1 && 0 < n && n <= maxSignature
}

// ed25519Prefix stands before the names of keys that sign, which in CrossSigningKeys are the
// keys themselves.
const ed25519Prefix = "ed25519:"

func (k crossSigningKey) masterSignature(user matrix.UserID, master string) string {
	return k.Signatures[user.String()][ed25519Prefix+master]
}

// checkCrossSigning tells whether the master key has signed the others as the specification has
// it: in canonical JSON without the signatures.
func (u *User) checkCrossSigning() error {
	master := matrix.EncodeBase64(u.Keys[Master])
	for id, key := range u.crossSigning.byID() {
		if id == Master {
			continue
		}
		signature := key.masterSignature(u.MXID, master)
		key.Signatures = nil
		signed, err := json.Marshal(key, json.Deterministic(true))
		if err != nil {
			return wrong("%w", err)
		}
		if err := verify(Master, u.Keys[Master], signed, signature); err != nil {
			return unsigned("cross_signing: the master key has not signed %s", id)
		}
	}
	return nil
}

// Draft is what a value is made from that a homeserver publishes for its user: the keys as the
// user's client has uploaded them, with whatever signatures.
type Draft struct {
	User        matrix.UserID
	Version     uint32
	Previous    string // Hash of the version before; empty without one, or if it was erased
	NotBefore   time.Time
	Master      jsontext.Value // a CrossSigningKey, as the others
	SelfSigning jsontext.Value
	UserSigning jsontext.Value // empty for none
}

// FromCrossSigning makes a value of keys as they were uploaded, to be published. Signatures of
// others than the master key, and what is unsigned, are left out. Errors: ErrValue for keys that
// the directory has no place for, entry.ErrLabel, ErrSignature.
func FromCrossSigning(d Draft) (jsontext.Value, error) {
	label, err := entry.UserLabel(d.User)
	if err != nil {
		return nil, err
	}
	keys, err := d.keys()
	if err != nil {
		return nil, err
	}
	f := userFields{CrossSigning: &keys, Keys: map[KeyID]string{}, Label: label.String(), MXID: d.User.String(),
		NotBefore: d.NotBefore.UnixMilli(), Prev: d.Previous, Type: userType, Version: d.Version}
	for id, key := range keys.byID() {
		for _, text := range key.Keys {
			f.Keys[id] = text
		}
	}
	object, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		return nil, wrong("%w", err)
	}
	u, err := ParseUser(object)
	if err == nil {
		err = u.CheckSelf()
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}

func (d Draft) keys() (c crossSigning, err error) {
	if c.Master, err = uploaded(d.Master); err != nil {
		return c, err
	}
	master := c.Master.name()
	c.Master.Signatures = nil
	if c.SelfSigning, err = uploaded(d.SelfSigning); err != nil {
		return c, err
	}
	c.SelfSigning.keepSignature(d.User, master)
	if len(d.UserSigning) == 0 {
		return c, nil
	}
	userSigning, err := uploaded(d.UserSigning)
	userSigning.keepSignature(d.User, master)
	c.UserSigning = &userSigning
	return c, err
}

// uploaded reads a key as a client has uploaded it. A member that is not the specification's is
// signed, and cannot be left out.
func uploaded(object jsontext.Value) (k crossSigningKey, err error) {
	var whole struct {
		crossSigningKey
		Unsigned jsontext.Value `json:"unsigned"`
	}
	if err := json.Unmarshal(object, &whole, json.RejectUnknownMembers(true)); err != nil {
		return k, wrong("a cross-signing key is not as specified")
	}
	return whole.crossSigningKey, nil
}

// name is the key id of the one key that is there.
func (k crossSigningKey) name() string {
	for id := range k.Keys {
		return id
	}
	return ""
}

func (k *crossSigningKey) keepSignature(user matrix.UserID, by string) {
	k.Signatures = Signatures{user.String(): {by: k.Signatures[user.String()][by]}}
}
