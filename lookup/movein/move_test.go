package movein_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup"
	"signet/lookup/movein"
	"signet/verify/verifytest"
)

// many is a database of Sydent with n bindings.
func many(t testing.TB, n int) string {
	t.Helper()
	return database(t, sydentSchema, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO local_threepid_associations (medium, address, mxid, ts, notBefore, notAfter)
		SELECT 'email', 'User' || i || '@example.org', '@user' || i || ':x.org', i, 0, 4000000000000 FROM n`, n))
}

// loadMany reads many.
func loadMany(t testing.TB, n int) *movein.Load {
	t.Helper()
	l, err := movein.ReadSydent(t.Context(), many(t, n), options)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	return l
}

func TestMovesInBatches(t *testing.T) {
	const n = 100_000
	l, f := loadMany(t, n), newFake()
	target := f.target()
	var steps []int
	target.Progress = func(done, all int) {
		if all != n {
			t.Errorf("progress says %d of %d", done, all)
		}
		steps = append(steps, done)
	}
	want := movein.Outcome{Bindings: lookup.Moving{Added: n}}
	if got, err := l.Compare(t.Context(), target); err != nil || got != want || len(f.bound) != 0 {
		t.Errorf("Compare = %+v, %v, and %d are bound; want %+v and none", got, err, len(f.bound), want)
	}
	steps = nil
	if got, err := l.Write(t.Context(), target); err != nil || got != want || got.Done() != n {
		t.Errorf("Write = %+v, %v; want %+v", got, err, want)
	}
	if len(f.bound) != n || f.largest > 500 || f.batches < n/500 {
		t.Errorf("%d bound in %d batches of up to %d", len(f.bound), f.batches, f.largest)
	}
	if !slices.IsSorted(steps) || steps[len(steps)-1] != n {
		t.Errorf("progress ends at %d of %d", steps[len(steps)-1], n)
	}
}

// Reading one file twice gives the same, in the same order.
func TestReadingIsDeterministic(t *testing.T) {
	path := many(t, 3000)
	fill(t, path, local("email", "USER7@example.org", "@seven:x.org", 8), local("email", "UsEr9@example.org", "NULL", 10))
	var first *movein.Load
	for range 3 {
		l, err := movein.ReadSydent(t.Context(), path, options)
		if err != nil {
			t.Fatal(err)
		}
		check(t, l)
		if first == nil {
			first = l
		}
		if diff := cmp.Diff(bindings(first), bindings(l)); diff != "" {
			t.Error(diff)
		}
	}
	if len(first.Bindings) != 2999 || first.Merged != 2 {
		t.Errorf("%d bindings and %d merged, want 2999 and 2", len(first.Bindings), first.Merged)
	}
}

// An import that broke off is completed by the next, and the one after that changes
// nothing.
func TestABrokenImportGoesOn(t *testing.T) {
	l, f := loadMany(t, 2000), newFake()
	f.failAt = 3
	got, err := l.Write(t.Context(), f.target())
	if !errors.Is(err, errGone) || got.Bindings != (lookup.Moving{Added: 1000}) {
		t.Errorf("Write = %+v, %v; want two batches and %v", got, err, errGone)
	}
	for _, want := range []lookup.Moving{{Added: 1000, Same: 1000}, {Same: 2000}} {
		if got, err := l.Write(t.Context(), f.target()); err != nil || got.Bindings != want {
			t.Errorf("Write = %+v, %v; want %+v", got, err, want)
		}
	}
}

// directory is a real one.
func directory(t *testing.T, db *store.DB) *lookup.Directory {
	t.Helper()
	w := verifytest.New(t, db)
	d, err := lookup.New(t.Context(), lookup.Options{DB: db, Vault: w.Vault, Proofs: w.Verifier, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What comes out as lines goes in as the same bindings, and the directory then gives
// the same lines.
func TestExportAndImportAreInverse(t *testing.T) {
	storetest.Each(t, append([]string{"lookup"}, verifytest.Owners...), func(t *testing.T, db *store.DB) {
		d := directory(t, db)
		target := movein.Target{Directory: d, Terms: fakeTerms{newFake()}}
		path := many(t, 1200)
		fill(t, path, local("msisdn", "12015550123", "@phone:x.org", 5), local("email", "ü@bücher.example", "@ü:x.org", 0))
		l, err := movein.ReadSydent(t.Context(), path, options)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Write(t.Context(), target); err != nil || got.Bindings.Added != 1202 {
			t.Fatalf("Write = %+v, %v", got, err)
		}
		text := export(t, d)
		again := lines(t, text)
		if len(again.Bindings) != 1202 || len(again.Left) != 0 {
			t.Errorf("%d bindings read back, %v left", len(again.Bindings), again.Left)
		}
		if got, err := again.Write(t.Context(), target); err != nil || got.Bindings != (lookup.Moving{Same: 1202}) {
			t.Errorf("Write = %+v, %v; want all of them the same", got, err)
		}
		if diff := cmp.Diff(text, export(t, d)); diff != "" {
			t.Errorf("the next export differs:\n%s", diff)
		}
	})
}

func export(t *testing.T, d *lookup.Directory) string {
	t.Helper()
	var b strings.Builder
	err := d.Bindings(t.Context(), func(m lookup.Moved) error {
		line, err := movein.FormatLine(m)
		b.Write(append(line, '\n'))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
