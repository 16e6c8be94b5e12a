package contact_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/outbox"
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
)

// world is the contacts of a homeserver with an identity server.
type world struct {
	*testing.T
	*contact.Contacts
	db    *store.DB
	vault *seal.Vault
	id    *idclienttest.Server
	clock *clocktest.Clock
	ended map[matrix.UserID]bool
	out   *outbox.Outbox
	log   bytes.Buffer
}

// each tells the story on every engine.
func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "outbox", "contact"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, id: idclienttest.New("hs.test"), clock: clocktest.New(), ended: map[matrix.UserID]bool{}}
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
	w.out, err = outbox.New(w.Context(), outbox.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	if err != nil {
		w.Fatal(err)
	}
	w.Contacts, err = contact.New(w.Context(), contact.Options{
		DB: w.db, Vault: w.vault, ServerName: "hs.test", Trusted: trusted, Outbox: w.out, Now: w.clock.Now,
		Identity: w.id.Client(w.clock.Now),
		Active:   func(_ context.Context, _ store.Queryer, user matrix.UserID) (bool, error) { return !w.ended[user], nil },
	})
	if err != nil {
		w.Fatal(err)
	}
}

// check looks at every row: addresses are nowhere to be read, and nobody who has ended has any.
func (w *world) check() {
	w.Helper()
	rows := w.rows()
	for _, text := range []string{"example", "4915112345678", "192.0.2.", secret} {
		if strings.Contains(rows, text) {
			w.Errorf("%q stands in the database:\n%q", text, rows)
		}
	}
	kept := storetest.Dump(w.T, w.db, "contact_addresses", "contact_sessions", "contact_found")
	for user := range w.ended {
		if strings.Contains(kept, user.String()) {
			w.Errorf("%s has ended, and left is\n%q", user, kept)
		}
	}
}

func (w *world) rows() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "contact_addresses", "contact_sessions", "contact_bindings", "contact_wishes", "contact_unbindings", "contact_found", "contact_media", "contact_passes", "outbox_jobs")
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
	if err := w.SubmitToken(w.Context(), wish.Address.Medium(), s, idclienttest.Code); err != nil {
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

// remove takes the e-mail address from a user, bound somewhere or not.
func (w *world) remove(user matrix.UserID) error {
	err := w.Delete(w.Context(), contact.News{User: user}, "", w.email())
	if errors.Is(err, contact.ErrNoSupport) {
		return nil
	}
	return err
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
