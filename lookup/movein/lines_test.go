package movein_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/lookup/movein"
)

func lines(t *testing.T, text string) *movein.Load {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bindings.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(t, path)
	l, err := movein.ReadLines(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	return l
}

const good = `{"medium":"email","address":"a@example.org","user_id":"@a:x.org","ts":1000}`

func TestLines(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
		left map[movein.Reason][]movein.Place
	}{
		"nothing":         {text: ""},
		"without an end":  {text: good, want: []string{"a@example.org @a:x.org 1000"}},
		"with an end":     {text: good + "\n", want: []string{"a@example.org @a:x.org 1000"}},
		"newest of two":   {text: good + "\n" + strings.Replace(strings.Replace(good, "@a:", "@b:", 1), "1000", "999", 1), want: []string{"a@example.org @a:x.org 1000"}},
		"to come":         {text: strings.Replace(good, "1000", "9223372036854775807", 1), want: []string{"a@example.org @a:x.org 1700000000000"}},
		"before the time": {text: strings.Replace(good, "1000", "-9223372036854775808", 1), want: []string{"a@example.org @a:x.org 0"}},
		"a long line between": {
			text: good + "\n" + strings.Repeat("x", 100_000) + "\n" + strings.Replace(good, "a@", "b@", 1) + "\n",
			want: []string{"a@example.org @a:x.org 1000", "b@example.org @a:x.org 1000"},
			left: map[movein.Reason][]movein.Place{movein.NoLine: {{"line", 2}}},
		},
		"a long line at the end": {
			text: good + "\n" + strings.Repeat("x", 100_000),
			want: []string{"a@example.org @a:x.org 1000"},
			left: map[movein.Reason][]movein.Place{movein.NoLine: {{"line", 2}}},
		},
		"broken": {
			text: strings.Join([]string{"", "null", "[]", good + good, good[:len(good)-1],
				strings.Replace(good, "ts", "TS", 1), strings.Replace(good, "{", `{"x":1,`, 1), strings.Replace(good, "{", `{"ts":1,`, 1),
				strings.Replace(good, "1000", "1e99", 1), strings.Replace(good, "a@", "\xff@", 1), strings.Replace(good, `"email"`, `"fax"`, 1),
				strings.Replace(good, "a@", "a", 1), strings.Replace(good, "@a:", "a:", 1)}, "\n"),
			left: map[movein.Reason][]movein.Place{
				movein.NoLine:    {{"line", 1}, {"line", 3}, {"line", 4}, {"line", 5}, {"line", 6}, {"line", 7}, {"line", 8}, {"line", 9}, {"line", 10}},
				movein.NoMedium:  {{"line", 2}, {"line", 11}},
				movein.NoAddress: {{"line", 12}},
				movein.NoUser:    {{"line", 13}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := lines(t, c.text)
			if diff := cmp.Diff(c.want, bindings(l)); diff != "" {
				t.Errorf("bindings:\n%s", diff)
			}
			if c.left == nil {
				c.left = map[movein.Reason][]movein.Place{}
			}
			if diff := cmp.Diff(c.left, l.Left); diff != "" {
				t.Errorf("left:\n%s", diff)
			}
		})
	}
	if _, err := movein.ReadLines(t.Context(), t.TempDir(), options); !errors.Is(err, movein.ErrNotFile) {
		t.Errorf("a folder = %v, want %v", err, movein.ErrNotFile)
	}
}

// Parsing what was printed gives the same.
func FuzzParseLine(f *testing.F) {
	for _, seed := range []string{good, strings.Replace(good, "a@example.org", "Straße@BÜCHER.example", 1), strings.Replace(good, "1000", "-1", 1),
		`{"medium":"msisdn","address":"+12015550123","user_id":"@ü:[::1]:8448","ts":0}`, `{"medium":"email","address":"\u003c@x.org","user_id":"@<\u2028>:x"}`, "{}", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, why := movein.ParseLine(text)
		if why != "" {
			return
		}
		printed, err := movein.FormatLine(first)
		if err != nil {
			t.Fatal(err)
		}
		second, why := movein.ParseLine(printed)
		if why != "" || second != first {
			t.Errorf("ParseLine(%q) = %+v, %q; want %+v", printed, second, why, first)
		}
		again, err := movein.FormatLine(second)
		if err != nil || string(again) != string(printed) {
			t.Errorf("printed twice: %q and %q, %v", printed, again, err)
		}
	})
}
