package movein_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/lookup/movein"
)

func TestWhatMa1sdHolds(t *testing.T) {
	path := database(t, ma1sdSchema,
		hashed("Alice@example.org", "@old:x.org"), hashed("alice@example.org", "@new:x.org"), hashed("b@example.org", "bob"),
		"INSERT INTO hashes (mxid, medium, address, hash) VALUES ('@c:x.org', 'msisdn', '12015550123', 'x')",
		`INSERT INTO accepted (url, userId, acceptedAt) VALUES ('https://example.org/p', '@alice:example.org', 1000),
			('https://example.org/p', '@alice:example.org', 2000), ('https://example.org/q', '@bob:example.org', 4000000000000)`,
		`INSERT INTO session_3pid VALUES ('s', 1, 'x', 'email', 'alice@example.org', 'secret', 1, NULL, '123456', 1, 1, 0, 0)`,
		`INSERT INTO invite_3pid VALUES ('i', 't', '@s:x.org', 'email', 'x@example.org', '!r', NULL)`)
	l, err := movein.ReadMa1sd(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	if diff := cmp.Diff([]string{"alice@example.org @new:x.org 0", "12015550123 @c:x.org 0"}, bindings(l)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[movein.Reason][]movein.Place{movein.NoUser: {{"hashes", 3}}}, l.Left); diff != "" {
		t.Error(diff)
	}
	want := []movein.Acceptance{{alice, "https://example.org/p", time.UnixMilli(1000)}, {bob, "https://example.org/q", now}}
	if diff := cmp.Diff(want, l.Accepted); diff != "" {
		t.Error(diff)
	}
	if len(l.Stays) != 2 || l.Merged != 2 || l.Capped != 1 {
		t.Errorf("%+v stays, %d merged, %d capped", l.Stays, l.Merged, l.Capped)
	}
}

// With hash storage in memory there is nothing to bind, and that is no error.
func TestMa1sdWithoutHashes(t *testing.T) {
	for name, drop := range map[string]string{"empty": "SELECT 1", "none": "DROP TABLE hashes"} {
		l, err := movein.ReadMa1sd(t.Context(), database(t, ma1sdSchema, drop), options)
		if err != nil || len(l.Bindings) != 0 {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}

func TestOneServerIsNotTheOther(t *testing.T) {
	if _, err := movein.ReadMa1sd(t.Context(), database(t, sydentSchema), options); !errors.Is(err, movein.ErrSchema) {
		t.Errorf("Sydent's as ma1sd's = %v, want %v", err, movein.ErrSchema)
	}
	if _, err := movein.ReadSydent(t.Context(), database(t, ma1sdSchema), options); !errors.Is(err, movein.ErrSchema) {
		t.Errorf("ma1sd's as Sydent's = %v, want %v", err, movein.ErrSchema)
	}
	missing := database(t, sydentSchema, "ALTER TABLE local_threepid_associations DROP COLUMN notAfter")
	if _, err := movein.ReadSydent(t.Context(), missing, options); !errors.Is(err, movein.ErrSchema) {
		t.Errorf("without a column = %v, want %v", err, movein.ErrSchema)
	}
}
