package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/store"
)

// Dump is every row of the tables as text, a sorted line each: its table, and each column
// with its value. Bytes are shown as they are, so that a word hidden in them is found.
func Dump(t testing.TB, db *store.DB, tables ...string) string {
	t.Helper()
	var lines []string
	for _, table := range tables {
		lines = append(lines, dumpTable(t, db, table)...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func dumpTable(t testing.TB, db *store.DB, table string) (lines []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := table
		for i, v := range values {
			if b, isBytes := v.([]byte); isBytes {
				v = string(b)
			}
			line += fmt.Sprintf(" %s=%v", columns[i], v)
		}
		lines = append(lines, line+"\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
