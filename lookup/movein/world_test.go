package movein_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/lookup/movein"
)

const (
	alice = matrix.UserID("@alice:example.org")
	bob   = matrix.UserID("@bob:example.org")
)

// now is the present of the tests, and the time at which their files are written.
var now = time.UnixMilli(1_700_000_000_000)

var options = movein.Options{Now: now, Name: "old.example.org"}

// The schema that Sydent has had since its version 4, after its migrations.
const sydentSchema = `
	CREATE TABLE local_threepid_associations (id INTEGER PRIMARY KEY AUTOINCREMENT, medium VARCHAR(16) NOT NULL,
		address VARCHAR(256) NOT NULL, mxid VARCHAR(256), ts INTEGER, notBefore BIGINT, notAfter BIGINT, lookup_hash VARCHAR(256));
	CREATE UNIQUE INDEX local_threepid_medium_address ON local_threepid_associations (medium, address);
	CREATE TABLE global_threepid_associations (id INTEGER PRIMARY KEY AUTOINCREMENT, medium VARCHAR(16) NOT NULL,
		address VARCHAR(256) NOT NULL, mxid VARCHAR(256) NOT NULL, ts INTEGER NOT NULL, notBefore BIGINT NOT NULL,
		notAfter INTEGER NOT NULL, originServer VARCHAR(255) NOT NULL, originId INTEGER NOT NULL, sgAssoc TEXT NOT NULL,
		lookup_hash VARCHAR(256));
	CREATE TABLE invite_tokens (id INTEGER PRIMARY KEY, medium VARCHAR(16) NOT NULL, address VARCHAR(256) NOT NULL,
		room_id VARCHAR(256) NOT NULL, sender VARCHAR(256) NOT NULL, token VARCHAR(256) NOT NULL, received_ts BIGINT, sent_ts BIGINT);
	CREATE TABLE threepid_validation_sessions (id INTEGER PRIMARY KEY, medium VARCHAR(16) NOT NULL, address VARCHAR(256) NOT NULL,
		clientSecret VARCHAR(32) NOT NULL, validated INT DEFAULT 0, mtime BIGINT NOT NULL);
	CREATE TABLE accounts (user_id TEXT NOT NULL PRIMARY KEY, created_ts BIGINT NOT NULL, consent_version TEXT);
	CREATE TABLE accepted_terms_urls (user_id TEXT NOT NULL, url TEXT NOT NULL);
	CREATE UNIQUE INDEX accepted_terms_urls_idx ON accepted_terms_urls (user_id, url);
	PRAGMA user_version = 5;`

// The tables of ma1sd, as its object mapper makes them on SQLite.
const ma1sdSchema = "" +
	"CREATE TABLE `changelog` (`id` VARCHAR, `createdAt` VARCHAR, `comment` VARCHAR, PRIMARY KEY (`id`));" +
	"CREATE TABLE `invite_3pid` (`id` VARCHAR, `token` VARCHAR NOT NULL, `sender` VARCHAR NOT NULL, `medium` VARCHAR NOT NULL," +
	" `address` VARCHAR NOT NULL, `roomId` VARCHAR NOT NULL, `properties` VARCHAR, PRIMARY KEY (`id`));" +
	"CREATE TABLE `session_3pid` (`id` VARCHAR, `creationTime` BIGINT NOT NULL, `server` VARCHAR NOT NULL, `medium` VARCHAR NOT NULL," +
	" `address` VARCHAR NOT NULL, `secret` VARCHAR NOT NULL, `attempt` INTEGER NOT NULL, `nextLink` VARCHAR, `token` VARCHAR NOT NULL," +
	" `validated` BOOLEAN, `validationTime` BIGINT, `isRemote` BOOLEAN NOT NULL, `isRemoteValidated` BOOLEAN NOT NULL, PRIMARY KEY (`id`));" +
	"CREATE TABLE `account` (`token` VARCHAR NOT NULL, `accessToken` VARCHAR NOT NULL, `tokenType` VARCHAR NOT NULL," +
	" `matrixServerName` VARCHAR NOT NULL, `expiresIn` BIGINT NOT NULL, `createdAt` BIGINT NOT NULL, `userId` VARCHAR NOT NULL, PRIMARY KEY (`token`));" +
	"CREATE TABLE `accepted` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `url` VARCHAR NOT NULL, `userId` VARCHAR NOT NULL, `acceptedAt` BIGINT NOT NULL);" +
	"CREATE TABLE `hashes` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `mxid` VARCHAR NOT NULL, `medium` VARCHAR NOT NULL," +
	" `address` VARCHAR NOT NULL, `hash` VARCHAR NOT NULL, UNIQUE (`mxid`, `medium`, `address`));"

// database makes an SQLite file with a schema and rows, last written at now.
func database(t testing.TB, schema string, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	fill(t, path, append([]string{schema}, rows...)...)
	return path
}

func fill(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	db.Close()
	touch(t, path)
}

func touch(t testing.TB, path string) {
	t.Helper()
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
}

// local is the row that binds, from an hour before it counts until a century later. A
// user of NULL is one that was taken back.
func local(medium, address, user string, ts any) string {
	if user != "NULL" {
		user = "'" + user + "'"
	}
	return fmt.Sprintf(`INSERT INTO local_threepid_associations (medium, address, mxid, ts, notBefore, notAfter)
		VALUES ('%s', %s, %s, %v, 0, 4000000000000)`, medium, quote(address), user, ts)
}

// quote writes a text as SQLite's own literal of its octets, whatever they are.
func quote(text string) string { return fmt.Sprintf("CAST(x'%x' AS TEXT)", text) }

func global(address, user string, ts int64, origin string, id int) string {
	return fmt.Sprintf(`INSERT INTO global_threepid_associations (medium, address, mxid, ts, notBefore, notAfter, originServer, originId, sgAssoc)
		VALUES ('email', '%s', '%s', %d, 0, 4000000000000, '%s', %d, '{}')`, address, user, ts, origin, id)
}

func hashed(address, user string) string {
	return fmt.Sprintf("INSERT INTO hashes (mxid, medium, address, hash) VALUES ('%s', 'email', '%s', 'x')", user, address)
}

// bindings are those of a load, a line each.
func bindings(l *movein.Load) (lines []string) {
	for _, m := range l.Bindings {
		ms := int64(0)
		if !m.Bound.IsZero() {
			ms = m.Bound.UnixMilli()
		}
		lines = append(lines, fmt.Sprintf("%s %s %d", m.Address.String(), m.User, ms))
	}
	return lines
}

// check states what is true of every load.
func check(t testing.TB, l *movein.Load) {
	t.Helper()
	left := 0
	known := map[movein.Reason]bool{}
	for _, why := range movein.Reasons {
		known[why] = true
	}
	for why, places := range l.Left {
		left += len(places)
		if !known[why] {
			t.Errorf("the reason %q is not among Reasons", why)
		}
	}
	if got := len(l.Bindings) + len(l.Accepted) + l.Merged + left; got != l.Read {
		t.Errorf("%d rows are accounted for, %d were read", got, l.Read)
	}
	seen := map[threepid.Address]bool{}
	for _, m := range l.Bindings {
		if seen[m.Address] {
			t.Errorf("an address comes twice")
		}
		seen[m.Address] = true
		if m.Bound.After(now) {
			t.Errorf("a binding is of the future: %v", m.Bound)
		}
	}
}

// fake is a directory and terms in memory, which fail after so many batches.
type fake struct {
	bound    map[threepid.Address]lookup.Moved
	accepted map[movein.Acceptance]bool
	failAt   int // batches until the database is gone; 0 is never
	batches  int
	largest  int
}

var errGone = errors.New("the database is gone")

func newFake() *fake {
	return &fake{bound: map[threepid.Address]lookup.Moved{}, accepted: map[movein.Acceptance]bool{}}
}

func (f *fake) target() movein.Target { return movein.Target{Directory: f, Terms: fakeTerms{f}} }

func (f *fake) Compare(_ context.Context, batch []lookup.Moved) (m lookup.Moving, err error) {
	for _, b := range batch {
		here, bound := f.bound[b.Address]
		switch {
		case !bound:
			m.Added++
		case here == b:
			m.Same++
		case b.Bound.After(here.Bound):
			m.Replaced++
		default:
			m.Older++
		}
	}
	return m, nil
}

func (f *fake) Move(ctx context.Context, batch []lookup.Moved) (lookup.Moving, error) {
	f.batches++
	f.largest = max(f.largest, len(batch))
	if f.batches == f.failAt {
		return lookup.Moving{}, errGone
	}
	m, err := f.Compare(ctx, batch)
	for _, b := range batch {
		if here, bound := f.bound[b.Address]; !bound || b.Bound.After(here.Bound) {
			f.bound[b.Address] = b
		}
	}
	return m, err
}

type fakeTerms struct{ *fake }

func (f fakeTerms) Compare(_ context.Context, batch []movein.Acceptance) (a movein.Accepting, err error) {
	for _, b := range batch {
		if f.accepted[b] {
			a.Same++
		} else {
			a.Added++
		}
	}
	return a, nil
}

func (f fakeTerms) Carry(ctx context.Context, batch []movein.Acceptance) (movein.Accepting, error) {
	a, err := f.Compare(ctx, batch)
	for _, b := range batch {
		f.accepted[b] = true
	}
	return a, err
}
