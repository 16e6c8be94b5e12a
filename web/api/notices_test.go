package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/verify"
)

const notices = "/_signet/v1/notices"

// shown has the owner of an address show it to a homeserver, for an account there.
func (w *world) shown(server matrix.ServerName, medium string, members ...any) {
	w.Helper()
	path := v2 + "/validate/" + medium
	a := w.as(server, "POST", path+"/requestToken", object(append(members, "client_secret", "shown", "send_attempt", 1, "im.signet.purpose", "register")...))
	a = w.as(server, "POST", path+"/submitToken", object("sid", a.text("sid"), "client_secret", "shown", "token", w.Post.Last(w.TB).Code()))
	if a.status != 200 {
		w.Fatalf("submitToken = %d %s", a.status, a.raw)
	}
}

// notice is the body of a call that tells alice of a login, with other members in place.
func (w *world) notice(nonce string, members ...any) string {
	return object(append([]any{"im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", nonce, "medium", "email", "address", "alice@example.org",
		"kind", "login", "user_id", "@alice:hs.example", "device", "Phone"}, members...)...)
}

// sentSince is what was sent since, when the outbox has sent what is due.
func (w *world) sentSince(before int) (texts []string) {
	w.Outbox.AttemptDue(w.Context())
	for _, m := range w.Post.Sent()[before:] {
		texts = append(texts, m.To.String()+" "+strings.ReplaceAll(m.Text, "\u2060", ""))
	}
	return texts
}

// A homeserver has the owner of an address told of a login and of a new password, in the language
// that it knows; the same call again is no second notice.
func TestAHomeserverHasAnOwnerToldOfALogin(t *testing.T) {
	each(t, nil, func(w *world) {
		w.shown("hs.example", "email", "email", "Alice@example.org")
		w.shown("hs.example", "msisdn", "phone_number", "+12015550123", "country", "US")
		before := len(w.Post.Sent())
		body := w.notice("nonce-01", "im.signet.client_ip", "2001:db8::7", "im.signet.language", "fr")
		if a := w.as("hs.example", "POST", notices, body); a.status != 200 || string(a.raw) != "{}" {
			w.Fatalf("notices = %d %s", a.status, a.raw)
		}
		if a := w.as("hs.example", "POST", notices, body); !a.is(403, matrix.Forbidden) {
			w.Errorf("again = %d %s", a.status, a.raw)
		}
		if a := w.as("hs.example", "POST", notices, w.notice("nonce-02", "medium", "msisdn", "address", "12015550123")); a.status != 200 {
			w.Errorf("of a number = %d %s", a.status, a.raw)
		}
		changed := w.notice("nonce-03", "kind", "password", "changed_ts", w.Clock.Now().Add(-time.Hour).UnixMilli())
		if a := w.as("hs.example", "POST", notices, changed); a.status != 200 {
			w.Errorf("of a password = %d %s", a.status, a.raw)
		}
		for nonce, kind := range map[string]string{"nonce-04": "address_added", "nonce-05": "address_removed"} {
			if a := w.as("hs.example", "POST", notices, w.notice(nonce, "kind", kind, "changed_ts", w.Clock.Now().Add(-time.Hour).UnixMilli(), "im.signet.language", "en")); a.status != 200 {
				w.Errorf("of %s = %d %s", kind, a.status, a.raw)
			}
		}
		at := w.Clock.Now().Add(-time.Hour).UTC().Format("2006-01-02 15:04")
		texts := strings.Join(w.sentSince(before), "\n")
		for _, want := range []string{"alice@example.org Bonjour", "@alice:hs.example sur hs.example", "Appareil : Phone", "Adresse IP : 2001:db8::7", "12015550123 id.example.org: Neue Anmeldung",
			"Passwort Ihres Kontos @alice:hs.example auf hs.example wurde geändert, am " + at,
			"was added to your account @alice:hs.example at hs.example on " + at, "was taken from your account @alice:hs.example at hs.example on " + at} {
			if !strings.Contains(texts, want) {
				w.Errorf("the notices do not say %q:\n%s", want, texts)
			}
		}
		if n := len(w.sentSince(before)); n != 5 {
			w.Errorf("%d notices, want 5", n)
		}
	})
}

// A homeserver that has not read the answer says it again, by whatever stamp: the owner is told
// once, and of the time of the login. Another homeserver's notice by the same name is another one.
func TestANoticeIsSaidAgain(t *testing.T) {
	each(t, nil, func(w *world) {
		w.shown("hs.example", "email", "email", "alice@example.org")
		w.shown("other.example", "email", "email", "alice@example.org", "client_secret", "other")
		before := len(w.Post.Sent())
		at := w.Clock.Now()
		w.Clock.Advance(2 * time.Hour) // while nobody could be told
		say := func(server matrix.ServerName, nonce string) {
			w.Helper()
			body := w.notice(nonce, "user_id", "@alice:"+server.String(), "notice_id", "one", "login_ts", at.UnixMilli())
			if a := w.as(server, "POST", notices, body); a.status != 200 {
				w.Errorf("notices = %d %s", a.status, a.raw)
			}
		}
		say("hs.example", "nonce-01")
		say("hs.example", "nonce-02")
		texts := w.sentSince(before)
		say("hs.example", "nonce-03")
		if again := w.sentSince(before); len(again) != 1 || !strings.Contains(texts[0], at.UTC().Format("2006-01-02 15:04")) {
			w.Errorf("told are %q, of a login at %s", again, at)
		}
		say("other.example", "nonce-04")
		if n := len(w.sentSince(before)); n != 2 {
			w.Errorf("%d notices of two homeservers", n)
		}
	})
}

// What is no notice, or none of that homeserver's to give, is refused, and nobody is told.
func TestNoticesThatAreRefused(t *testing.T) {
	each(t, nil, func(w *world) {
		w.shown("hs.example", "email", "email", "alice@example.org")
		before := len(w.Post.Sent())
		nonces := 0
		nonce := func() string { nonces++; return fmt.Sprint("nonce-", 10+nonces) }
		for _, c := range []struct {
			server matrix.ServerName
			body   string
			status int
			code   matrix.ErrCode
		}{
			{"hs.example", w.notice(nonce(), "address", "bob@example.org"), 403, matrix.Forbidden},
			{"hs.example", w.notice(nonce(), "user_id", "@alice:other.example"), 403, matrix.Forbidden},
			{"evil.example", w.notice(nonce()), 403, matrix.Forbidden},
			{"evil.example", w.notice(nonce(), "user_id", "@alice:evil.example"), 403, matrix.Forbidden},
			{"down.example", w.notice(nonce(), "user_id", "@alice:down.example"), 502, matrix.Unknown},
			{"hs.example", w.notice(nonce(), "user_id", "alice"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "advertisement"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "logins"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "passwords"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "addresses"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", ""), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", 7), 400, matrix.BadJSON},
			{"hs.example", w.notice(nonce(), "kind", nil), 400, matrix.MissingParams},
			{"hs.example", w.notice(nonce(), "address", nil), 400, matrix.MissingParams},
			{"hs.example", w.notice(nonce(), "medium", "pigeon"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "address", "nobody"), 400, matrix.InvalidEmail},
			{"hs.example", w.notice(nonce(), "device", 1), 400, matrix.BadJSON},
			{"hs.example", w.notice(nonce(), "device", "a\x00b"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "im.signet.client_ip", "home"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "notice_id", "a b"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "notice_id", strings.Repeat("a", 65)), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "notice_id", 1), 400, matrix.BadJSON},
			{"hs.example", w.notice(nonce(), "login_ts", w.Clock.Now().Add(6*time.Minute).UnixMilli()), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "login_ts", w.Clock.Now().Add(-31*24*time.Hour).UnixMilli()), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "login_ts", "today"), 400, matrix.BadJSON},
			{"hs.example", w.notice(nonce(), "kind", "password", "changed_ts", w.Clock.Now().Add(6*time.Minute).UnixMilli()), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "password", "changed_ts", w.Clock.Now().Add(-31*24*time.Hour).UnixMilli()), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "kind", "password", "changed_ts", "today"), 400, matrix.BadJSON},
			{"hs.example", w.notice(nonce(), "kind", "password", "address", "bob@example.org"), 403, matrix.Forbidden},
			{"hs.example", w.notice("short"), 400, matrix.InvalidParam},
			{"hs.example", w.notice(nonce(), "im.signet.ts", w.Clock.Now().UnixMilli()-6*60_000), 403, matrix.ClockDiffers},
		} {
			if a := w.as(c.server, "POST", notices, c.body); !a.is(c.status, c.code) {
				w.Errorf("%s: %s = %d %s, want %d %s", c.server, c.body, a.status, a.raw, c.status, c.code)
			}
		}
		if a := w.do("POST", notices, w.register("alice"), w.notice(nonce())); a.status < 400 {
			w.Errorf("an account tells = %d %s", a.status, a.raw)
		}
		if texts := w.sentSince(before); len(texts) != 0 {
			w.Errorf("%d were told: %v", len(texts), texts)
		}
	})
}

// A homeserver that has used up its notices is told when to come back, and no homeserver is told
// whether an owner wants them.
func TestNoticesAreLimited(t *testing.T) {
	eachLimited(t, map[string]int{"lookup.notice.login.homeserver": 2, "lookup.notice.login.refused": 1}, func(w *world) {
		w.shown("hs.example", "email", "email", "alice@example.org")
		if _, err := w.Request(w.Context(), verify.Request{Address: w.Post.Last(w.TB).To, ClientSecret: "s", Caller: verify.Page, SendAttempt: 1}); err != nil {
			w.Fatal(err)
		}
		if _, err := w.Stop(w.Context(), w.Post.Last(w.TB).Stop(), true); err != nil {
			w.Fatal(err)
		}
		before := len(w.Post.Sent())
		for i := range 2 {
			if a := w.as("hs.example", "POST", notices, w.notice(fmt.Sprint("nonce-0", i))); a.status != 200 {
				w.Errorf("notices = %d %s", a.status, a.raw)
			}
		}
		if a := w.as("hs.example", "POST", notices, w.notice("nonce-03")); !a.is(429, matrix.LimitExceededCode) || a.body["retry_after_ms"] == nil {
			w.Errorf("the third = %d %s", a.status, a.raw)
		}
		if texts := w.sentSince(before); len(texts) != 1 {
			w.Errorf("%d were told, want 1", len(texts))
		}
	})
}
