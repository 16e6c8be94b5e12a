package servers_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/clocktest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/keeper/keepertest"
	"signet/keys/servers"
)

// desk has records that wait, and remembers where they were logged.
type desk struct {
	waits  [][]byte
	logged map[int64]string
}

func (d *desk) Next(_ context.Context, limit int) ([][]byte, func(context.Context, *store.Tx, int64) error, error) {
	some := d.waits[:min(limit, len(d.waits))]
	return some, func(_ context.Context, _ *store.Tx, first int64) error {
		for i, e := range some {
			d.logged[first+int64(i)] = string(e)
		}
		d.waits = nil
		return nil
	}, nil
}

func key(i byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)) }

// What waits is logged after the CONFIG and proven by a note that anybody can verify; what is
// not logged yet is not proven.
func TestARecordIsProven(t *testing.T) {
	storetest.Each(t, []string{"log"}, func(t *testing.T, db *store.DB) {
		clock, d := clocktest.New(), &desk{logged: map[int64]string{}}
		o := servers.Options{DB: db, Name: "id.example.org", Keys: keepertest.Fixed(key(1)), Source: d, Now: clock.Now, Log: slog.New(slog.DiscardHandler),
			Guard: log.NewFileGuard(filepath.Join(t.TempDir(), "guard"), "id.example.org/servers")}
		s, err := servers.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			r, err := entry.NewRecord(fmt.Appendf(nil, `{"n":%d}`, i))
			if err != nil {
				t.Fatal(err)
			}
			d.waits = append(d.waits, r.Append(nil))
		}
		if _, err := s.Prove(t.Context(), 1, []byte(`{"n":0}`)); !errors.Is(err, servers.ErrNotYet) {
			t.Errorf("Prove before the first checkpoint = %v", err)
		}
		if _, err := s.Tiles().Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.logged) != 5 {
			t.Fatalf("logged: %v", d.logged)
		}
		trust, err := s.Trust(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(trust.VKeys[0])
		if err != nil {
			t.Fatal(err)
		}
		for position, e := range d.logged {
			proven(t, s, verifier, position, e)
		}
		if _, err := s.Prove(t.Context(), 2, []byte(`{"n":0}`)); !errors.Is(err, servers.ErrOther) {
			t.Errorf("Prove of what stands elsewhere = %v", err)
		}
		if _, err := s.Prove(t.Context(), 1, []byte(`{"n":0.5}`)); !errors.Is(err, entry.ErrObject) {
			t.Errorf("Prove of what is no record = %v", err)
		}
		if _, err := s.Prove(t.Context(), 7, []byte(`{"n":0}`)); !errors.Is(err, servers.ErrNotYet) {
			t.Errorf("Prove beyond the checkpoint = %v", err)
		}
		o.Keys = keepertest.Fixed(key(2))
		if _, err := servers.Open(t.Context(), o); !errors.Is(err, log.ErrConfig) {
			t.Errorf("with another key Open = %v", err)
		}
		// A proof needs none of the records around it, which are many.
		if _, err := db.Exec(t.Context(), `DELETE FROM log_tiles WHERE level < 0`); err != nil {
			t.Fatal(err)
		}
		proven(t, s, verifier, 1, d.logged[1])
	})
}

// proven verifies the proof of an entry as C2SP tlog-proof says.
func proven(t *testing.T, s *servers.Servers, by note.Verifier, position int64, e string) {
	t.Helper()
	raw, err := s.Prove(t.Context(), position, []byte(e[1:]))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		LogProof string `json:"log_proof"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	head, checkpoint, _ := strings.Cut(p.LogProof, "\n\n")
	lines := strings.Split(head, "\n")
	want := []string{"c2sp.org/tlog-proof@v1", "extra " + base64.StdEncoding.EncodeToString([]byte(e)), fmt.Sprintf("index %d", position)}
	if len(lines) < 3 || strings.Join(lines[:3], "\n") != strings.Join(want, "\n") {
		t.Fatalf("the proof begins with %q, want %q", lines, want)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, h)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(by))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(n.Text, "\n")
	var size int64
	if _, err := fmt.Sscan(text[1], &size); err != nil || text[0] != "id.example.org/servers" {
		t.Fatalf("the checkpoint says %q", n.Text)
	}
	root, err := tlog.ParseHash(text[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckRecord(path, size, root, position, tlog.RecordHash([]byte(e))); err != nil {
		t.Errorf("entry %d: %v", position, err)
	}
}
