package idclient_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// server is an identity server that gives answers in turn, and writes down what it was asked.
type server struct {
	answers []string // "200 {…}"
	asked   []string
}

func (s *server) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	as := "nobody"
	switch {
	case r.Sign != nil && r.Bearer != "":
		as = "two at once"
	case r.Sign != nil:
		as = r.Sign.Server.String()
	case r.Bearer != "":
		as = "bearer " + r.Bearer
	}
	asked := jsontext.Value(r.Body)
	if len(asked) > 0 {
		_ = asked.Canonicalize() // its members in order
	}
	s.asked = append(s.asked, strings.TrimSpace(fmt.Sprintf("%s: %s %s%s %s", as, r.Method, r.Web, r.Path, string(asked))))
	if len(s.answers) == 0 {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	var status int
	text, body, _ := strings.Cut(answer, " ")
	_, _ = fmt.Sscan(text, &status)
	if int64(len(body)) > cmp.Or(r.MaxBytes, 64<<10) {
		return fedclient.Response{}, fedclient.ErrBadAnswer
	}
	return fedclient.Response{Status: status, Header: http.Header{}, Body: []byte(body)}, nil
}

func newClient(s *server) *idclient.Client {
	return idclient.New(idclient.Options{
		Federation: s, ServerName: "hs.test",
		Key: func(context.Context) (matrix.SigningKey, error) {
			return matrix.SigningKey{ID: "ed25519:a", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}, nil
		},
		Now:  func() time.Time { return time.UnixMilli(1_700_000_000_000) },
		Rand: bytes.NewReader(make([]byte, 1000)),
	})
}

func at(t *testing.T) idclient.Server {
	t.Helper()
	s, err := idclient.ParseServer("id.test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func address(t *testing.T, medium, text string) threepid.Address {
	t.Helper()
	a, err := threepid.Parse(medium, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	base   = "https://id.test/_matrix/identity/v2"
	nonce  = "AAAAAAAAAAAAAAAAAAAAAAAA"
	key    = "3YuR4lSAw-ICtdLQTqwZ6c3hTTuYnO8LZ4LTWiOwUkk" // of 32 octets, in the alphabet for URLs
	stamps = `"im.signet.nonce":"` + nonce + `","im.signet.ts":1700000000000`
)

// Each call is asked as the specification has it, on whose behalf it says, and its answer
// read.
func TestCalls(t *testing.T) {
	alice := idclient.Account("tok")
	email, phone := address(t, "email", "Bob@Example.org"), address(t, "msisdn", "4915112345678")
	session := idclient.Session{SID: "1", ClientSecret: "s"}
	stored := idclient.Stored{Token: "t", DisplayName: "b...@e...", PublicKeys: []idclient.PublicKey{{Key: key, ValidityURL: "https://id.test/v"}}}
	tests := []struct {
		name   string
		call   func(*idclient.Client) (any, error)
		asked  string
		answer string
		want   any
	}{
		{"a code by mail", func(c *idclient.Client) (any, error) {
			return c.RequestToken(t.Context(), at(t), alice, idclient.Validation{Address: email, ClientSecret: "s", SendAttempt: 1, NextLink: "https://a.test"})
		}, `bearer tok: POST ` + base + `/validate/email/requestToken {"client_secret":"s","email":"bob@example.org","next_link":"https://a.test","send_attempt":1}`,
			`200 {"sid":"1"}`, "1"},
		{"a code by text message, for somebody without an account", func(c *idclient.Client) (any, error) {
			return c.RequestToken(t.Context(), at(t), idclient.Homeserver, idclient.Validation{Address: phone, ClientSecret: "s", SendAttempt: 2,
				Purpose: idclient.Register, Client: netip.MustParseAddr("192.0.2.1"), Language: "de", Challenge: "c", Answer: "123456"})
		}, `hs.test: POST ` + base + `/validate/msisdn/requestToken {"client_secret":"s","country":"DE","im.signet.challenge":{"answer":"123456","id":"c"},` +
			`"im.signet.client_ip":"192.0.2.1","im.signet.language":"de","im.signet.purpose":"register","phone_number":"+4915112345678","send_attempt":2}`,
			`200 {"sid":"1"}`, "1"},
		{"word that there is an account, in place of a code", func(c *idclient.Client) (any, error) {
			return c.RequestToken(t.Context(), at(t), idclient.Homeserver, idclient.Validation{Address: email, ClientSecret: "s", SendAttempt: 1,
				Purpose: idclient.Register, Existing: true})
		}, `hs.test: POST ` + base + `/validate/email/requestToken {"client_secret":"s","email":"bob@example.org","im.signet.existing":true,"im.signet.purpose":"register","send_attempt":1}`,
			`200 {"sid":"1"}`, "1"},
		{"a code passed on", func(c *idclient.Client) (any, error) {
			return nil, c.SubmitToken(t.Context(), at(t), idclient.Homeserver, threepid.Email, session, "123456")
		}, `hs.test: POST ` + base + `/validate/email/submitToken {"client_secret":"s","sid":"1","token":"123456"}`, `200 {"success":true}`, nil},
		{"what was validated", func(c *idclient.Client) (any, error) {
			return c.Validated(t.Context(), at(t), idclient.Homeserver, session)
		}, `hs.test: GET ` + base + `/3pid/getValidated3pid?client_secret=s&sid=1`,
			`200 {"medium":"email","address":"bob@example.org","validated_at":5,"im.signet.purpose":"register","im.signet.caller":"hs.test"}`,
			idclient.Validated{Address: email, At: time.UnixMilli(5), Purpose: idclient.Register, Caller: "hs.test"}},
		{"bind", func(c *idclient.Client) (any, error) {
			return nil, c.Bind(t.Context(), at(t), "tok", session, "@bob:hs.test")
		},
			`bearer tok: POST ` + base + `/3pid/bind {"client_secret":"s","mxid":"@bob:hs.test","sid":"1"}`, `200 {"signatures":{}}`, nil},
		{"unbind", func(c *idclient.Client) (any, error) { return nil, c.Unbind(t.Context(), at(t), "@bob:hs.test", email) },
			`hs.test: POST ` + base + `/3pid/unbind {"mxid":"@bob:hs.test","threepid":{"address":"bob@example.org","medium":"email"}}`, `200 {}`, nil},
		{"unbind all of a user", func(c *idclient.Client) (any, error) {
			return nil, c.UnbindUser(t.Context(), at(t), "@bob:hs.test")
		}, `hs.test: POST https://id.test/_signet/v1/users/unbind {` + stamps + `,"user_id":"@bob:hs.test"}`, `200 {}`, nil},
		{"word of a login", func(c *idclient.Client) (any, error) {
			return nil, c.Notify(t.Context(), at(t), idclient.Notice{Kind: idclient.NewLogin, ID: "n1", At: time.UnixMilli(8), Address: email, User: "@bob:hs.test", Device: "Phone", Client: netip.MustParseAddr("192.0.2.1"), Language: "de"})
		}, `hs.test: POST https://id.test/_signet/v1/notices {"address":"bob@example.org","device":"Phone","im.signet.client_ip":"192.0.2.1","im.signet.language":"de",` +
			stamps + `,"kind":"login","login_ts":8,"medium":"email","notice_id":"n1","user_id":"@bob:hs.test"}`, `200 {}`, nil},
		{"word of a login of which little is known", func(c *idclient.Client) (any, error) {
			return nil, c.Notify(t.Context(), at(t), idclient.Notice{Kind: idclient.NewLogin, At: time.UnixMilli(8), Address: phone, User: "@bob:hs.test"})
		}, `hs.test: POST https://id.test/_signet/v1/notices {"address":"4915112345678",` + stamps + `,"kind":"login","login_ts":8,"medium":"msisdn","user_id":"@bob:hs.test"}`, `200 {}`, nil},
		{"word of a new password", func(c *idclient.Client) (any, error) {
			return nil, c.Notify(t.Context(), at(t), idclient.Notice{Kind: idclient.NewPassword, ID: "n1", At: time.UnixMilli(8), Address: email, User: "@bob:hs.test"})
		}, `hs.test: POST https://id.test/_signet/v1/notices {"address":"bob@example.org","changed_ts":8,` + stamps + `,"kind":"password","medium":"email","notice_id":"n1","user_id":"@bob:hs.test"}`, `200 {}`, nil},
		{"a CAPTCHA", func(c *idclient.Client) (any, error) { return c.NewChallenge(t.Context(), at(t)) },
			`hs.test: POST https://id.test/_signet/v1/captcha {` + stamps + `}`, `200 {"id":"c","url":"https://id.test/c","expires_at":7}`,
			idclient.Challenge{ID: "c", URL: "https://id.test/c", ExpiresAt: 7}},
		{"a CAPTCHA that was passed", func(c *idclient.Client) (any, error) { return nil, c.CheckChallenge(t.Context(), at(t), "c/d", "12") },
			`hs.test: POST https://id.test/_signet/v1/captcha/c%2Fd/check {"answer":"12",` + stamps + `}`, `200 {"passed":true}`, nil},
		{"an invitation", func(c *idclient.Client) (any, error) {
			return c.StoreInvite(t.Context(), at(t), alice, idclient.Invitation{Address: email, Room: "!r:hs.test", Sender: "@a:hs.test", RoomName: "Tea"})
		}, `bearer tok: POST ` + base + `/store-invite {"address":"bob@example.org","medium":"email","room_id":"!r:hs.test","room_name":"Tea","sender":"@a:hs.test"}`,
			`200 {"token":"t","public_keys":[{"public_key":"` + key + `","key_validity_url":"https://id.test/v"}],"display_name":"b...@e..."}`, stored},
		{"whether a key is valid", func(c *idclient.Client) (any, error) {
			return c.KeyValid(t.Context(), idclient.PublicKey{Key: key, ValidityURL: "https://other.test:99/a/b%2Fc"})
		}, `nobody: GET https://other.test:99/a/b%2Fc?public_key=` + key, `200 {"valid":true}`, true},
	}
	for _, tt := range tests {
		s := &server{answers: []string{tt.answer}}
		got, err := tt.call(newClient(s))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if len(s.asked) != 1 || s.asked[0] != tt.asked {
			t.Errorf("%s: asked\n%s, want\n%s", tt.name, strings.Join(s.asked, "\n"), tt.asked)
		}

		s = &server{answers: []string{`403 {"errcode":"M_FORBIDDEN","error":"no"}`}}
		if _, err := tt.call(newClient(s)); !errors.Is(err, fedclient.Refusal{Status: 403, Errcode: matrix.Forbidden, Message: "no"}) {
			t.Errorf("%s, refused: %v", tt.name, err)
		}
		for _, lie := range []string{"200", "200 []", `200 {"sid":5,"success":"x","medium":"email","address":"nobody","passed":false,"token":"","valid":3,"signatures":`} {
			s = &server{answers: []string{lie}}
			if _, err := tt.call(newClient(s)); !errors.Is(err, fedclient.ErrBadAnswer) {
				t.Errorf("%s, answered %q: %v", tt.name, lie, err)
			}
		}
		if _, err := tt.call(newClient(&server{})); !errors.Is(err, fedclient.ErrUnreachable) || strings.Contains(err.Error(), "bob") {
			t.Errorf("%s, of a server that is away: %v", tt.name, err)
		}
	}
}

// Addresses are looked up by their hash, those of the specification's example; a pepper that
// was changed in between is asked for again, once. What was not asked for is not believed.
func TestLookup(t *testing.T) {
	email, phone := address(t, "email", "alice@example.com"), address(t, "msisdn", "18005552067")
	details := `200 {"algorithms":["none","sha256"],"lookup_pepper":"matrixrocks"}`
	found := `200 {"mappings":{"4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc":"@alice:hs.test","nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I":"no user","x":"@x:hs.test"}}`
	changed := `400 {"errcode":"M_INVALID_PEPPER","error":"changed","algorithm":"sha256","lookup_pepper":"new"}`
	s := &server{answers: []string{details, changed, details, found}}
	got, err := newClient(s).Lookup(t.Context(), at(t), idclient.Homeserver, []threepid.Address{email, phone})
	if want := map[threepid.Address]matrix.UserID{email: "@alice:hs.test"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("found %v, %v", got, err)
	}
	if want := `hs.test: POST ` + base + `/lookup {"addresses":["4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc","nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I"],` +
		`"algorithm":"sha256","pepper":"matrixrocks"}`; len(s.asked) != 4 || s.asked[3] != want {
		t.Errorf("asked\n%s, want in the end\n%s", strings.Join(s.asked, "\n"), want)
	}

	s = &server{answers: []string{details, changed, details, changed}}
	if _, err := newClient(s).Lookup(t.Context(), at(t), idclient.Homeserver, []threepid.Address{email}); err == nil || len(s.asked) != 4 {
		t.Errorf("a pepper that changes all the time: %v after %d questions", err, len(s.asked))
	}
	s = &server{answers: []string{`200 {"algorithms":["none"],"lookup_pepper":"p"}`}}
	if _, err := newClient(s).Lookup(t.Context(), at(t), idclient.Homeserver, []threepid.Address{email}); !errors.Is(err, idclient.ErrNoHash) || len(s.asked) != 1 {
		t.Errorf("a server that takes addresses in clear only: %v, asked %q", err, s.asked)
	}
}

// Who must meet a CAPTCHA first is told which, and the refusal stays what it is.
func TestCaptchaNeeded(t *testing.T) {
	s := &server{answers: []string{`403 {"errcode":"M_CAPTCHA_NEEDED","error":"first","im.signet.challenge":{"id":"c","url":"https://id.test/c"}}`}}
	_, err := newClient(s).RequestToken(t.Context(), at(t), idclient.Homeserver, idclient.Validation{Address: address(t, "email", "a@b.test"), ClientSecret: "s", SendAttempt: 1})
	needed, is := errors.AsType[idclient.CaptchaNeeded](err)
	refused, isRefusal := errors.AsType[fedclient.Refusal](err)
	if !is || needed.Challenge.ID != "c" || !isRefusal || refused.Errcode != matrix.CaptchaNeeded {
		t.Errorf("got %v", err)
	}
	s = &server{answers: []string{`403 {"errcode":"M_CAPTCHA_NEEDED","im.signet.challenge":{"id":5}}`}}
	if _, err := newClient(s).NewChallenge(t.Context(), at(t)); !errors.Is(err, fedclient.Refusal{Status: 403, Errcode: matrix.CaptchaNeeded}) {
		t.Errorf("a challenge that is none: %v", err)
	}
}

// Nobody is asked whose name or URL is no server's, or not one by https.
func TestStrangersNames(t *testing.T) {
	for _, name := range []string{"", "https://id.test", "id.test/path", "user@id.test", "id.test:99999", "id test", "id.test?x"} {
		if s, err := idclient.ParseServer(name); !errors.Is(err, idclient.ErrIDServer) {
			t.Errorf("%q is %v, %v", name, s, err)
		}
	}
	for _, validity := range []string{"", "http://id.test/v", "https://id.test/v?x=1", "https://id.test/v?", "https://id.test/v#f", "https://a:b@id.test/v", "https:id.test", "https:///v", "%", "ftp://id.test/"} {
		s := &server{}
		if valid, err := newClient(s).KeyValid(t.Context(), idclient.PublicKey{Key: key, ValidityURL: validity}); !errors.Is(err, idclient.ErrValidityURL) || valid || len(s.asked) > 0 {
			t.Errorf("%q is valid %v, %v, asked %q", validity, valid, err, s.asked)
		}
	}
}

// The homeserver's own identity server may be asked without TLS, and nothing but it: not at
// another port, nor by another name.
func TestAKeyOfTheOwnServer(t *testing.T) {
	for validity, want := range map[string]error{
		"http://localhost:8090/v":           nil,
		"https://localhost:8090/v":          nil,
		"http://localhost/v":                idclient.ErrValidityURL,
		"http://localhost:8091/v":           idclient.ErrValidityURL,
		"http://127.0.0.1:8090/v":           idclient.ErrValidityURL,
		"http://localhost:8090@evil.test/v": idclient.ErrValidityURL,
		"http://u@localhost:8090/v":         idclient.ErrValidityURL,
		"http://localhost:8090/v?x=1":       idclient.ErrValidityURL,
		"ftp://localhost:8090/v":            idclient.ErrValidityURL,
	} {
		s := &server{answers: []string{`200 {"valid":true}`}}
		c := newClient(s)
		c.Own = &url.URL{Scheme: "http", Host: "localhost:8090"}
		valid, err := c.KeyValid(t.Context(), idclient.PublicKey{Key: key, ValidityURL: validity})
		if !errors.Is(err, want) || valid != (want == nil) || len(s.asked) > 0 != (want == nil) {
			t.Errorf("%q is valid %v, %v, asked %q", validity, valid, err, s.asked)
		}
		if err := c.CheckValidityURL(validity); !errors.Is(err, want) {
			t.Errorf("%q may be asked: %v", validity, err)
		}
	}
}

// What would stand in a room for everybody to read is bounded and of the right form.
func TestAnInvitationThatIsNone(t *testing.T) {
	long := strings.Repeat("x", 600)
	for _, answer := range []string{
		`{"public_keys":[{"public_key":"` + key + `"}]}`,
		`{"token":"t","public_keys":[]}`,
		`{"token":"t","public_keys":[{"public_key":"short"}]}`,
		`{"token":"` + long + `","public_keys":[{"public_key":"` + key + `"}]}`,
		`{"token":"t","display_name":"` + long + `","public_keys":[{"public_key":"` + key + `"}]}`,
		`{"token":"t","public_keys":[{"public_key":"` + key + `","key_validity_url":"` + long + `"}]}`,
		`{"token":"t","public_keys":[` + strings.TrimSuffix(strings.Repeat(`{"public_key":"`+key+`"},`, 9), ",") + `]}`,
	} {
		s := &server{answers: []string{"200 " + answer}}
		if _, err := newClient(s).StoreInvite(t.Context(), at(t), idclient.Account("t"), idclient.Invitation{Address: address(t, "email", "a@b.test")}); !errors.Is(err, fedclient.ErrBadAnswer) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// What an identity server says may repeat what it was asked, and errors are logged: their text
// has none of it, and who asked can still read it.
func TestRefusalsAreNotQuoted(t *testing.T) {
	for _, answer := range []string{
		`400 {"errcode":"M_INVALID_EMAIL","error":"no mail to bob@example.org"}`,
		`403 {"errcode":"M_CAPTCHA_NEEDED","error":"first, bob@example.org","im.signet.challenge":{"id":"c"}}`,
		`403 {"errcode":"M_CAPTCHA_NEEDED","error":"first, bob@example.org"}`,
	} {
		_, err := newClient(&server{answers: []string{answer}}).RequestToken(t.Context(), at(t), idclient.Homeserver,
			idclient.Validation{Address: address(t, "email", "bob@example.org"), ClientSecret: "s", SendAttempt: 1})
		refused, is := errors.AsType[fedclient.Refusal](err)
		if !is || !strings.Contains(refused.Message, "bob@example.org") || strings.Contains(err.Error(), "bob") {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
