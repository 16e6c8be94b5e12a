package authz_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// identity is the key of an identity server.
var identity = matrix.SigningKey{ID: "ed25519:0", Private: ed25519.NewKeyFromSeed([]byte(strings.Repeat("i", 32)))}

func public(key matrix.SigningKey) string { return `"` + matrix.EncodeBase64(key.Public()) + `"` }

// signed is what the identity server signs for a user.
func signed(t *testing.T, key matrix.SigningKey, object string) string {
	t.Helper()
	s, err := key.Sign("id.org", []byte(object))
	if err != nil {
		t.Fatal(err)
	}
	return string(s)
}

// Rules 4.4.1 of version 8. Bob made the invitation, and sends the event though his level
// does not suffice to invite: what counts is that it sufficed then.
func TestThirdPartyInvite(t *testing.T) {
	other := matrix.SigningKey{ID: "ed25519:1", Private: server.Key.Private}
	good := signed(t, identity, `{"mxid":"`+eve+`","token":"t","sender":"`+bob+`"}`)
	for _, c := range []struct {
		rule, sender, target, signed, keys string
		want                               authz.Refusal
	}{
		{"7", bob, eve, good, `"public_key":` + public(identity), ""},
		{"7 in the list", bob, eve, good, `"public_keys":[{"public_key":` + public(other) + `},{"public_key":` + public(identity) + `}]`, ""},
		{"7 the single key beside a list", bob, eve, good, `"public_key":` + public(identity) + `,"public_keys":[{"public_key":` + public(other) + `}]`, ""},
		{"7 in the URL-safe alphabet", bob, eve, good, `"public_key":` + strings.NewReplacer("+", "-", "/", "_").Replace(public(identity)), ""},
		{"7 with unsigned data", bob, eve, strings.Replace(good, `{`, `{"unsigned":{"x":1},`, 1), `"public_key":` + public(identity), ""},
		{"7 the first signature of two", bob, eve, signed(t, other, good), `"public_key":` + public(identity), ""},
		{"7 the last signature of two", bob, eve, signed(t, other, good), `"public_key":` + public(other), ""},
		{"1 banned", bob, carol, signed(t, identity, `{"mxid":"`+carol+`","token":"t"}`), `"public_key":` + public(identity), authz.ErrBanned},
		{"2 no signed", bob, eve, ``, `"public_key":` + public(identity), authz.ErrInviteSigned},
		{"2 signed is text", bob, eve, `"x"`, `"public_key":` + public(identity), authz.ErrInviteSigned},
		{"3 no mxid", bob, eve, signed(t, identity, `{"token":"t"}`), `"public_key":` + public(identity), authz.ErrInviteSigned},
		{"3 no token", bob, eve, signed(t, identity, `{"mxid":"`+eve+`"}`), `"public_key":` + public(identity), authz.ErrInviteSigned},
		{"3 a token that is no text", bob, eve, signed(t, identity, `{"mxid":"`+eve+`","token":1}`), `"public_key":` + public(identity), authz.ErrInviteSigned},
		{"4 for another", bob, gone, good, `"public_key":` + public(identity), authz.ErrInviteUser},
		{"5 no such token", bob, eve, signed(t, identity, `{"mxid":"`+eve+`","token":"u"}`), `"public_key":` + public(identity), authz.ErrInviteToken},
		{"6 made by another", mod, eve, good, `"public_key":` + public(identity), authz.ErrInviteSender},
		{"6 made by another, not even there", gone, eve, good, `"public_key":` + public(identity), authz.ErrInviteSender},
		{"8 another key", bob, eve, good, `"public_key":` + public(other), authz.ErrInviteUnsigned},
		{"8 no key", bob, eve, good, `"x":1`, authz.ErrInviteUnsigned},
		{"8 keys that are none", bob, eve, good, `"public_key":"x","public_keys":[1,{},{"public_key":[]},{"public_key":"AA"}]`, authz.ErrInviteUnsigned},
		{"8 unsigned", bob, eve, `{"mxid":"` + eve + `","token":"t"}`, `"public_key":` + public(identity), authz.ErrInviteUnsigned},
		{"8 signed something else", bob, eve, strings.Replace(good, `"sender":"`+bob, `"sender":"`+mod, 1), `"public_key":` + public(identity), authz.ErrInviteUnsigned},
		{"8 signatures that are none", bob, eve, `{"mxid":"` + eve + `","token":"t","signatures":{"a":1,"b":{"c":1,"d":"x"}}}`, `"public_key":` + public(identity), authz.ErrInviteUnsigned},
	} {
		each(t, 1, 12, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			w.put("m.room.third_party_invite", "t", bob, `{"display_name":"e...",`+c.keys+`}`)
			invite := `{}`
			if c.signed != "" {
				invite = `{"display_name":"eve","signed":` + c.signed + `}`
			}
			w.want("4.4.1."+c.rule, w.try("m.room.member", c.target, c.sender, `{"membership":"invite","third_party_invite":`+invite+`}`), c.want)
		})
	}
}

// Who made the invitation need not be in the room any more when it is taken up.
func TestThirdPartyInviteOutlivesItsMaker(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		w.put("m.room.third_party_invite", "t", gone, `{"public_key":`+public(identity)+`}`)
		content := `{"membership":"invite","third_party_invite":{"signed":` + signed(t, identity, `{"mxid":"`+eve+`","token":"t"}`) + `}}`
		w.want("4.4.1.7", w.try("m.room.member", eve, gone, content), "")
	})
}

// Hostile numbers of signatures and keys cost a bounded number of verifications, and are
// refused beyond.
func TestThirdPartyInviteIsBounded(t *testing.T) {
	w := peopled(t, event.Default)
	list := make([]string, 600)
	for i := range list {
		list[i] = `{"public_key":"` + matrix.EncodeBase64([]byte(fmt.Sprintf("%032d", i))) + `"}`
	}
	signatures := make([]string, 400)
	for i := range signatures {
		signatures[i] = fmt.Sprintf(`"ed25519:%d":"%s"`, i, matrix.EncodeBase64([]byte(fmt.Sprintf("%064d", i))))
	}
	w.put("m.room.third_party_invite", "t", bob, `{"public_keys":[`+strings.Join(list, ",")+`]}`)
	content := `{"membership":"invite","third_party_invite":{"signed":{"mxid":"` + eve + `","token":"t","signatures":{"id.org":{` + strings.Join(signatures, ",") + `}}}}}`
	w.want("4.4.1.8", w.try("m.room.member", eve, bob, content), authz.ErrInviteUnsigned)
}
