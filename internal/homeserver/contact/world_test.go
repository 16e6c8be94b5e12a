package contact_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
)

const (
	alice  matrix.UserID = "@alice:hs.test"
	bob    matrix.UserID = "@bob:hs.test"
	secret               = "s3cret"
	code                 = "123456"
)

// idServer is an identity server that does as it should, or as a test has it.
type idServer struct {
	sids      map[string]string           // by what was asked for
	sessions  map[string]map[string]any   // by sid: what getValidated3pid says
	validated map[string]bool             // by sid
	asked     []string                    // paths
	last      map[string]any              // the body of the last request
	sid       string                      // given to everybody, if set
	lie       func(answer map[string]any) // changes what getValidated3pid says
	refusal   *fedclient.Response         // answers everything, if set
	down      bool                        // answers nothing
	answered  func()                      // is called when an answer is on its way
}

func newIDServer() *idServer {
	return &idServer{sids: map[string]string{}, sessions: map[string]map[string]any{}, validated: map[string]bool{}}
}

func (s *idServer) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(r.Path, "/_matrix/identity/v2"), "?")
	s.asked = append(s.asked, r.Server.String()+path)
	if s.answered != nil {
		defer s.answered()
	}
	switch {
	case s.down:
		return fedclient.Response{}, fedclient.ErrUnreachable
	case s.refusal != nil:
		return *s.refusal, nil
	case r.Sign == nil || r.Sign.Server != "hs.test":
		return refusal(401, "M_UNAUTHORIZED"), nil
	}
	if len(r.Body) > 0 {
		s.last = nil
		if err := json.Unmarshal(r.Body, &s.last); err != nil {
			return fedclient.Response{}, err
		}
	}
	return s.answer(path, query)
}

func (s *idServer) answer(path, query string) (fedclient.Response, error) {
	switch path {
	case "/validate/email/requestToken", "/validate/msisdn/requestToken":
		return ok(map[string]any{"sid": s.open()}), nil
	case "/validate/email/submitToken", "/validate/msisdn/submitToken":
		if s.last["token"] != code {
			return refusal(400, "M_TOKEN_INCORRECT"), nil
		}
		s.validated[fmt.Sprint(s.last["sid"])] = true
		return ok(map[string]any{"success": true}), nil
	case "/3pid/getValidated3pid":
		return s.show(query)
	}
	return refusal(404, "M_UNRECOGNIZED"), nil
}

// open gives the same sid for the same wish.
func (s *idServer) open() string {
	wish := s.last
	medium, address := "email", wish["email"]
	if phone, is := wish["phone_number"].(string); is {
		medium, address = "msisdn", strings.TrimPrefix(phone, "+")
	}
	asked := fmt.Sprint(address, wish["client_secret"], wish["im.signet.purpose"], wish["im.signet.user_id"])
	if s.sids[asked] == "" {
		s.sids[asked] = fmt.Sprintf("sid%d", len(s.sids)+1)
	}
	sid := s.sids[asked]
	if s.sid != "" {
		sid = s.sid
	}
	s.sessions[sid] = map[string]any{"medium": medium, "address": address, "validated_at": 1_600_000_000_000, "im.signet.caller": "hs.test", "im.signet.purpose": wish["im.signet.purpose"]}
	if user := wish["im.signet.user_id"]; user != nil {
		s.sessions[sid]["im.signet.user_id"] = user
	}
	return sid
}

func (s *idServer) show(query string) (fedclient.Response, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return fedclient.Response{}, err
	}
	session := s.sessions[q.Get("sid")]
	switch {
	case session == nil:
		return refusal(404, "M_NO_VALID_SESSION"), nil
	case !s.validated[q.Get("sid")]:
		return refusal(400, "M_SESSION_NOT_VALIDATED"), nil
	}
	answer := map[string]any{}
	for member, value := range session {
		answer[member] = value
	}
	if s.lie != nil {
		s.lie(answer)
	}
	return ok(answer), nil
}

func ok(body map[string]any) fedclient.Response {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return fedclient.Response{Status: http.StatusOK, Header: http.Header{}, Body: b}
}

func refusal(status int, errcode string) fedclient.Response {
	r := ok(map[string]any{"errcode": errcode, "error": "no"})
	r.Status = status
	return r
}

// world is the contacts of a homeserver with an identity server.
type world struct {
	*testing.T
	*contact.Contacts
	db    *store.DB
	vault *seal.Vault
	id    *idServer
	clock *clocktest.Clock
	ended map[matrix.UserID]bool
}

// each tells the story on every engine.
func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "contact"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, id: newIDServer(), clock: clocktest.New(), ended: map[matrix.UserID]bool{}}
		w.vault = sealtest.Vault(t, db, w.clock.Now)
		w.open()
		story(w)
		w.check()
	})
}

// open opens the contacts, again for a process that starts anew.
func (w *world) open() {
	w.Helper()
	trusted, err := idclient.ParseTrusted("https://id.test", []string{"other.test"})
	if err != nil {
		w.Fatal(err)
	}
	w.Contacts, err = contact.New(w.Context(), contact.Options{
		DB: w.db, Vault: w.vault, ServerName: "hs.test", Trusted: trusted, Now: w.clock.Now,
		Identity: idclient.New(idclient.Options{Federation: w.id, ServerName: "hs.test", Now: w.clock.Now, Rand: bytes.NewReader(make([]byte, 1000)),
			Key: func(context.Context) (matrix.SigningKey, error) {
				return matrix.SigningKey{ID: "ed25519:a", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}, nil
			}}),
		Active: func(_ context.Context, _ store.Queryer, user matrix.UserID) (bool, error) { return !w.ended[user], nil },
	})
	if err != nil {
		w.Fatal(err)
	}
}

// check looks at every row: addresses are nowhere to be read, and nobody who has ended has any.
func (w *world) check() {
	w.Helper()
	rows := storetest.Dump(w.T, w.db, "contact_addresses", "contact_sessions")
	for _, text := range []string{"example", "4915112345678", secret} {
		if strings.Contains(rows, text) {
			w.Errorf("%q stands in the database:\n%q", text, rows)
		}
	}
	for user := range w.ended {
		if strings.Contains(rows, "contact_addresses") && strings.Contains(rows, user.String()) {
			w.Errorf("%s has ended and has an address", user)
		}
	}
}

func (w *world) rows() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "contact_addresses", "contact_sessions")
}

func address(t *testing.T, medium, text string) threepid.Address {
	t.Helper()
	a, err := threepid.Parse(medium, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) email() threepid.Address { return address(w.T, "email", "Alice@example.org") }

// wish is one for an e-mail address.
func (w *world) wish(purpose idclient.Purpose, user matrix.UserID) contact.Wish {
	return contact.Wish{Purpose: purpose, Address: w.email(), ClientSecret: secret, SendAttempt: 1, User: user}
}

func (w *world) request(wish contact.Wish) idclient.Session {
	w.Helper()
	sid, err := w.RequestToken(w.Context(), wish)
	if err != nil {
		w.Fatal(err)
	}
	return idclient.Session{SID: sid, ClientSecret: wish.ClientSecret}
}

// shown is a session in which the code was shown.
func (w *world) shown(wish contact.Wish) idclient.Session {
	w.Helper()
	s := w.request(wish)
	if err := w.SubmitToken(w.Context(), wish.Address.Medium(), s, code); err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) prove(s idclient.Session, purpose idclient.Purpose, user matrix.UserID) contact.Proof {
	w.Helper()
	p, err := w.Prove(w.Context(), s, purpose, user)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// wantNoProof checks what the error is, and that it changed nothing.
func (w *world) wantNoProof(what string, s idclient.Session, purpose idclient.Purpose, user matrix.UserID, want error) {
	w.Helper()
	before := w.rows()
	if p, err := w.Prove(w.Context(), s, purpose, user); !errors.Is(err, want) {
		w.Errorf("%s: Prove = %+v, %v, want %v", what, p, err, want)
	}
	if after := w.rows(); after != before {
		w.Errorf("%s: the rows were\n%q, and are\n%q", what, before, after)
	}
}

// use spends a proof and adds its address.
func (w *world) use(p contact.Proof, user matrix.UserID) error {
	return w.db.Tx(w.Context(), func(tx *store.Tx) error {
		if err := w.Spend(w.Context(), tx, p); err != nil {
			return err
		}
		return w.Add(w.Context(), tx, user, p)
	})
}

// has gives a user the e-mail address.
func (w *world) has(user matrix.UserID) {
	w.Helper()
	wish := w.wish(idclient.Add, user)
	wish.ClientSecret = "of" + strings.NewReplacer("@", "", ":", "").Replace(user.String())
	if err := w.use(w.prove(w.shown(wish), idclient.Add, user), user); err != nil {
		w.Fatal(err)
	}
}

// owner is who has the address; empty for nobody.
func (w *world) owner() matrix.UserID {
	w.Helper()
	user, err := w.Owner(w.Context(), w.email())
	if err != nil && !errors.Is(err, contact.ErrUnknown) {
		w.Fatal(err)
	}
	return user
}
