package notice_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup"
	"signet/lookup/notice"
	"signet/lookup/notice/words"
	"signet/verify"
	"signet/verify/verifytest"
)

const (
	alice = matrix.UserID("@alice:example.org")
	bob   = matrix.UserID("@bob:example.org")
	page  = "https://id.example.org/_signet/owner"
	day   = 24 * time.Hour
)

// replica is one process: bindings, and notices that it puts and sends.
type replica struct {
	*verifytest.World
	directory *lookup.Directory
	notices   *notice.Notices
}

// story is a test's world, with a post office that takes notices alone.
type story struct {
	*testing.T
	replica
	post *verifytest.Post
	log  strings.Builder
}

func each(t *testing.T, tell func(s *story)) {
	owners := append([]string{"keyring", "lookup"}, verifytest.Owners...)
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		s := &story{T: t, post: &verifytest.Post{}}
		s.replica = s.process(verifytest.NewLogging(t, db, slog.New(slog.NewTextHandler(&s.log, nil))))
		tell(s)
	})
}

// texts are what owners are told, read once: that takes as long as many a story.
var texts = sync.OnceValues(func() (*words.Words, error) { return words.New("", "id.example.org") })

// process makes a replica. Its e-mails go to the post office; text messages are off.
func (s *story) process(w *verifytest.World) replica {
	s.Helper()
	ring := keyringtest.Open(s, w.DB, w.Vault, w.Clock.Now, keyring.Association)
	d, err := lookup.New(s.Context(), lookup.Options{DB: w.DB, Vault: w.Vault, Proofs: w.Verifier,
		Signer: &keys.Server{Name: "id.example.org", Ring: ring}, Now: w.Clock.Now})
	if err != nil {
		s.Fatal(err)
	}
	budgets, err := quota.New(s.Context(), quota.Options{DB: w.DB, Vault: w.Vault, Budgets: notice.Budgets(false), Now: w.Clock.Now})
	if err != nil {
		s.Fatal(err)
	}
	said, err := texts()
	if err != nil {
		s.Fatal(err)
	}
	n := notice.New(notice.Options{Directory: d, Outbox: w.Outbox, Quota: budgets, Owners: w.Verifier, Words: said,
		Email: s.post, Fraud: w.Verifier.Fraud, PageURL: page, Now: w.Clock.Now})
	d.Told = append(d.Told, n.Told)
	return replica{w, d, n}
}

func (s *story) address(text string) threepid.Address {
	s.Helper()
	medium := threepid.MSISDN
	if strings.Contains(text, "@") {
		medium = threepid.Email
	}
	a, err := threepid.Parse(string(medium), text)
	if err != nil {
		s.Fatal(err)
	}
	return a
}

func (s *story) bind(address string, user matrix.UserID) {
	s.Helper()
	s.Clock.Advance(time.Second)
	_, proof := s.Prove(s.T, s.address(address), verify.Account(user), fmt.Sprint("secret", s.Clock.Now().UnixMilli()))
	if _, err := s.directory.Bind(s.Context(), proof, user); err != nil {
		s.Fatal(err)
	}
}

func (s *story) unbind(address string, user matrix.UserID) {
	s.Helper()
	if err := s.directory.Unbind(s.Context(), s.address(address), user); err != nil {
		s.Fatal(err)
	}
}

// sweep does what a replica does once an hour.
func (s *story) sweep(r replica) {
	s.Helper()
	if err := r.directory.Expire(s.Context()); err != nil {
		s.Fatal(err)
	}
	if err := r.notices.Remind(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// count is how many jobs a condition holds of.
func (s *story) count(where string) (n int) {
	s.Helper()
	if err := s.DB.QueryRow(s.Context(), `SELECT COUNT(*) FROM outbox_jobs WHERE kind LIKE 'lookup.notice%' AND `+where).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

// send lets a replica send what is due, and returns it in the order of receivers.
func (s *story) send(r replica) []verifytest.Message {
	s.Helper()
	before := len(s.post.Sent())
	r.Outbox.AttemptDue(s.Context())
	sent := s.post.Sent()[before:]
	slices.SortStableFunc(sent, func(a, b verifytest.Message) int { return strings.Compare(a.To.String(), b.To.String()) })
	return sent
}

// want sends what is due and checks to whom it went and what it says, a line each:
// address, space, words that it holds.
func (s *story) want(lines ...string) []verifytest.Message {
	s.Helper()
	sent := s.send(s.replica)
	var got []string
	for _, m := range sent {
		got = append(got, m.To.String()+" "+text(m))
	}
	if len(got) != len(lines) {
		s.Errorf("%d notices, want %d:\n%s", len(got), len(lines), strings.Join(got, "\n"))
		return sent
	}
	for i, line := range lines {
		to, says, _ := strings.Cut(line, " ")
		if sent[i].To.String() != to || !strings.Contains(text(sent[i]), says) {
			s.Errorf("notice %d goes to %s, want %s, and does not say %q:\n%s", i+1, sent[i].To.String(), to, says, text(sent[i]))
		}
	}
	return sent
}

// text is a message without the joiners of quoted names.
func text(m verifytest.Message) string { return strings.ReplaceAll(m.Text, "\u2060", "") }
