package verify_test

import (
	"context"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/migrations"
	"signet/verify/verifytest"
)

// before is the schema without a file and what came after it.
func before(t *testing.T, file string) fs.FS {
	t.Helper()
	schema := fstest.MapFS{}
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		owner, _, _ := strings.Cut(file, "/")
		if err != nil || d.IsDir() || strings.HasPrefix(path, owner+"/") && path >= file {
			return err
		}
		text, err := fs.ReadFile(migrations.FS, path)
		schema[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// firstRelease writes a session as the first release did.
func firstRelease(ctx context.Context, db *store.DB, n int) error {
	id := []byte(strconv.Itoa(n))
	return db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO verify_sessions
			(sid, medium, address_index, address_sealed, secret_mac, caller, next_link, send_attempt,
			 code_mac, code_expires_ms, link_mac, link_expires_ms, created_ms, changed_ms,
			 wrong_codes, validated_ms, spent_ms, messages, sent_ms)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			ON CONFLICT (sid) DO UPDATE SET next_link = $7`,
			"sid"+string(id), "email", id, id, id, "page", "", 1, id, 1, id, 1, 1, 1, 0, 0, 0, 1, 1)
		return err
	})
}

// While the table is made anew, the release before goes on writing: what was
// acknowledged to it is there afterwards.
func TestAnUpgradeLosesNoSession(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		old, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if err := old.Migrate(t.Context(), before(t, "verify/0002_purpose.sql"), "verify"); err != nil {
			t.Fatal(err)
		}
		for n := range 500 {
			if err := firstRelease(t.Context(), old, n); err != nil {
				t.Fatal(err)
			}
		}
		acknowledged := 500
		var migrated atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for n := 1000; !migrated.Load() || n < 1500; n++ {
				if firstRelease(context.Background(), old, n) == nil {
					acknowledged++
				}
			}
		}()
		now, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer now.Close()
		if err := now.Migrate(t.Context(), migrations.FS, "verify"); err != nil {
			t.Fatal(err)
		}
		migrated.Store(true)
		<-ended
		var there int
		if err := now.QueryRow(t.Context(), "SELECT COUNT(*) FROM verify_sessions").Scan(&there); err != nil || there != acknowledged {
			t.Errorf("%d sessions are there, %d were acknowledged, %v", there, acknowledged, err)
		}
	})
}

// A session of the release before goes on in this one: the same request is the same
// session, its next message has a "this was not me" link that works.
func TestASessionOutlivesAnUpgrade(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, verifytest.Owners))}
		c := s.mustRequest(1)
		if _, err := s.DB.Exec(t.Context(), `UPDATE verify_sessions SET purpose = 'verify', user_id = '', asker = $1, stop_mac = $1`, []byte{}); err != nil {
			t.Fatal(err)
		}
		if again := s.mustRequest(1); again != c || len(s.Post.Sent()) != 1 {
			t.Errorf("the same request: the same session %v, %d messages", again == c, len(s.Post.Sent()))
		}
		s.Clock.Advance(2 * time.Minute)
		if again := s.mustRequest(2); again != c {
			t.Error("a further message is another session")
		}
		if _, err := s.Stop(t.Context(), s.Post.Last(t).Stop(), false); err != nil {
			t.Errorf("the link in its next message = %v", err)
		}
	})
}
