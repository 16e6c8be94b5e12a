package event_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// servers are those that must have signed, in a fixed order.
func servers(t *testing.T, e *event.Event) string {
	t.Helper()
	required, err := e.RequiredSignatures()
	if err != nil {
		return err.Error()
	}
	names := make([]string, len(required))
	for i, r := range required {
		names[i] = fmt.Sprint(r.Server, r.Keys)
	}
	return strings.Join(names, " ")
}

func TestRequiredSignatures(t *testing.T) {
	always := func(event.Version) bool { return true }
	for _, c := range []struct {
		what string
		p    func(v event.Version) event.Proto
		in   func(v event.Version) bool
		want string
	}{
		{"a message", message, always, "x.org[ed25519:1]"},
		{"an event whose id is of another server", func(v event.Version) event.Proto {
			p := message(v)
			p.EventID = "$1:y.org"
			return p
		}, event.Version.EventIDInEvent, "x.org[ed25519:1] y.org[]"},
		{"an invitation", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@bob:y.org", `{"membership":"invite"}`)
		}, always, "x.org[ed25519:1]"},
		{"an invitation of a third party", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@bob:y.org", `{"membership":"invite","third_party_invite":{}}`)
		}, func(v event.Version) bool { return !v.EventIDInEvent() }, ""},
		{"an invitation of a third party with an id", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@bob:y.org", `{"membership":"invite","third_party_invite":{}}`)
		}, event.Version.EventIDInEvent, "x.org[ed25519:1]"},
		{"a join with third_party_invite", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"join","third_party_invite":{}}`)
		}, always, "x.org[ed25519:1]"},
		{"a restricted join", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"join","join_authorised_via_users_server":"@bob:y.org:1"}`)
		}, event.Version.RestrictedJoins, "x.org[ed25519:1] y.org:1[]"},
		{"a restricted join by the own server", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"join","join_authorised_via_users_server":"@bob:x.org"}`)
		}, always, "x.org[ed25519:1]"},
		{"what is no restricted join yet", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"join","join_authorised_via_users_server":"@bob:y.org"}`)
		}, func(v event.Version) bool { return !v.RestrictedJoins() }, "x.org[ed25519:1]"},
		{"a restricted join by nobody", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"join","join_authorised_via_users_server":["@bob:y.org"]}`)
		}, event.Version.RestrictedJoins, event.ErrAuthoriser.Error()},
		{"a leave with the field of a restricted join", func(v event.Version) event.Proto {
			return state(v, "m.room.member", "@alice:x.org", `{"membership":"leave","join_authorised_via_users_server":"@bob:y.org"}`)
		}, event.Version.RestrictedJoins, "x.org[ed25519:1] y.org[]"},
		{"a message with the field of a restricted join", func(v event.Version) event.Proto {
			p := message(v)
			p.Content = []byte(`{"join_authorised_via_users_server":"@bob:y.org"}`)
			return p
		}, always, "x.org[ed25519:1]"},
	} {
		for _, v := range event.Versions() {
			if got := servers(t, build(t, v, c.p(v))); c.in(v) && got != c.want {
				t.Errorf("version %s: %s must be signed by %q, want %q", v, c.what, got, c.want)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, message(v))
		if err := e.Verify(keys); err != nil {
			t.Fatalf("version %s: %v", v, err)
		}
		other, err := e.Sign(event.Signer{Server: "x.org", Key: matrix.SigningKey{ID: "ed25519:2", Private: ours.Key.Private}})
		if err != nil {
			t.Fatal(err)
		}
		known := other.Verify(func(matrix.ServerName, matrix.KeyID, int64) (ed25519.PublicKey, bool) { return ours.Key.Public(), true })
		if known != nil || other.Verify(keys) != nil || other.ID() != e.ID() {
			t.Errorf("version %s: a second signature: %v, %v", v, known, other.Verify(keys))
		}
		for what, lookup := range map[string]event.KeyLookup{
			"no key": func(matrix.ServerName, matrix.KeyID, int64) (ed25519.PublicKey, bool) { return nil, false },
			"a short key": func(matrix.ServerName, matrix.KeyID, int64) (ed25519.PublicKey, bool) {
				return ours.Key.Public()[:31], true
			},
			"another key": func(matrix.ServerName, matrix.KeyID, int64) (ed25519.PublicKey, bool) {
				return signer("z.org").Key.Public(), true
			},
		} {
			if err := e.Verify(lookup); !errors.Is(err, event.ErrSignature) {
				t.Errorf("version %s: Verify with %s = %v", v, what, err)
			}
		}
		for what, remote := range map[string][]byte{
			"no signature":           changed(t, e, "signatures", `{}`),
			"another's signature":    []byte(strings.Replace(string(e.JSON()), `{"x.org":{"ed25519`, `{"y.org":{"ed25519`, 1)),
			"a signature of nothing": changed(t, e, "signatures", `{"x.org":{"ed25519:1":""}}`),
			"another depth":          changed(t, e, "depth", `18`),
			"another sender":         changed(t, e, "sender", `"@mallory:x.org"`),
		} {
			forged, err := v.Parse(remote)
			if err != nil {
				t.Fatalf("version %s: %s: %v", v, what, err)
			}
			if err := forged.Verify(keys); !errors.Is(err, event.ErrSignature) {
				t.Errorf("version %s: Verify with %s = %v", v, what, err)
			}
		}
	}
}

// A key that is unknown or too old is skipped, one that is known must be right.
func TestVerifyAllKnownKeys(t *testing.T) {
	v := event.Default
	e, err := build(t, v, message(v)).Sign(event.Signer{Server: "x.org", Key: matrix.SigningKey{ID: "ed25519:wrong", Private: signer("z.org").Key.Private}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(keys); err != nil {
		t.Errorf("Verify with an unknown key beside = %v", err)
	}
	seen := int64(0)
	if err := e.Verify(func(_ matrix.ServerName, _ matrix.KeyID, ts int64) (ed25519.PublicKey, bool) {
		seen = ts
		return ours.Key.Public(), true
	}); !errors.Is(err, event.ErrSignature) || seen != e.OriginServerTS() {
		t.Errorf("Verify with a wrong signature beside = %v, asked for %d", err, seen)
	}
}

// The server that lets somebody into a restricted room signs after the sender's.
func TestTwoServersSign(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, state(v, "m.room.member", "@alice:x.org", `{"membership":"join","join_authorised_via_users_server":"@bob:y.org"}`))
		if err := e.Verify(keys); (err != nil) != v.RestrictedJoins() {
			t.Errorf("version %s: signed by one: %v", v, err)
		}
		both, err := e.Sign(signer("y.org"))
		if err != nil || both.Verify(keys) != nil || both.ID() != e.ID() {
			t.Errorf("version %s: signed by both: %v, %v", v, err, both.Verify(keys))
		}
		if again, err := v.Parse(both.JSON()); err != nil || again.Redacted() || again.Verify(keys) != nil {
			t.Errorf("version %s: read again: %v", v, err)
		}
	}
}

// The specification's own vector (appendices, "Event Signing"), in the versions whose
// redaction leaves origin.
func TestTheSpecificationsEvent(t *testing.T) {
	seed, err := matrix.DecodeBase64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
	if err != nil {
		t.Fatal(err)
	}
	signed := `{"auth_events":[],"content":{},"depth":3,"hashes":{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"},"origin":"domain","origin_server_ts":1000000,"prev_events":[],"room_id":"!x:domain","sender":"@a:domain","signatures":{"domain":{"ed25519:1":"KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"}},"type":"X","unsigned":{"age_ts":1000000}}`
	for v := event.V3; v <= event.V10; v++ {
		e, err := v.Parse([]byte(signed))
		if err != nil || e.Redacted() {
			t.Fatalf("version %s: Parse = %v", v, err)
		}
		key := ed25519.NewKeyFromSeed(seed)
		if err := e.Verify(func(matrix.ServerName, matrix.KeyID, int64) (ed25519.PublicKey, bool) {
			return key.Public().(ed25519.PublicKey), true
		}); err != nil {
			t.Errorf("version %s: %v", v, err)
		}
	}
}
