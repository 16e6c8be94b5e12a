package contact_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// The identity server is asked as the homeserver, for the person where they are.
func TestTheIdentityServerIsAsked(t *testing.T) {
	each(t, func(w *world) {
		wish := w.wish(idclient.Add, alice)
		wish.NextLink, wish.Client, wish.Language, wish.Challenge, wish.Answer = "https://app.test/?a=b", netip.MustParseAddr("192.0.2.1"), "de", "c", "42"
		w.request(wish)
		want := map[string]any{"email": "alice@example.org", "client_secret": secret, "send_attempt": 1.0, "next_link": "https://app.test/?a=b",
			"im.signet.purpose": "add", "im.signet.user_id": "@alice:hs.test", "im.signet.client_ip": "192.0.2.1", "im.signet.language": "de",
			"im.signet.challenge": map[string]any{"id": "c", "answer": "42"}}
		if diff := cmp.Diff(want, w.id.Last); diff != "" {
			t.Errorf("asked (- want, + got):\n%s", diff)
		}
		if want := []string{"id.test/validate/email/requestToken"}; !cmp.Equal(w.id.Asked, want) {
			t.Errorf("asked %q, want %q", w.id.Asked, want)
		}
	})
}

// What is asked again is the same session, whether or not the answer was read.
func TestAskedAgain(t *testing.T) {
	each(t, func(w *world) {
		wish := w.wish(idclient.Register, "")
		first, again := w.request(wish), w.request(wish)
		if first != again {
			t.Errorf("asked again, the session is %v, and was %v", again, first)
		}
		phone := wish
		phone.Address = address(t, "msisdn", "4915112345678")
		if other := w.request(phone); other == first {
			t.Error("two addresses have one session")
		}
	})
}

// The process ends when the identity server has sent the mail and nothing is written yet: the
// person asks again, and the code of the mail is good.
func TestTheEndBetweenTheAnswerAndTheRow(t *testing.T) {
	each(t, func(w *world) {
		ctx, kill := context.WithCancel(t.Context())
		w.id.Answered = kill
		if sid, err := w.RequestToken(ctx, w.wish(idclient.Register, "")); err == nil || sid != "" {
			t.Fatalf("RequestToken = %q, %v", sid, err)
		}
		w.id.Answered = nil
		lost := idclient.Session{SID: "sid1", ClientSecret: secret}
		if err := w.SubmitToken(t.Context(), threepid.Email, lost, idclienttest.Code); !errors.Is(err, contact.ErrSession) {
			t.Errorf("the code of a session that is not kept: %v", err)
		}
		w.open()
		if s := w.shown(w.wish(idclient.Register, "")); s != lost {
			t.Errorf("asked again, the session is %v, want %v", s, lost)
		}
		if p := w.prove(lost, idclient.Register, ""); p.Address() != w.email() {
			t.Error("another address was proven")
		}
	})
}

func TestWishesThatAreNotAskedFor(t *testing.T) {
	each(t, func(w *world) {
		w.Allowed = func(a threepid.Address) error {
			if a.Domain() == "example.org" {
				return contact.ErrDenied
			}
			return nil
		}
		for _, tt := range []struct {
			what   string
			change func(*contact.Wish)
			want   error
		}{
			{"an address that is not allowed", func(*contact.Wish) {}, contact.ErrDenied},
			{"no secret", func(w *contact.Wish) { w.ClientSecret = "" }, contact.ErrClientSecret},
			{"a secret that is none", func(w *contact.Wish) { w.ClientSecret = "a b" }, contact.ErrClientSecret},
			{"a secret that is long", func(w *contact.Wish) { w.ClientSecret = strings.Repeat("a", 256) }, contact.ErrClientSecret},
			{"an attempt before the first", func(w *contact.Wish) { w.SendAttempt = -1 }, contact.ErrSendAttempt},
			{"a script", func(w *contact.Wish) { w.NextLink = "javascript:alert(1)" }, contact.ErrNextLink},
			{"data", func(w *contact.Wish) { w.NextLink = "data:text/html,x" }, contact.ErrNextLink},
			{"a path", func(w *contact.Wish) { w.NextLink = "/welcome" }, contact.ErrNextLink},
			{"no host", func(w *contact.Wish) { w.NextLink = "https:///welcome" }, contact.ErrNextLink},
			{"somebody's password", func(w *contact.Wish) { w.NextLink = "https://a:b@app.test" }, contact.ErrNextLink},
			{"no link", func(w *contact.Wish) { w.NextLink = "http://%" }, contact.ErrNextLink},
		} {
			wish := w.wish(idclient.Register, "")
			tt.change(&wish)
			if _, err := w.RequestToken(t.Context(), wish); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
			}
		}
		w.Trusted = nil
		if _, err := w.RequestToken(t.Context(), w.wish(idclient.Register, "")); !errors.Is(err, contact.ErrNoIdentityServer) {
			t.Errorf("without an identity server: %v", err)
		}
		if len(w.id.Asked) > 0 || w.rows() != "" {
			t.Errorf("asked %q, wrote %q", w.id.Asked, w.rows())
		}
	})
}

// An account keeps what it has, though new ones could not have it.
func TestDeniedAddressesThatAccountsHave(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		w.Allowed = func(threepid.Address) error { return contact.ErrDenied }
		for _, purpose := range []idclient.Purpose{idclient.Reset, idclient.Login} {
			if p := w.prove(w.shown(w.wish(purpose, "")), purpose, ""); p.User() != alice {
				t.Errorf("%s is for %q", purpose, p.User())
			}
		}
	})
}

// Who asks learns nothing of who has an address, by what is answered or asked, unless the
// operator has it told. What they have themselves people know.
func TestWhetherAnAddressIsInUse(t *testing.T) {
	each(t, func(w *world) {
		var told []map[string]any // what the identity server was asked
		ask := func(what string, wish contact.Wish, want error) {
			t.Helper()
			before := len(w.id.Asked)
			if _, err := w.RequestToken(t.Context(), wish); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			if asked := len(w.id.Asked) > before; asked != (want == nil) {
				t.Errorf("%s: the identity server was asked: %v", what, asked)
			}
			delete(w.id.Last, "client_secret")
			told = append(told, w.id.Last)
		}
		all := []contact.Wish{w.wish(idclient.Register, ""), w.wish(idclient.Add, ""), w.wish(idclient.Add, bob), w.wish(idclient.Reset, ""), w.wish(idclient.Login, "")}
		for _, wish := range all {
			wish.ClientSecret = "a"
			ask("of nobody's", wish, nil)
		}
		w.has(alice)
		for _, wish := range all {
			wish.ClientSecret = "b"
			ask("of alice's", wish, nil)
			if existing := told[len(told)-1]["im.signet.existing"]; (existing == true) != (wish.Purpose == idclient.Register) {
				t.Errorf("%s of alice's is said to be of an account: %v", wish.Purpose, existing)
			}
			delete(told[len(told)-1], "im.signet.existing") // which changes the message alone
		}
		if diff := cmp.Diff(told[:len(all)], told[len(all):]); diff != "" {
			t.Errorf("asked (- of nobody's, + of alice's):\n%s", diff)
		}
		own := w.wish(idclient.Add, alice)
		own.ClientSecret = "b"
		ask("of her own", own, contact.ErrInUse)

		w.TellInUse = true
		for i, want := range []error{contact.ErrInUse, contact.ErrInUse, contact.ErrInUse, nil, nil} {
			all[i].ClientSecret = "c"
			ask("told of alice's", all[i], want)
		}
		if err := w.remove(alice); err != nil {
			t.Fatal(err)
		}
		for i, want := range []error{nil, nil, nil, contact.ErrUnknown, contact.ErrUnknown} {
			all[i].ClientSecret = "d"
			ask("told of nobody's", all[i], want)
		}
	})
}

// Somebody signs up with alice's address: they are answered as ever, and no code is theirs.
func TestSigningUpWithAnAddressInUse(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		s := w.request(w.wish(idclient.Register, ""))
		err := w.SubmitToken(t.Context(), threepid.Email, s, idclienttest.Code)
		if refused, is := errors.AsType[fedclient.Refusal](err); !is || refused.Errcode != matrix.TokenIncorrect {
			t.Errorf("a code: %v", err)
		}
		w.wantNoProof("of an account", s, idclient.Register, "", contact.ErrNotValidated)
		if err := w.remove(alice); err != nil {
			t.Fatal(err)
		}
		wish := w.wish(idclient.Register, "")
		wish.SendAttempt = 2
		if free := w.shown(wish); free != s {
			t.Errorf("since it is free, the session is %v, and was %v", free, s)
		}
	})
}

// The limits of an identity server may be those of an account: it is told of none that whoever
// asks has not shown to be theirs.
func TestWhoseAddressItIsIsNotTold(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		for _, purpose := range []idclient.Purpose{idclient.Reset, idclient.Login, idclient.Register} {
			w.request(w.wish(purpose, ""))
			if user := w.id.Last["im.signet.user_id"]; user != nil {
				t.Errorf("%s: the identity server was told of %v", purpose, user)
			}
		}
	})
}

// An identity server that does not answer, refuses, or gives one sid for two things.
func TestNoSession(t *testing.T) {
	each(t, func(w *world) {
		challenge := idclienttest.CaptchaNeeded()
		w.id.Says = &challenge
		_, err := w.RequestToken(t.Context(), w.wish(idclient.Register, ""))
		if needed, is := errors.AsType[idclient.CaptchaNeeded](err); !is || needed.Challenge.ID != "c" {
			t.Errorf("with a CAPTCHA to meet: %v", err)
		}
		for _, lie := range []fedclient.Response{idclienttest.OK(nil), idclienttest.OK(map[string]any{"sid": ""}), idclienttest.OK(map[string]any{"sid": strings.Repeat("x", 256)}), {Status: 200, Body: []byte("{")}} {
			w.id.Says = &lie
			if _, err := w.RequestToken(t.Context(), w.wish(idclient.Register, "")); !errors.Is(err, fedclient.ErrBadAnswer) {
				t.Errorf("answered %q: %v", lie.Body, err)
			}
		}
		w.id.Says, w.id.Down = nil, true
		if _, err := w.RequestToken(t.Context(), w.wish(idclient.Register, "")); !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("away: %v", err)
		}
		if w.rows() != "" {
			t.Errorf("wrote %q", w.rows())
		}

		w.id.Down, w.id.SID = false, "one for all"
		w.shown(w.wish(idclient.Add, alice))
		before := w.rows()
		other, phone := w.wish(idclient.Register, ""), w.wish(idclient.Add, alice)
		phone.Address = address(t, "msisdn", "4915112345678")
		for want, wishes := range map[error][]contact.Wish{fedclient.ErrBadAnswer: {other, phone}, contact.ErrSession: {w.wish(idclient.Add, bob), w.wish(idclient.Add, "")}} {
			for _, wish := range wishes {
				if _, err := w.RequestToken(t.Context(), wish); !errors.Is(err, want) {
					t.Errorf("a sid for %s of %q: %v, want %v", wish.Purpose, wish.User, err, want)
				}
			}
		}
		if after := w.rows(); after != before {
			t.Errorf("the rows were\n%q, and are\n%q", before, after)
		}
	})
}

// Codes are passed on for sessions that were asked for here, and for no others: this is no way
// to try codes of strangers.
func TestSubmitToken(t *testing.T) {
	each(t, func(w *world) {
		s := w.request(w.wish(idclient.Register, ""))
		asked := len(w.id.Asked)
		for what, stranger := range map[string]idclient.Session{"another sid": {SID: "sid2", ClientSecret: secret}, "another secret": {SID: s.SID, ClientSecret: "x"},
			"nothing": {}, "one text": {SID: s.SID + secret}, "odd text": {SID: "\x00\xff", ClientSecret: "\x00"}} {
			if err := w.SubmitToken(t.Context(), threepid.Email, stranger, idclienttest.Code); !errors.Is(err, contact.ErrSession) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := w.SubmitToken(t.Context(), threepid.MSISDN, s, idclienttest.Code); !errors.Is(err, contact.ErrSession) {
			t.Errorf("another medium: %v", err)
		}
		if len(w.id.Asked) != asked {
			t.Errorf("the identity server was asked %q", w.id.Asked[asked:])
		}
		err := w.SubmitToken(t.Context(), threepid.Email, s, "654321")
		if refused, is := errors.AsType[fedclient.Refusal](err); !is || refused.Errcode != matrix.TokenIncorrect {
			t.Errorf("a wrong code: %v", err)
		}
		w.id.Says = new(idclienttest.OK(map[string]any{"success": false}))
		if err := w.SubmitToken(t.Context(), threepid.Email, s, idclienttest.Code); !errors.Is(err, idclient.ErrCode) {
			t.Errorf("a code that is not taken: %v", err)
		}
		w.id.Says = nil
		w.Trusted = w.Trusted[1:]
		if err := w.SubmitToken(t.Context(), threepid.Email, s, idclienttest.Code); !errors.Is(err, contact.ErrSession) {
			t.Errorf("at a server that is not used any more: %v", err)
		}
	})
}
