package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
)

// changed is an event's JSON with members set to other JSON, or taken away with "".
func changed(t testing.TB, e *event.Event, members ...string) []byte {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(e.JSON(), &object); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(members); i += 2 {
		if delete(object, members[i]); members[i+1] != "" {
			object[members[i]] = json.RawMessage(members[i+1])
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// quotedIDs is a list of n references to events.
func references(v event.Version, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%q", eventID(v, i))
		if v.EventIDInEvent() {
			list[i] = fmt.Sprintf(`[%q,{"sha256":"x"}]`, eventID(v, i))
		}
	}
	return "[" + strings.Join(list, ",") + "]"
}

// One member wrong at a time.
func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, v := range event.Versions() {
		e := build(t, v, message(v))
		for _, c := range []struct {
			member, value string
			want          error
		}{
			{"type", ``, event.ErrFormat}, {"type", `1`, event.ErrFormat}, {"type", `null`, event.ErrFormat}, {"type", `"` + long + `"`, event.ErrFieldLength},
			{"type", `"m.\u0000"`, event.ErrFieldNUL}, {"state_key", `"\u0000"`, event.ErrFieldNUL},
			{"state_key", `1`, event.ErrFormat}, {"state_key", `null`, event.ErrFormat}, {"state_key", `"` + long + `"`, event.ErrFieldLength},
			{"sender", ``, event.ErrFormat}, {"sender", `{}`, event.ErrFormat}, {"sender", `"alice"`, event.ErrSender}, {"sender", `"@alice"`, event.ErrSender}, {"sender", `"@alice:"`, event.ErrSender},
			{"sender", `"@alice:x org"`, event.ErrSender}, {"sender", `"@alice:x.org:port"`, event.ErrSender}, {"sender", `"@al\u0000:x.org"`, event.ErrSender}, {"sender", `"@` + long + `:x.org"`, event.ErrSender}, {"sender", `""`, event.ErrSender},
			{"room_id", ``, event.ErrRoomID}, {"room_id", `7`, event.ErrFormat}, {"room_id", `""`, event.ErrRoomID}, {"room_id", `"!"`, event.ErrRoomID}, {"room_id", `"!x"`, event.ErrRoomID}, {"room_id", `"!:d"`, event.ErrRoomID},
			{"room_id", `"!a:"`, event.ErrRoomID}, {"room_id", `"!a:b c"`, event.ErrRoomID}, {"room_id", `"#a:b"`, event.ErrRoomID}, {"room_id", `"!` + long + `:b"`, event.ErrRoomID}, {"room_id", `"!a\u0000:b"`, event.ErrRoomID},
			{"origin_server_ts", ``, event.ErrFormat}, {"origin_server_ts", `"1"`, event.ErrFormat},
			{"depth", ``, event.ErrFormat}, {"depth", `"1"`, event.ErrFormat}, {"depth", `-1`, event.ErrDepth}, {"depth", `[]`, event.ErrFormat},
			{"content", ``, event.ErrFormat}, {"content", `[]`, event.ErrFormat}, {"content", `"{}"`, event.ErrFormat}, {"content", `null`, event.ErrFormat},
			{"hashes", ``, event.ErrFormat}, {"hashes", `[]`, event.ErrFormat}, {"hashes", `"sha256"`, event.ErrFormat},
			{"signatures", ``, event.ErrFormat}, {"signatures", `[]`, event.ErrFormat}, {"signatures", `{"x.org":[]}`, event.ErrFormat}, {"signatures", `{"x.org":{"ed25519:1":1}}`, event.ErrFormat},
			{"auth_events", ``, event.ErrFormat}, {"auth_events", `{}`, event.ErrFormat}, {"auth_events", `[1]`, event.ErrFormat}, {"auth_events", `[[]]`, event.ErrFormat}, {"auth_events", `[null]`, event.ErrFormat}, {"auth_events", references(v, 11), event.ErrAuthEvents},
			{"prev_events", ``, event.ErrFormat}, {"prev_events", `""`, event.ErrFormat}, {"prev_events", `[{}]`, event.ErrFormat}, {"prev_events", references(v, 21), event.ErrPrevEvents},
			{"auth_events", strings.ReplaceAll(references(v, 1), "$", "x"), event.ErrEventID}, {"prev_events", strings.ReplaceAll(references(v, 1), "$", "$ :"), event.ErrEventID},
		} {
			if got, err := v.Parse(changed(t, e, c.member, c.value)); !errors.Is(err, c.want) || got != nil {
				t.Errorf("version %s: Parse with %s = %.40s: %v, %v; want %v", v, c.member, c.value, got, err, c.want)
			}
		}
	}
}

// What only some versions refuse.
func TestParseByVersion(t *testing.T) {
	hash := eventID(event.V4, 1)
	for _, c := range []struct {
		what, member, value string
		want                error
		refused             func(v event.Version) bool
	}{
		{"a float", "x", `1.5`, event.ErrCanonical, event.Version.StrictJSON},
		{"a large number", "x", `9007199254740992`, event.ErrCanonical, event.Version.StrictJSON},
		{"a float for a time", "origin_server_ts", `1e3`, nil, func(event.Version) bool { return true }},
		{"a depth of 2^53", "depth", `9007199254740992`, event.ErrCanonical, event.Version.StrictJSON},
		{"a depth of 2^63-1", "depth", `9223372036854775807`, event.ErrCanonical, event.Version.StrictJSON},
		{"a depth of 2^63", "depth", `9223372036854775808`, nil, func(event.Version) bool { return true }},
		{"a depth of 2^53-1", "depth", `9007199254740991`, nil, func(event.Version) bool { return false }},
		{"an id of version 1", "prev_events", `["$1:x.org"]`, nil, func(event.Version) bool { return true }},
		{"a reference of version 1", "prev_events", `[["$1:x.org",{"sha256":"x"}]]`, event.ErrFormat, func(v event.Version) bool { return !v.EventIDInEvent() }},
		{"a hash of 42 letters", "prev_events", `["` + hash[:43] + `"]`, nil, func(event.Version) bool { return true }},
		{"a room id that is a hash", "room_id", `"!` + hash[1:] + `"`, event.ErrRoomID, func(v event.Version) bool { return !v.RoomIDFromCreate() }},
		{"a room id with a server", "room_id", `"!a:x.org"`, event.ErrRoomID, event.Version.RoomIDFromCreate},
		{"redacts that is no text", "redacts", `{}`, event.ErrFormat, func(v event.Version) bool { return !v.RedactsInContent() }},
		{"no event_id", "event_id", ``, event.ErrEventID, event.Version.EventIDInEvent},
		{"an event_id that is a hash", "event_id", `"` + hash + `"`, event.ErrEventID, event.Version.EventIDInEvent},
		{"a type of 255 letters and 510 octets", "type", `"` + strings.Repeat("é", 255) + `"`, event.ErrFieldLength, func(v event.Version) bool { return v >= event.V11 }},
		{"a historical sender", "sender", `"@ Älice!\n:X.org:123"`, nil, func(event.Version) bool { return false }},
		{"a sender with an empty localpart", "sender", `"@:[::1]:80"`, nil, func(event.Version) bool { return false }},
		{"a time before 1970", "origin_server_ts", `-1`, nil, func(event.Version) bool { return false }},
	} {
		for _, v := range event.Versions() {
			_, err := v.Parse(changed(t, build(t, v, message(v)), c.member, c.value))
			if (err != nil) != c.refused(v) || err != nil && c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("version %s: Parse with %s = %v", v, c.what, err)
			}
		}
	}
}

// The m.room.create of a version whose room ids come from it has no room_id, and is the
// only event without.
func TestRoomIDFromCreate(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, state(v, "m.room.create", "", `{"creator":"@alice:x.org"}`))
		if want := "!" + e.ID()[1:]; v.RoomIDFromCreate() && e.RoomID() != want {
			t.Errorf("version %s: room id = %s, want %s", v, e.RoomID(), want)
		}
		if id, ok := v.CreateEventID(e.RoomID()); ok != v.RoomIDFromCreate() || ok && id != e.ID() {
			t.Errorf("version %s: CreateEventID(%s) = %s, %t", v, e.RoomID(), id, ok)
		}
		value := `"!room:x.org"`
		if !v.RoomIDFromCreate() {
			value = ""
		}
		if _, err := v.Parse(changed(t, e, "room_id", value)); !errors.Is(err, event.ErrRoomID) {
			t.Errorf("version %s: m.room.create with room_id %s = %v", v, value, err)
		}
	}
}

// What was changed on its way loses what redaction takes, and keeps its id.
func TestParseRedactsWhatWasChanged(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, state(v, "m.room.member", "@bob:x.org", `{"membership":"join","displayname":"Bob"}`))
		for what, remote := range map[string][]byte{
			"a changed content":     changed(t, e, "content", `{"membership":"join","displayname":"Mallory"}`),
			"a member more":         changed(t, e, "x", `1`),
			"no hash":               changed(t, e, "hashes", `{}`),
			"a hash that is none":   changed(t, e, "hashes", `{"sha256":1}`),
			"what redaction leaves": e.Redact().JSON(),
		} {
			got, err := v.Parse(remote)
			if err != nil || !got.Redacted() {
				t.Errorf("version %s: Parse with %s = %v", v, what, err)
				continue
			}
			if string(got.Content()) != `{"membership":"join"}` {
				t.Errorf("version %s: content of one with %s = %s", v, what, got.Content())
			}
			if sameHashes := !strings.Contains(what, "hash"); sameHashes && (got.ID() != e.ID() || string(got.JSON()) != string(e.Redact().JSON()) || got.Verify(keys) != nil) {
				t.Errorf("version %s: one with %s is another event: %s", v, what, got.JSON())
			}
		}
	}
}

// unsigned and what servers add for themselves are no part of an event.
func TestParseLeavesOutWhatIsNotTheEvents(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, message(v))
		members := []string{"unsigned", `{"age":1.5,"prev_content":{"a":"` + strings.Repeat("x", 65000) + `"}}`, "age_ts", `1`, "outlier", `true`, "destinations", `[]`}
		if !v.EventIDInEvent() {
			members = append(members, "event_id", `"$1:x.org"`)
		}
		got, err := v.Parse(changed(t, e, members...))
		if err != nil || got.Redacted() || got.ID() != e.ID() || string(got.JSON()) != string(e.JSON()) {
			t.Errorf("version %s: %v, %v; want %s", v, got, err, e.JSON())
		}
	}
}

func TestParseBoundsSize(t *testing.T) {
	for _, v := range event.Versions() {
		p := message(v)
		p.Content = []byte(`{"body":""}`)
		space := 65536 - len(build(t, v, p).JSON())
		p.Content = []byte(`{"body":"` + strings.Repeat("x", space) + `"}`)
		e := build(t, v, p)
		if _, err := v.Parse(e.JSON()); err != nil || len(e.JSON()) != 65536 {
			t.Errorf("version %s: an event of %d octets = %v", v, len(e.JSON()), err)
		}
		p.Content = []byte(`{"body":"` + strings.Repeat("x", space+1) + `"}`)
		if _, err := v.Build(p, ours); !errors.Is(err, event.ErrTooLarge) {
			t.Errorf("version %s: building an event too large = %v", v, err)
		}
		for what, remote := range map[string][]byte{
			"an octet more":   changed(t, e, "x", `1`),
			"much whitespace": append(e.JSON()[:len(e.JSON()):len(e.JSON())], strings.Repeat(" ", 6*65536)...),
		} {
			if _, err := v.Parse(remote); !errors.Is(err, event.ErrTooLarge) {
				t.Errorf("version %s: Parse with %s = %v", v, what, err)
			}
		}
	}
}

// Whatever Parse and Build gave can be stored and is the same afterwards.
func TestLoad(t *testing.T) {
	for _, v := range event.Versions() {
		for _, p := range events(v) {
			for _, e := range []*event.Event{build(t, v, p), build(t, v, p).Redact()} {
				got, err := v.Load(e.ID(), e.JSON(), e.Redacted())
				if err != nil || fmt.Sprint(*got) != fmt.Sprint(*e) {
					t.Errorf("version %s: Load(%s) = %v, %v", v, e.JSON(), got, err)
				}
			}
		}
	}
}

// A broken store is an error and no panic.
func TestLoadRefuses(t *testing.T) {
	for _, v := range append(event.Versions(), 0, 13) {
		p := message(event.V11)
		e := build(t, event.V11, p).JSON()
		for n := range e {
			_, err := v.Load("$x", e[:n], false)
			if unknown := errors.Is(err, event.ErrVersion); !unknown && !errors.Is(err, event.ErrDamaged) || errors.Is(err, event.ErrJSON) || errors.Is(err, event.ErrFormat) {
				t.Errorf("version %s: Load of %d octets of %d = %v, want %v", v, n, len(e), err, event.ErrDamaged)
			}
		}
	}
}

func TestRedacts(t *testing.T) {
	for _, v := range event.Versions() {
		protos := events(v)
		redaction := build(t, v, protos[len(protos)-1])
		if got := redaction.Redacts(); got != eventID(v, 4) {
			t.Errorf("version %s: Redacts of %s = %q", v, redaction.JSON(), got)
		}
		if got, want := redaction.Redact().Redacts(), map[bool]string{true: eventID(v, 4)}[v.RedactsInContent()]; got != want {
			t.Errorf("version %s: Redacts of a redacted redaction = %q, want %q", v, got, want)
		}
		if got := build(t, v, message(v)).Redacts(); got != "" {
			t.Errorf("version %s: Redacts of a message = %q", v, got)
		}
	}
}
