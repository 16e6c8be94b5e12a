package storetest

import (
	"strings"
	"testing"

	"signet/internal/store"
)

// Plan is how SQLite goes about a statement, a step a line (EXPLAIN QUERY PLAN).
func Plan(t testing.TB, db *store.DB, statement string, args ...any) string {
	t.Helper()
	rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}
