package main

import (
	"bytes"
	"strings"
	"testing"

	"signet/lookup"
	"signet/lookup/movein"
)

func TestTheReportNamesRows(t *testing.T) {
	var left []movein.Place
	for i := range 12 {
		table := "local"
		if i > 8 {
			table = "global"
		}
		left = append(left, movein.Place{Table: table, Row: int64(i)})
	}
	r := report{
		load: &movein.Load{Read: 15, Merged: 3, Capped: 2, Left: map[movein.Reason][]movein.Place{movein.NoUser: left}},
		outcome: movein.Outcome{Bindings: lookup.Moving{Added: 1, Replaced: 2, Older: 3, Same: 4},
			Terms: movein.Accepting{Added: 5, Same: 6, Unknown: 7}},
		invitations: 8,
	}
	for _, c := range []struct {
		all, written bool
		want         []string
	}{
		{false, false, []string{"no user id 12 local 0 1 2 3 4 5 6 7 8 global 9 and 2 more", "WOULD BE BINDINGS TERMS", "would be accepted 8", "Nothing was written"}},
		{true, true, []string{"no user id 12 local 0 1 2 3 4 5 6 7 8 global 9 10 11", "DONE BINDINGS TERMS", "added 1 5", "put in place of an older one 2 -",
			"passed over for a newer one here 3 -", "here already 4 6", "of no document in our configuration 7 -", "now dated as the file 2",
			"invitations accepted, of which their homeservers are told 8"}},
	} {
		r.allRows, r.written = c.all, c.written
		var out bytes.Buffer
		if err := printReport(&out, r); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("the report lacks %q:\n%s", want, out.String())
			}
		}
	}
}
