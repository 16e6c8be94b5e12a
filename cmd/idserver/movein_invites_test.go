package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup"
	"signet/lookup/invite"
	"signet/lookup/invite/message"
	"signet/lookup/movein"
	"signet/verify/verifytest"
)

// old is when the bindings of the other server were made.
var old = time.UnixMilli(1_500_000_000_000)

// mover is a directory that others move to, with invitations that wait.
type mover struct {
	*testing.T
	*verifytest.World
	directory *lookup.Directory
	invites   *invite.Invites
}

func newMover(t *testing.T, db *store.DB) *mover {
	m := &mover{T: t, World: verifytest.New(t, db)}
	m.directory = m.open()
	ring := keyringtest.Open(t, db, m.Vault, m.Clock.Now, keyring.Association)
	silent := slog.New(slog.DiscardHandler)
	budgets, err := quota.New(t.Context(), quota.Options{DB: db, Vault: m.Vault, Budgets: invite.Budgets(true), Now: m.Clock.Now, Log: silent})
	m.must(err)
	words, err := message.New("", "id.example.org", "id.example.org")
	m.must(err)
	link := func(string, string) string { return "https://id.example.org/i" }
	m.invites, err = invite.New(t.Context(), invite.Options{DB: db, Vault: m.Vault, Outbox: m.Outbox, Quota: budgets, Bindings: m.directory,
		Signer: &keys.Server{Name: "id.example.org", Ring: ring}, Words: words, Email: m.Post, Name: "id.example.org", ExpireAfter: time.Hour,
		Links: invite.Links{Page: link, Short: link, Never: func(string) string { return "https://id.example.org/n" }},
		Now:   m.Clock.Now, Rand: rand.Reader, Log: silent})
	m.must(err)
	return m
}

// open opens the bindings as a command does.
func (m *mover) open() *lookup.Directory {
	m.Helper()
	d, err := lookup.New(m.Context(), lookup.Options{DB: m.DB, Vault: m.Vault, Now: m.Clock.Now})
	m.must(err)
	return d
}

func (m *mover) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *mover) email(text string) threepid.Address {
	m.Helper()
	a, err := threepid.ParseEmail(text)
	m.must(err)
	return a
}

func (m *mover) invite(address string, rooms ...matrix.RoomID) {
	m.Helper()
	for _, room := range rooms {
		_, err := m.invites.Store(m.Context(), invite.Request{Address: m.email(address), Sender: "@bob:example.com", Room: room, Language: locale.English})
		m.must(err)
	}
}

// waits expects so many invitations to be accepted and so many homeservers to be told.
func (m *mover) waits(accepted, told int) {
	m.Helper()
	for query, want := range map[string]int{
		`SELECT COUNT(*) FROM invite_invitations WHERE state = 'accepted'`: accepted,
		`SELECT COUNT(*) FROM outbox_jobs WHERE kind = 'invite.onbind'`:    told,
	} {
		var got int
		m.must(m.DB.QueryRow(m.Context(), query).Scan(&got))
		if got != want {
			m.Errorf("%s = %d, want %d", query, got, want)
		}
	}
}

// Whoever is brought in has the invitations that waited for the address, once, also where the
// import breaks off and goes on; the dry run tells how many and accepts none.
func TestAnImportAcceptsInvitations(t *testing.T) {
	owners := append([]string{"keyring", "lookup", "invite"}, verifytest.Owners...)
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		m := newMover(t, db)
		m.invite("alice@example.org", "!tea:example.com", "!ball:example.com")
		m.invite("carol@example.org", "!tea:example.com")
		m.invite("nobody@example.org", "!tea:example.com")
		load := &movein.Load{Bindings: []lookup.Moved{
			{Address: m.email("alice@example.org"), User: "@alice:example.org", Bound: old},
			{Address: m.email("carol@example.org"), User: "@carol:example.org", Bound: old},
			{Address: m.email("dave@example.org"), User: "@dave:example.org", Bound: old},
		}}
		dry := newWelcoming(m.open(), m.invites)
		outcome, err := load.Compare(t.Context(), movein.Target{Directory: dry, Terms: noTerms{}})
		if err != nil || outcome.Bindings != (lookup.Moving{Added: 3}) || dry.accepted != 3 {
			t.Errorf("it would be %+v, %v, with %d invitations", outcome, err, dry.accepted)
		}
		m.waits(0, 0)

		full := errors.New("no room")
		broken := newWelcoming(m.open(), m.invites)
		broken.Told = append(broken.Told, failing(full))
		if _, err := load.Write(t.Context(), movein.Target{Directory: broken, Terms: noTerms{}}); !errors.Is(err, full) || broken.accepted != 0 {
			t.Errorf("an import that breaks off: %v, with %d invitations", err, broken.accepted)
		}
		m.waits(0, 0)

		for _, want := range []int{3, 0} {
			w := newWelcoming(m.open(), m.invites)
			if _, err := load.Write(t.Context(), movein.Target{Directory: w, Terms: noTerms{}}); err != nil || w.accepted != want {
				t.Errorf("an import accepts %d invitations, %v; want %d", w.accepted, err, want)
			}
			m.waits(3, 2)
		}
	})
}

// failing ends a transaction at its last binding.
func failing(err error) lookup.Told {
	return func(_ context.Context, _ *store.Tx, c lookup.Change) error {
		if c.User == "@dave:example.org" {
			return err
		}
		return nil
	}
}

// noTerms are those of a server that has none.
type noTerms struct{}

func (noTerms) Compare(context.Context, []movein.Acceptance) (movein.Accepting, error) {
	return movein.Accepting{}, nil
}

func (noTerms) Carry(context.Context, []movein.Acceptance) (movein.Accepting, error) {
	return movein.Accepting{}, nil
}
