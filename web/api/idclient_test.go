package api_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// asHomeserver brings what a homeserver asks to the server of this world, signed.
type asHomeserver struct{ *world }

func (h asHomeserver) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	a := h.as(r.Sign.Server, r.Method, r.Path, string(r.Body))
	return fedclient.Response{Status: a.status, Header: http.Header{}, Body: a.raw}, nil
}

// ofHomeserver is the client of a homeserver, and this server as it knows it.
func (w *world) ofHomeserver(name matrix.ServerName) (*idclient.Client, idclient.Server) {
	w.Helper()
	at, err := idclient.ParseServer("id.example.org")
	if err != nil {
		w.Fatal(err)
	}
	return idclient.New(idclient.Options{Federation: asHomeserver{w}, ServerName: name, Now: w.Clock.Now, Rand: rand.Reader,
		Key: func(context.Context) (matrix.SigningKey, error) { return homeserverKey, nil }}), at
}

// The clock of a homeserver is wrong. It learns by how much, nothing is done and nothing is over:
// when the clock is right the same goes through.
func TestOurClientWhoseClockIsWrong(t *testing.T) {
	each(t, nil, func(w *world) {
		c, at := w.ofHomeserver("hs.example")
		off := time.Duration(0)
		c.Now = func() time.Time { return w.Clock.Now().Add(off) }
		w.shown("hs.example", "email", "email", "alice@example.org")
		address, err := threepid.ParseEmail("alice@example.org")
		if err != nil {
			w.Fatal(err)
		}
		before := len(w.Post.Sent())
		for _, off = range []time.Duration{6 * time.Minute, -6 * time.Minute, -365 * 24 * time.Hour, 0} {
			err := c.Notify(w.Context(), at, idclient.Notice{Kind: idclient.NewLogin, At: c.Now(), Address: address, User: "@alice:hs.example"})
			differs, is := errors.AsType[idclient.ClockDiffers](err)
			if is != (off != 0) || (err == nil) != (off == 0) || differs.Ahead != -off || fedclient.Final(err) {
				w.Errorf("off by %s: %v", off, err)
			}
			if told := len(w.sentSince(before)); (told == 1) != (off == 0) {
				w.Errorf("off by %s: %d are told", off, told)
			}
		}
	})
}

// The client that homeservers have and this server understand each other: of somebody who
// signs up, of one who has an account already, and of a login.
func TestOurClientOfThisServer(t *testing.T) {
	each(t, nil, func(w *world) {
		c, at := w.ofHomeserver("hs.example")
		address, err := threepid.ParseEmail("alice@example.org")
		if err != nil {
			w.Fatal(err)
		}
		signUp := func(secret string, existing bool) idclient.Session {
			w.Helper()
			sid, err := c.RequestToken(w.Context(), at, idclient.Homeserver, idclient.Validation{Address: address, ClientSecret: secret, SendAttempt: 1,
				Purpose: idclient.Register, Client: netip.MustParseAddr("203.0.113.7"), Language: "de", Existing: existing})
			if err != nil {
				w.Fatal(err)
			}
			return idclient.Session{SID: sid, ClientSecret: secret}
		}
		login := idclient.Notice{Kind: idclient.NewLogin, ID: "n1", At: w.Clock.Now(), Address: address, User: "@alice:hs.example", Device: "Phone", Client: netip.MustParseAddr("203.0.113.7"), Language: "de"}
		refused := func(what string, err error, code matrix.ErrCode) {
			w.Helper()
			if r, is := errors.AsType[fedclient.Refusal](err); !is || r.Errcode != code {
				w.Errorf("%s: %v, want %s", what, err, code)
			}
		}
		refused("a login of a stranger", c.Notify(w.Context(), at, login), matrix.Forbidden)

		s := signUp("first", false)
		if err := c.SubmitToken(w.Context(), at, idclient.Homeserver, threepid.Email, s, w.Post.Last(w.TB).Code()); err != nil {
			w.Error(err)
		}
		if v, err := c.Validated(w.Context(), at, idclient.Homeserver, s); err != nil || v.Address != address || v.Purpose != idclient.Register || v.Caller != "hs.example" || v.Bind {
			w.Errorf("validated: %+v, %v", v, err)
		}

		told := signUp("second", true)
		if text := w.Post.Last(w.TB).Text; !strings.Contains(text, "Sie haben dort schon eines") {
			w.Errorf("the message is\n%s", text)
		}
		refused("a code", c.SubmitToken(w.Context(), at, idclient.Homeserver, threepid.Email, told, "12345678"), matrix.TokenIncorrect)
		_, err = c.Validated(w.Context(), at, idclient.Homeserver, told)
		refused("what was validated", err, matrix.SessionNotValidated)

		wish := idclient.Validation{Address: address, ClientSecret: "third", SendAttempt: 1, Purpose: idclient.Register, Bind: true}
		found := idclient.Session{ClientSecret: "third"}
		if found.SID, err = c.RequestToken(w.Context(), at, idclient.Homeserver, wish); err != nil {
			w.Fatal(err)
		}
		err = c.SubmitToken(w.Context(), at, idclient.Homeserver, threepid.Email, found, w.Post.Last(w.TB).Code())
		if v, shown := c.Validated(w.Context(), at, idclient.Homeserver, found); err != nil || shown != nil || v.Purpose != idclient.Register || !v.Bind {
			w.Errorf("validated: %+v, %v, %v", v, err, shown)
		}
		if err := c.BindUser(w.Context(), at, found, "@alice:hs.example"); err != nil || w.find(w.register("bob"), "alice@example.org", "email") != "@alice:hs.example" {
			w.Errorf("bound: %v", err)
		}

		before := len(w.Post.Sent())
		if err := c.Notify(w.Context(), at, login); err != nil {
			w.Error(err)
		}
		password := login
		password.Kind, password.ID, password.At = idclient.NewPassword, "n2", w.Clock.Now().Add(-time.Hour)
		if err := c.Notify(w.Context(), at, password); err != nil {
			w.Error(err)
		}
		texts := strings.Join(w.sentSince(before), "\n")
		for _, want := range []string{"@alice:hs.example auf hs.example angemeldet", "@alice:hs.example auf hs.example wurde geändert, am " + password.At.UTC().Format("2006-01-02 15:04")} {
			if strings.Count(texts, want) != 1 {
				w.Errorf("the notices do not say %q once:\n%s", want, texts)
			}
		}
		password.Kind = "passwords"
		refused("what there is none of", c.Notify(w.Context(), at, password), matrix.InvalidParam)
	})
}
