package fraud_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/migrations"
)

// before is the schema without the totals.
func before(t *testing.T) fs.FS {
	t.Helper()
	old := fstest.MapFS{}
	files, err := fs.Glob(migrations.FS, "fraud/000[123]_*.sql")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v; want three files", files, err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		old[name] = &fstest.MapFile{Data: text}
	}
	return old
}

// The totals are built from the days that there are. The month of every
// day must be right, in leap years, too, and in 2100, which is none.
func TestTotalsAreBuiltFromTheLedger(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, nil)
		if err := db.Migrate(t.Context(), before(t), "fraud"); err != nil {
			t.Fatal(err)
		}
		var values []string
		want := map[string]int64{}
		add := func(period, country string, start time.Time, micros int64) {
			want[fmt.Sprintf("%s %s %q", period, start.Format(time.DateOnly), country)] += micros
		}
		for _, from := range []int{1970, 2023, 2097} {
			for day := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < from+4; day = day.AddDate(0, 0, 1) {
				micros := day.Unix() / 86400
				values = append(values, fmt.Sprintf("(%d, 'GB', 1, %d, 2), (%d, 'DE', 1, 5, 2)", day.UnixMilli(), micros, day.UnixMilli()))
				add("day", "GB", day, micros)
				add("day", "DE", day, 5)
				add("day", "", day, micros+5)
				add("month", "", time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC), micros+5)
			}
		}
		for len(values) > 0 {
			n := min(len(values), 200)
			if _, err := db.Exec(t.Context(), `INSERT INTO fraud_spend (day_ms, country, messages, micros, segments) VALUES `+strings.Join(values[:n], ", ")); err != nil {
				t.Fatal(err)
			}
			values = values[n:]
		}
		if err := db.Migrate(t.Context(), migrations.FS, "fraud"); err != nil {
			t.Fatal(err)
		}
		got := totals(t, db)
		for name, micros := range want {
			if got[name] != micros {
				t.Errorf("%s comes to %d, want %d", name, got[name], micros)
			}
		}
		if len(got) != len(want) {
			t.Errorf("there are %d totals, want %d", len(got), len(want))
		}
	})
}

// totals is the money of each, where its messages and segments belong together.
func totals(t *testing.T, db *store.DB) map[string]int64 {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT period, start_ms, country, micros FROM fraud_totals WHERE segments = 2 * messages`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]int64{}
	for rows.Next() {
		var period, country string
		var start, micros int64
		if err := rows.Scan(&period, &start, &country, &micros); err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprintf("%s %s %q", period, time.UnixMilli(start).UTC().Format(time.DateOnly), country)] = micros
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
