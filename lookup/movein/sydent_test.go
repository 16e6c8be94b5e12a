package movein_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/lookup/movein"
)

// sydent reads a database of Sydent with those rows.
func sydent(t *testing.T, rows ...string) *movein.Load {
	t.Helper()
	l, err := movein.ReadSydent(t.Context(), database(t, sydentSchema, rows...), options)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	return l
}

func TestWhatSydentBinds(t *testing.T) {
	const local1, global1 = "local_threepid_associations", "global_threepid_associations"
	for name, c := range map[string]struct {
		rows   []string
		want   []string
		left   map[movein.Reason][]movein.Place
		merged int
		capped int
	}{
		"one of each medium": {
			rows: []string{local("email", "a@example.org", "@a:x.org", 1000), local("msisdn", "12015550123", "@a:x.org", 2000)},
			want: []string{"a@example.org @a:x.org 1000", "12015550123 @a:x.org 2000"},
		},
		"capitals are one mailbox": {
			rows: []string{local("email", "Alice@Example.ORG", "@a:x.org", 1000)},
			want: []string{"alice@example.org @a:x.org 1000"},
		},
		"of three spellings the newest": {
			rows: []string{local("email", "A@example.org", "@old:x.org", 1000), local("email", "a@example.org", "@new:x.org", 3000),
				local("email", "a@EXAMPLE.org", "@mid:x.org", 2000)},
			want: []string{"a@example.org @new:x.org 3000"}, merged: 2,
		},
		"of two at one time the later row": {
			rows: []string{local("email", "A@example.org", "@first:x.org", 1000), local("email", "a@example.org", "@second:x.org", 1000)},
			want: []string{"a@example.org @second:x.org 1000"}, merged: 1,
		},
		"a domain in both forms": {
			rows: []string{local("email", "a@xn--bcher-kva.example", "@a:x.org", 1000), local("email", "a@BÜCHER.example", "@b:x.org", 2000)},
			want: []string{"a@bücher.example @b:x.org 2000"}, merged: 1,
		},
		"a number with its plus": {
			rows: []string{local("msisdn", "+12015550123", "@a:x.org", 1000), local("msisdn", "12015550123", "@b:x.org", 2000)},
			want: []string{"12015550123 @b:x.org 2000"}, merged: 1,
		},
		"folded to what was not proven": {
			rows: []string{local("email", "stra\u00dfe@example.org", "@a:x.org", 5000), local("email", "strasse@example.org", "@b:x.org", 1000),
				local("email", "a@fa\u00df.de", "@a:x.org", 1000), local("email", "\u0130@example.org", "@a:x.org", 1000),
				local("email", "\ufb01nd@example.org", "@a:x.org", 1000), local("email", "a@xn--fa-hia.de", "@c:x.org", 1000)},
			want: []string{"strasse@example.org @b:x.org 1000", "a@xn--fa-hia.de @c:x.org 1000"},
			left: map[movein.Reason][]movein.Place{movein.OtherMailbox: {{local1, 1}, {local1, 3}, {local1, 4}, {local1, 5}}},
		},
		"taken back": {
			rows: []string{local("email", "a@example.org", "NULL", 1000), local("email", "b@example.org", "", 1000)},
			left: map[movein.Reason][]movein.Place{movein.TakenBack: {{local1, 1}}, movein.NoUser: {{local1, 2}}},
		},
		"taken back in another spelling, later": {
			rows: []string{local("email", "A@example.org", "@a:x.org", 1000), local("email", "a@example.org", "NULL", 2000)},
			left: map[movein.Reason][]movein.Place{movein.TakenBack: {{local1, 2}}}, merged: 1,
		},
		"bound again in another spelling": {
			rows: []string{local("email", "A@example.org", "NULL", 1000), local("email", "a@example.org", "@a:x.org", 2000)},
			want: []string{"a@example.org @a:x.org 2000"},
			left: map[movein.Reason][]movein.Place{movein.TakenBack: {{local1, 1}}},
		},
		"a copy that was not taken back yet": {
			rows: []string{local("email", "a@example.org", "NULL", "NULL"), global("a@example.org", "@a:x.org", 1000, "old.example.org", 1)},
			left: map[movein.Reason][]movein.Place{movein.TakenBack: {{local1, 1}}}, merged: 1,
		},
		"a copy beside its original, and one without": {
			rows: []string{local("email", "a@example.org", "@a:x.org", 1000), global("a@example.org", "@a:x.org", 1000, "old.example.org", 1),
				global("b@example.org", "@b:x.org", 1000, "old.example.org", 2)},
			want: []string{"a@example.org @a:x.org 1000", "b@example.org @b:x.org 1000"}, merged: 1,
		},
		"a copy that another server signed": {
			rows: []string{global("a@example.org", "@a:x.org", 1000, "other.example.org", 1), global("b@example.org", "@b:x.org", 1000, "OLD.example.org", 1)},
			left: map[movein.Reason][]movein.Place{movein.Elsewhere: {{global1, 1}, {global1, 2}}},
		},
		"expired": {
			rows: []string{local("email", "a@example.org", "@a:x.org", 1000), `UPDATE local_threepid_associations SET notAfter = 1699999999999`},
			left: map[movein.Reason][]movein.Place{movein.Expired: {{local1, 1}}},
		},
		"without an end": {
			rows: []string{local("email", "a@example.org", "@a:x.org", 1000), `UPDATE local_threepid_associations SET notAfter = NULL`},
			want: []string{"a@example.org @a:x.org 1000"},
		},
		"times that are none": {
			rows: []string{local("email", "a@example.org", "@a:x.org", 0), local("email", "b@example.org", "@a:x.org", "NULL"),
				local("email", "c@example.org", "@a:x.org", -5), local("email", "d@example.org", "@a:x.org", "'yesterday'"),
				local("email", "e@example.org", "@a:x.org", "1500.7")},
			want: []string{"a@example.org @a:x.org 0", "b@example.org @a:x.org 0", "c@example.org @a:x.org 0", "d@example.org @a:x.org 0",
				"e@example.org @a:x.org 1500"},
		},
		"times to come": {
			rows: []string{local("email", "a@example.org", "@a:x.org", int64(9223372036854775807)), local("email", "b@example.org", "@a:x.org", "1e300")},
			want: []string{"a@example.org @a:x.org 1700000000000", "b@example.org @a:x.org 1700000000000"}, capped: 2,
		},
		"broken": {
			rows: []string{local("email", "\xff@example.org", "@a:x.org", 1), local("email", "a\x00@example.org", "@a:x.org", 1),
				local("email", "", "@a:x.org", 1), local("email", "alice", "@a:x.org", 1), local("msisdn", "++12015550123", "@a:x.org", 1),
				local("msisdn", "0123", "@a:x.org", 1), local("fax", "12015550123", "@a:x.org", 1), local("", "a@example.org", "@a:x.org", 1),
				local("email", "b@example.org", "alice", 1), local("email", "c@example.org", "@a:X.ORG", 1)},
			left: map[movein.Reason][]movein.Place{
				movein.NoAddress: {{local1, 1}, {local1, 2}, {local1, 3}, {local1, 4}, {local1, 5}, {local1, 6}},
				movein.NoMedium:  {{local1, 7}, {local1, 8}},
				movein.NoUser:    {{local1, 9}, {local1, 10}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := sydent(t, c.rows...)
			if diff := cmp.Diff(c.want, bindings(l)); diff != "" {
				t.Errorf("bindings:\n%s", diff)
			}
			if c.left == nil {
				c.left = map[movein.Reason][]movein.Place{}
			}
			if diff := cmp.Diff(c.left, l.Left); diff != "" {
				t.Errorf("left:\n%s", diff)
			}
			if l.Merged != c.merged || l.Capped != c.capped {
				t.Errorf("%d merged and %d capped, want %d and %d", l.Merged, l.Capped, c.merged, c.capped)
			}
		})
	}
}

// The first schema knows no NULL and has no terms.
func TestTheFirstSchemaOfSydent(t *testing.T) {
	path := database(t, `
		CREATE TABLE local_threepid_associations (id INTEGER PRIMARY KEY, medium VARCHAR(16) NOT NULL, address VARCHAR(256) NOT NULL,
			mxid VARCHAR(256) NOT NULL, ts INTEGER NOT NULL, notBefore BIGINT NOT NULL, notAfter BIGINT NOT NULL);
		CREATE TABLE global_threepid_associations (id INTEGER PRIMARY KEY, medium VARCHAR(16) NOT NULL, address VARCHAR(256) NOT NULL,
			mxid VARCHAR(256) NOT NULL, ts INTEGER NOT NULL, notBefore BIGINT NOT NULL, notAfter INTEGER NOT NULL,
			originServer VARCHAR(255) NOT NULL, originId INTEGER NOT NULL, sgAssoc TEXT NOT NULL)`,
		local("email", "a@example.org", "@a:x.org", 1000))
	l, err := movein.ReadSydent(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	if diff := cmp.Diff([]string{"a@example.org @a:x.org 1000"}, bindings(l)); diff != "" {
		t.Error(diff)
	}
}

func TestTheTermsOfSydent(t *testing.T) {
	l := sydent(t,
		`INSERT INTO accepted_terms_urls VALUES ('@alice:example.org', 'https://example.org/privacy-1'), ('alice', 'https://example.org/privacy-1'),
			('@alice:example.org', 'javascript:alert(1)'), ('@bob:example.org', 'https://example.org/privacy-1')`)
	want := []movein.Acceptance{{User: alice, URL: "https://example.org/privacy-1"}, {User: bob, URL: "https://example.org/privacy-1"}}
	if diff := cmp.Diff(want, l.Accepted); diff != "" {
		t.Error(diff)
	}
	left := map[movein.Reason][]movein.Place{movein.NoUser: {{"accepted_terms_urls", 2}}, movein.NoURL: {{"accepted_terms_urls", 3}}}
	if diff := cmp.Diff(left, l.Left); diff != "" {
		t.Error(diff)
	}
}

// What has no place here is told.
func TestWhatStaysAtSydent(t *testing.T) {
	l := sydent(t,
		`INSERT INTO invite_tokens VALUES (1, 'email', 'x@example.org', '!r', '@s:x.org', 't', 1, NULL), (2, 'email', 'y@example.org', '!r', '@s:x.org', 'u', 1, 5)`,
		`INSERT INTO accounts VALUES ('@a:x.org', 1, NULL), ('@b:x.org', 1, NULL)`)
	var got []string
	for _, s := range l.Stays {
		got = append(got, fmt.Sprint(s.Rows, " ", s.What))
	}
	if diff := cmp.Diff([]string{"1 pending invitations", "2 accounts"}, got); diff != "" {
		t.Error(diff)
	}
}
