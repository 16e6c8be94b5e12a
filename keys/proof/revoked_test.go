package proof_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	. "signet/keys/proof"
	"signet/keys/value"
)

func publicKeyOf(name string) ed25519.PublicKey { return secret(name).Public().(ed25519.PublicKey) }

// revoking is a policy in which the key that the server signs by is revoked from a position on.
func (w *world) revoking(before int64) Policy {
	p := w.policy()
	p.Revoked = map[matrix.KeyID]Revoked{w.server.ID: {Public: w.server.Public(), Before: before}}
	p.ServerKeys = value.ServerKeys{"ed25519:next": publicKeyOf("next")}
	return p
}

// What a key signed before it was revoked is believed where its place in the log shows that, and
// nowhere else: whoever has stolen the key signs what it likes, but not into the log's past.
func TestARevokedKey(t *testing.T) {
	w, _ := populated(t)
	positions := []int64{w.versions[alice][0].position, w.versions[alice][1].position, w.versions[alice][2].position}
	newest := positions[2]
	for name, c := range map[string]struct {
		before int64
		spoil  func(h *History, l *Lookup)
		want   error // of both
	}{
		"all was logged before":       {newest + 1, func(*History, *Lookup) {}, nil},
		"the newest came when it was": {newest, func(*History, *Lookup) {}, ErrRevoked},
		"nothing is believed":         {0, func(*History, *Lookup) {}, value.ErrSignature},
		"one without a place":         {newest + 1, func(h *History, l *Lookup) { h.Versions[2].Place, l.Place = nil, nil }, ErrRevoked},
		"the place of one before": {newest, func(h *History, l *Lookup) {
			h.Versions[2].Place, l.Place = w.place(positions[1]), w.place(positions[1])
		}, ErrPlace},
		"the place of somebody else": {newest + 1, func(h *History, l *Lookup) {
			l.Place = w.place(w.versions[bob][0].position)
			h.Versions[2].Place = l.Place
		}, ErrPlace},
		"a position that is not the place": {newest, func(h *History, l *Lookup) { h.Versions[2].Place.Position--; l.Place.Position-- }, ErrPlace},
		"position 0":                       {newest + 1, func(h *History, l *Lookup) { h.Versions[2].Place.Position, l.Place.Position = 0, 0 }, ErrPlace},
	} {
		h, l := w.history(alice, 3, 0), w.lookup(alice, 0)
		l.Place = w.place(newest)
		c.spoil(h, l)
		past, err := VerifyHistory(h, Asked{Label: alice}, w.revoking(c.before), w.now)
		if !errors.Is(err, c.want) || c.want == nil && len(past.Revoked) != 3 {
			t.Errorf("%s: the history: %v, revoked are %v; want %v", name, err, past.Revoked, c.want)
		}
		r, err := Verify(clone(t, l), Asked{Label: alice}, w.revoking(c.before), w.now)
		if !errors.Is(err, c.want) || c.want == nil && !r.Revoked {
			t.Errorf("%s: the look-up: %v, revoked: %t; want %v", name, err, r.Revoked, c.want)
		}
		if c.want == nil && (!strings.Contains(r.Held[7].Text, "revoked its key since") || !strings.Contains(past.Held[7].Text, "of 3 the server has revoked the key since")) {
			t.Errorf("%s is not said: %v, %v", name, r.Held[7], past.Held[7])
		}
	}
	// Who believes the key believes it without a place, and is told of nothing.
	if r, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, w.policy(), w.now); err != nil || r.Revoked {
		t.Errorf("by a key that is good: %v, revoked: %t", err, r.Revoked)
	}
	// An answer that is none has no place.
	none := w.lookup(nobody, 0)
	none.Place = w.place(1)
	if _, err := Verify(none, Asked{Label: nobody}, w.policy(), w.now); !errors.Is(err, ErrUnasked) {
		t.Errorf("nothing at a place: %v", err)
	}
}

// A trust root names a key once, and from where on it is not believed.
func TestATrustRootWithRevokedKeys(t *testing.T) {
	w := newWorld(t)
	good := Config{Server: serverName, Users: LogConfig{Origin: origin, VKeys: []string{holder{t, map[string]note.Signer{}}.vkey('A')}}, VRF: Hash(w.vrf.Public().Bytes()),
		Keys:    map[matrix.KeyID]Hash{"ed25519:new": Hash(publicKeyOf("new"))},
		Revoked: map[matrix.KeyID]RevokedKey{"ed25519:old": {Hash(publicKeyOf("old")), 302}}}
	read, err := ParseConfig(marshal(t, good))
	if err != nil {
		t.Fatal(err)
	}
	p, err := read.Policy()
	if r := p.Revoked["ed25519:old"]; err != nil || r.Before != 302 || !r.Public.Equal(publicKeyOf("old")) || len(p.ServerKeys) != 1 {
		t.Errorf("the policy is %+v, %v", p, err)
	}
	for name, revoked := range map[string]map[matrix.KeyID]RevokedKey{
		"believed and revoked":     {"ed25519:new": {Hash(publicKeyOf("new")), 302}},
		"before a negative number": {"ed25519:old": {Hash(publicKeyOf("old")), -1}},
		"a key that is none":       {"ed25519:old": {Hash{}, 1}},
		"an id that is none":       {"old": {Hash(publicKeyOf("old")), 1}},
	} {
		bad := good
		bad.Revoked = revoked
		if _, err := bad.Policy(); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: Policy = %v, want %v", name, err, ErrPolicy)
		}
	}
}
