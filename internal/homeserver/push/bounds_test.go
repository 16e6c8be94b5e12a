package push_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"signet/internal/homeserver/push"
)

func TestTooManyRules(t *testing.T) {
	var s push.Settings
	for i := range 500 {
		if err := put(t, &s, push.Sender, fmt.Sprint(i), `{"actions":[]}`); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(t, &s, push.Room, "one more", `{"actions":[]}`); !errors.Is(err, push.ErrTooMany) {
		t.Errorf("Put = %v, want %v", err, push.ErrTooMany)
	}
	if err := put(t, &s, push.Sender, "7", `{"actions":["notify"]}`); err != nil {
		t.Errorf("changing one of them = %v", err)
	}
}

func TestTooManyConditions(t *testing.T) {
	var s push.Settings
	twenty := `{"actions":[],"conditions":[` + strings.Repeat(`{"kind":"contains_display_name"},`, 19) + `{"kind":"contains_display_name"}]}`
	for i := range 50 {
		if err := put(t, &s, push.Override, fmt.Sprint(i), twenty); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(t, &s, push.Underride, "one more", `{"actions":[],"conditions":[{"kind":"contains_display_name"}]}`); !errors.Is(err, push.ErrTooMany) {
		t.Errorf("Put = %v, want %v", err, push.ErrTooMany)
	}
	if err := put(t, &s, push.Override, "7", twenty); err != nil {
		t.Errorf("the same again = %v", err)
	}
	if err := put(t, &s, push.Override, "none", `{"actions":[],"conditions":[]}`); err != nil {
		t.Errorf("a rule without conditions = %v", err)
	}
}

// Globs match what the regular expressions do that the specification has in mind.
func TestGlobs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(letters string, most int) string {
		all := []rune(letters)
		picked := make([]rune, random.IntN(most))
		for i := range picked {
			picked[i] = all[random.IntN(len(all))]
		}
		return string(picked)
	}
	const boundary = `[^A-Za-z0-9_]`
	for range 30_000 {
		pattern, text := pick("aB*?_ é.", 7), pick("abAB_ É.\n", 9)
		if !strings.ContainsAny(pattern, "*?") {
			continue
		}
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		whole := regexp.MustCompile(`(?is)^` + expression + `$`).MatchString(text)
		words := regexp.MustCompile(`(?is)(?:^|` + boundary + `)` + expression + `(?:$|` + boundary + `)`).MatchString(text)
		for key, want := range map[string]bool{"content.topic": whole, "content.body": words} {
			if got := matches(t, key, pattern, text); got != want {
				t.Fatalf("%q in %q of %s = %t, want %t", pattern, text, key, got, want)
			}
		}
	}
	long := strings.Repeat("*a?", 85)
	for text, want := range map[string]bool{strings.Repeat("ab", 85): true, strings.Repeat("ab", 84): false, strings.Repeat("xyAb", 90): true} {
		if got := matches(t, "content.topic", long, text); got != want {
			t.Errorf("a pattern of 255 characters in %q = %t, want %t", text, got, want)
		}
	}
}

// matches tells whether a rule with an event_match matches an event with that text there.
func matches(t *testing.T, key, pattern, text string) bool {
	t.Helper()
	member := strings.TrimPrefix(key, "content.")
	said, err := json.Marshal(map[string]any{"content": map[string]string{member: text}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEvent(said)
	if err != nil {
		t.Fatal(err)
	}
	return notifies([]push.Condition{{Kind: "event_match", Key: &key, Pattern: &pattern}}, e)
}
