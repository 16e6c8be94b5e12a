package verify_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"signet/internal/matrix"
	"signet/verify"
)

// A session is for one purpose, caller and user: whoever asks for another has another
// session, which the first one's code does not open.
func TestASessionIsForOnePurpose(t *testing.T) {
	each(t, func(s *story) {
		base := verify.Request{
			Address: email(s.T, "alice@example.org"), ClientSecret: "secret", SendAttempt: 1,
			Caller: verify.Homeserver("example.org"), Purpose: verify.Add, User: "@alice:example.org",
		}
		others := map[string]func(r *verify.Request){
			"purpose": func(r *verify.Request) { r.Purpose = verify.Reset },
			"user":    func(r *verify.Request) { r.User = "@bob:example.org" },
			"nobody":  func(r *verify.Request) { r.User = "" },
			"caller":  func(r *verify.Request) { r.Caller = alice; r.Purpose = verify.Verify },
		}
		sid, err := s.Request(s.Context(), base)
		if err != nil {
			s.Fatal(err)
		}
		code := s.Post.Last(s.T).Code()
		for name, change := range others {
			r := base
			change(&r)
			other, err := s.Request(s.Context(), r)
			if err != nil || other == sid {
				s.Errorf("another %s: session %q, %v; the first is %q", name, other, err, sid)
				continue
			}
			c := verify.Credentials{SID: other, ClientSecret: "secret"}
			if err := s.Submit(s.Context(), c, r.Caller, code); !errors.Is(err, verify.ErrWrongCode) && s.Post.Last(s.T).Code() != code {
				s.Errorf("the code for another %s = %v", name, err)
			}
			if err := s.Submit(s.Context(), verify.Credentials{SID: sid, ClientSecret: "secret"}, alice, code); !errors.Is(err, verify.ErrNoSession) {
				s.Errorf("the session used by another caller = %v", err)
			}
		}
		if err := s.Submit(s.Context(), verify.Credentials{SID: sid, ClientSecret: "secret"}, base.Caller, code); err != nil {
			s.Fatal(err)
		}
		proof, err := s.World.Verifier.Prove(s.Context(), verify.Credentials{SID: sid, ClientSecret: "secret"}, base.Caller)
		if err != nil || proof.Purpose() != verify.Add || proof.User() != "@alice:example.org" {
			s.Errorf("the proof is for %q of %q, %v", proof.Purpose(), proof.User(), err)
		}
	})
}

// What one may ask for depends on who one is.
func TestWhoMayAskForWhat(t *testing.T) {
	each(t, func(s *story) {
		hs := verify.Homeserver("example.org")
		for _, c := range []struct {
			caller  verify.Caller
			purpose verify.Purpose
			user    matrix.UserID
			want    error
		}{
			{alice, verify.Verify, "", nil},
			{alice, verify.Add, "@alice:example.org", nil},
			{alice, verify.Add, "@mallory:example.org", verify.ErrOthersUser},
			{alice, verify.Register, "", verify.ErrPurposeRefused},
			{alice, verify.Reset, "", verify.ErrPurposeRefused},
			{alice, verify.Login, "", verify.ErrPurposeRefused},
			{alice, verify.Manage, "", verify.ErrPurposeRefused},
			{hs, verify.Register, "", nil},
			{alice, verify.RegisterAndBind, "", verify.ErrPurposeRefused},
			{verify.Page, verify.RegisterAndBind, "", verify.ErrPurposeRefused},
			{hs, verify.RegisterAndBind, "", nil},
			{hs, verify.RegisterAndBind, "@bob:other.example", verify.ErrOthersUser},
			{hs, verify.Reset, "@bob:example.org", nil},
			{hs, verify.Login, "@bob:other.example", verify.ErrOthersUser},
			{hs, verify.Manage, "", verify.ErrPurposeRefused},
			{verify.Page, verify.Manage, "", nil},
			{verify.Page, verify.Login, "", verify.ErrPurposeRefused},
			{verify.Page, verify.Verify, "@alice:example.org", verify.ErrOthersUser},
		} {
			sent := len(s.Post.Sent())
			_, err := s.Request(s.Context(), verify.Request{
				Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: c.caller, Purpose: c.purpose, User: c.user, SendAttempt: 1,
			})
			if !errors.Is(err, c.want) {
				s.Errorf("%s asks for %s of %q = %v, want %v", c.caller, c.purpose, c.user, err, c.want)
			}
			if c.want != nil && len(s.Post.Sent()) != sent {
				s.Errorf("%s asks for %s and a message is sent", c.caller, c.purpose)
			}
		}
	})
}

func TestParsePurpose(t *testing.T) {
	for text, want := range map[string]verify.Purpose{"": verify.Verify, "verify": verify.Verify, "login": verify.Login} {
		if got, err := verify.ParsePurpose(text); got != want || err != nil {
			t.Errorf("ParsePurpose(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"Verify", "bind", "register_bind", " ", "login\x00"} {
		if _, err := verify.ParsePurpose(text); !errors.Is(err, verify.ErrPurpose) {
			t.Errorf("ParsePurpose(%q) = %v", text, err)
		}
	}
}

// Whoever signs up and agrees to be found has a session apart from that of who only signs up: no
// later request makes the one of the other. What is kept of it says so, and of its proofs only
// that one binds, for a user of the homeserver that asked.
func TestSigningUpToBeFoundIsAnotherSession(t *testing.T) {
	each(t, func(s *story) {
		address := email(s.T, "alice@example.org")
		signUp := func(secret string, purpose verify.Purpose, user matrix.UserID) verify.Proof {
			s.Helper()
			c := verify.Credentials{ClientSecret: secret}
			var err error
			c.SID, err = s.Request(s.Context(), verify.Request{Address: address, ClientSecret: secret, Caller: hs, Purpose: purpose, User: user, SendAttempt: 1})
			if err != nil {
				s.Fatal(err)
			}
			if err := s.Submit(s.Context(), c, hs, s.Post.Last(s.T).Code()); err != nil {
				s.Fatal(err)
			}
			proof, err := s.World.Verifier.Prove(s.Context(), c, hs)
			if err != nil {
				s.Fatal(err)
			}
			return proof
		}
		plain, found, named := signUp("secret", verify.Register, ""), signUp("secret", verify.RegisterAndBind, ""), signUp("other", verify.RegisterAndBind, "@new:hs.example")
		if plain.SID() == found.SID() || found.Binds("@any:hs.example") != nil || named.Binds("@new:hs.example") != nil {
			s.Errorf("sessions %s and %s; %v, %v", plain.SID(), found.SID(), found.Binds("@any:hs.example"), named.Binds("@new:hs.example"))
		}
		for what, err := range map[string]error{
			"without the wish": plain.Binds("@any:hs.example"), "a user of another server": found.Binds("@any:other.example"), "another user": named.Binds("@any:hs.example"),
		} {
			if !errors.Is(err, verify.ErrOtherPurpose) {
				s.Errorf("%s: %v", what, err)
			}
		}
		held, err := s.World.Verifier.Held(s.Context(), address)
		if err != nil {
			s.Fatal(err)
		}
		text, err := json.Marshal(held)
		if n := strings.Count(string(text), `"purpose":"register"`); err != nil || n != 3 || strings.Count(string(text), `"bind":true`) != 2 {
			s.Errorf("what is held is %s, %v", text, err)
		}
	})
}
