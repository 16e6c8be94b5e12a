package authz_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// Rules 9.1 to 9.3 of version 10: what may stand in an m.room.power_levels at all.
func TestPowerLevelsFormat(t *testing.T) {
	const format, users = authz.ErrLevelsFormat, authz.ErrLevelsUsers
	for _, c := range []struct {
		rule, content string
		from, to      event.Version
		want          authz.Refusal
	}{
		{"nothing", `{}`, 1, 12, ""},
		{"unknown members", `{"historical":"x","foo":[]}`, 1, 12, ""},
		{"9.1 text", `{"ban":"50"}`, 1, 9, ""},
		{"9.1 text", `{"ban":"50"}`, 10, 12, format},
		{"9.1 text with sign, zeros and space", `{"users_default":" +0050 ","kick":"-007\t"}`, 1, 9, ""},
		{"9.1 text that is no number", `{"kick":"fifty"}`, 1, 12, format},
		{"9.1 text of a float", `{"invite":"5.5"}`, 1, 12, format},
		{"9.1 text of two numbers", `{"redact":"5 5"}`, 1, 12, format},
		{"9.1 text of a sign", `{"redact":"-"}`, 1, 12, format},
		{"9.1 text of two signs", `{"redact":"+-5"}`, 1, 12, format},
		{"9.1 text of hex", `{"redact":"0x10"}`, 1, 12, format},
		{"9.1 text with underscores", `{"redact":"1_000"}`, 1, 12, format},
		{"9.1 empty text", `{"redact":""}`, 1, 12, format},
		{"9.1 null", `{"events_default":null}`, 1, 12, format},
		{"9.1 a truth", `{"state_default":true}`, 1, 12, format},
		{"9.1 an object", `{"redact":{}}`, 1, 12, format},
		{"9.1 a list", `{"redact":[50]}`, 1, 12, format},
		{"9.2 events is a list", `{"events":[]}`, 1, 9, ""},
		{"9.2 events is a list", `{"events":[]}`, 10, 12, format},
		{"9.2 events is null", `{"events":null}`, 10, 12, format},
		{"9.2 notifications is text", `{"notifications":"50"}`, 1, 9, ""},
		{"9.2 notifications is text", `{"notifications":"50"}`, 10, 12, format},
		{"9.2 text in events", `{"events":{"m.room.name":"50"}}`, 1, 9, ""},
		{"9.2 text in events", `{"events":{"m.room.name":"50"}}`, 10, 12, format},
		{"9.2 no number in events", `{"events":{"m.room.name":{}}}`, 1, 12, format},
		{"9.2 text in notifications", `{"notifications":{"room":"50"}}`, 10, 12, format},
		{"9.2 no number in notifications", `{"notifications":{"room":[]}}`, 1, 5, ""},
		{"9.2 no number in notifications", `{"notifications":{"room":[]}}`, 6, 12, format},
		{"9.3 users is a list", `{"users":[]}`, 1, 12, users},
		{"9.3 users is null", `{"users":null}`, 1, 12, users},
		{"9.3 users is text", `{"users":""}`, 1, 12, users},
		{"9.3 no user", `{"users":{"bob":1}}`, 1, 12, users},
		{"9.3 no server", `{"users":{"@bob":1}}`, 1, 12, users},
		{"9.3 a bad server", `{"users":{"@bob:y org":1}}`, 1, 12, users},
		{"9.3 a historical user", `{"users":{"@ Bob!:Y.org":1,"@:y.org":0}}`, 1, 12, ""},
		{"9.3 a user too long", `{"users":{"@` + strings.Repeat("b", 250) + `:y.org":1}}`, 1, 12, users},
		{"9.3 text", `{"users":{"` + bob + `":" 50 "}}`, 1, 9, ""},
		{"9.3 text", `{"users":{"` + bob + `":"50"}}`, 10, 12, users},
		{"9.3 no number", `{"users":{"` + bob + `":"x"}}`, 1, 12, users},
		{"9.3 null", `{"users":{"` + bob + `":null}}`, 1, 12, users},
		{"9.3 one bad of many", `{"users":{"@a:b":1,"@c:d":2,"x":3}}`, 1, 12, users},
	} {
		each(t, c.from, c.to, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			delete(w.state, event.Key{Type: "m.room.power_levels"})
			w.want(c.rule+" "+c.content, w.try("m.room.power_levels", "", alice, c.content), c.want)
			if _, err := authz.ParsePowerLevels(v, event.Value(c.content)); (err == nil) != (c.want == "") {
				t.Errorf("version %s: ParsePowerLevels(%s) = %v", v, c.content, err)
			}
		})
	}
}

// What a level that is no plain integer means, where it means something ("Deprecated
// event content schemas").
func TestLevelsOfOld(t *testing.T) {
	for _, c := range []struct {
		level string
		to    event.Version
		want  int64
	}{
		{`50`, 12, 50}, {`-1`, 12, -1}, {`9007199254740991`, 12, 9007199254740991},
		{`"50"`, 9, 50}, {`"000100"`, 9, 100}, {`"+100"`, 9, 100}, {`"-100"`, 9, -100}, {`" -100 "`, 9, -100}, {`"\n00\t"`, 9, 0},
		{`"99999999999999999999"`, 9, math.MaxInt64 - 1}, {`"-99999999999999999999"`, 9, math.MinInt64},
		{`50.57`, 5, 50}, {`-50.57`, 5, -50}, {`5.114698E4`, 5, 51146}, {`0.9`, 5, 0}, {`1e2`, 5, 100}, {`1e300`, 5, math.MaxInt64 - 1}, {`-1e300`, 5, math.MinInt64},
		{`9223372036854775807`, 12, math.MaxInt64 - 1}, {`99999999999999999999`, 12, math.MaxInt64 - 1}, {`-9223372036854775808`, 12, math.MinInt64},
	} {
		for _, v := range event.Versions() {
			levels, err := authz.ParsePowerLevels(v, event.Value(`{"ban":`+c.level+`,"users":{"@a:b":`+c.level+`}}`))
			if (err == nil) != (v <= c.to) {
				t.Errorf("version %s: level %s: %v", v, c.level, err)
			}
			if err == nil && (levels.Ban() != c.want || levels.User("@a:b") != c.want) {
				t.Errorf("version %s: level %s = %d and %d, want %d", v, c.level, levels.Ban(), levels.User("@a:b"), c.want)
			}
		}
	}
	for _, v := range event.Versions() {
		if _, err := authz.ParsePowerLevels(v, event.Value(`{"ban":1e999}`)); err == nil {
			t.Errorf("version %s: a level beyond a double is let in", v)
		}
	}
}

func TestPowerLevelsSay(t *testing.T) {
	levels, err := authz.ParsePowerLevels(event.V11, event.Value(`{"ban":1,"kick":2,"redact":3,"invite":4,"users_default":5,"events_default":6,"state_default":7,"users":{"@a:b":8},"events":{"m.x":9},"notifications":{"room":10}}`))
	if err != nil {
		t.Fatal(err)
	}
	none := &authz.PowerLevels{}
	for what, c := range map[string]struct{ got, want, none, wantNone int64 }{
		"ban":                    {levels.Ban(), 1, none.Ban(), 50},
		"kick":                   {levels.Kick(), 2, none.Kick(), 50},
		"redact":                 {levels.Redact(), 3, none.Redact(), 50},
		"invite":                 {levels.Invite(), 4, none.Invite(), 0},
		"another user":           {levels.User("@c:d"), 5, none.User("@c:d"), 0},
		"a message":              {levels.Event("m.y", false), 6, none.Event("m.y", false), 0},
		"a state event":          {levels.Event("m.y", true), 7, none.Event("m.y", true), 50},
		"a user":                 {levels.User("@a:b"), 8, none.User("@a:b"), 0},
		"a type, as message":     {levels.Event("m.x", false), 9, none.Event("m.x", false), 0},
		"a type, as state":       {levels.Event("m.x", true), 9, none.Event("m.x", true), 50},
		"the room's attention":   {levels.Notification("room"), 10, none.Notification("room"), 50},
		"another notification's": {levels.Notification("all"), 50, none.Notification("all"), 50},
	} {
		if c.got != c.want || c.none != c.wantNone {
			t.Errorf("level of %s = %d, want %d; without levels %d, want %d", what, c.got, c.want, c.none, c.wantNone)
		}
	}
}

// Who stands above all: up to version 11 the creator, while there are no power levels;
// then all creators, always.
func TestLevelsOfCreators(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := &world{t: t, v: v, room: map[bool]string{true: "", false: "!r:x.org"}[v.RoomIDFromCreate()], state: event.StateMap{}}
		create := w.put("m.room.create", "", alice, `{"creator":"`+boss+`","additional_creators":["`+mod+`"]}`)
		w.room = create.RoomID()
		level := func(user string) int64 {
			t.Helper()
			levels, err := authz.Levels(v, w.state)
			if err != nil {
				t.Fatal(err)
			}
			return levels.User(user)
		}
		want := map[string]int64{alice: authz.Infinite, mod: authz.Infinite, boss: 0}
		switch {
		case v.CreatorInContent():
			want = map[string]int64{alice: 0, mod: 0, boss: 100}
		case !v.PrivilegedCreators():
			want = map[string]int64{alice: 100, mod: 0, boss: 0}
		}
		for user, want := range want {
			if got := level(user); got != want {
				t.Errorf("version %s: level of %s = %d, want %d", v, user, got, want)
			}
		}
		w.put("m.room.power_levels", "", alice, `{"users_default":7,"users":{"`+mod+`":9}}`)
		for user, want := range map[string]int64{alice: 7, mod: 9, boss: 7} {
			if v.PrivilegedCreators() && user != boss {
				want = authz.Infinite
			}
			if got := level(user); got != want {
				t.Errorf("version %s: level of %s beside power levels = %d, want %d", v, user, got, want)
			}
		}
	})
}

// Rules 9.5 to 9.9 of version 10: what somebody may change. Each case edits the levels of
// the world.
func TestPowerLevelsChange(t *testing.T) {
	const above, raise, notBelow = authz.ErrLevelsAbove, authz.ErrLevelsRaise, authz.ErrLevelsPeer
	for _, c := range []struct {
		rule, sender, old, new string
		from, to               event.Version
		want                   authz.Refusal
	}{
		{"nothing changes", mod, ``, ``, 1, 12, ""},
		{"below what it takes", bob, ``, ``, 1, 12, authz.ErrLevel},
		{"9.5.1 equal", mod, `"ban":50`, `"ban":49`, 1, 12, ""},
		{"9.5.1 removed, equal", mod, `"ban":50,`, ``, 1, 12, ""},
		{"9.5.2 equal", mod, `"invite":10`, `"invite":50`, 1, 12, ""},
		{"9.5.2 above", mod, `"invite":10`, `"invite":51`, 1, 12, raise},
		{"9.5.2 above, removed things aside", mod, `"kick":50,`, `"redact_x":1,`, 1, 12, ""},
		{"9.5.2 each name", mod, `"users_default":0`, `"users_default":51`, 1, 12, raise},
		{"9.5.2 each name", mod, `"events_default":0`, `"events_default":51`, 1, 12, raise},
		{"9.5.2 each name", mod, `"state_default":50`, `"state_default":51`, 1, 12, raise},
		{"9.5.2 each name", mod, `"ban":50`, `"ban":51`, 1, 12, raise},
		{"9.5.2 each name", mod, `"redact":50`, `"redact":51`, 1, 12, raise},
		{"9.5.2 each name", mod, `"kick":50`, `"kick":51`, 1, 12, raise},
		{"9.6 listed above", mod, `"m.secret":100`, `"m.secret":50`, 1, 12, above},
		{"9.6 removed above", mod, `,"m.secret":100`, ``, 1, 12, above},
		{"9.6 equal", mod, `"m.room.name":50`, `"m.room.name":0`, 1, 12, ""},
		{"9.7 equal", mod, `"m.chat":0`, `"m.chat":50`, 1, 12, ""},
		{"9.7 above", mod, `"m.chat":0`, `"m.chat":51`, 1, 12, raise},
		{"9.7 added above", mod, `"m.chat":0`, `"m.chat":0,"m.new":51`, 1, 12, raise},
		{"9.7 added, equal", mod, `"m.chat":0`, `"m.chat":0,"m.new":50`, 1, 12, ""},
		{"9.6 notifications, equal", mod, `"room":50`, `"room":1`, 1, 12, ""},
		{"9.6 notifications above", mod, `"all":100`, `"all":1`, 1, 5, ""},
		{"9.6 notifications above", mod, `"all":100`, `"all":1`, 6, 12, above},
		{"9.6 notifications removed", mod, `"all":100,`, ``, 6, 12, above},
		{"9.7 notifications raised", mod, `"room":50`, `"room":51`, 1, 5, ""},
		{"9.7 notifications raised", mod, `"room":50`, `"room":51`, 6, 12, raise},
		{"9.6 notifications, creator", alice, `"all":100`, `"all":1`, 1, 12, ""},
		{"9.8 an equal lowered", mod, `"` + peer + `":50`, `"` + peer + `":49`, 1, 12, notBelow},
		{"9.8 an equal removed", mod, `,"` + peer + `":50`, ``, 1, 12, notBelow},
		{"9.8 one above", mod, `"` + boss + `":100`, `"` + boss + `":0`, 1, 12, notBelow},
		{"9.8 oneself lowered", mod, `"` + mod + `":50`, `"` + mod + `":1`, 1, 12, ""},
		{"9.8 oneself removed", mod, `"` + mod + `":50,`, ``, 1, 12, ""},
		{"9.8 one below", boss, `"` + mod + `":50`, `"` + mod + `":0`, 1, 12, ""},
		{"9.9 oneself raised", mod, `"` + mod + `":50`, `"` + mod + `":51`, 1, 12, raise},
		{"9.9 added, equal", mod, `"users":{`, `"users":{"` + bob + `":50,`, 1, 12, ""},
		{"9.9 added above", mod, `"users":{`, `"users":{"` + bob + `":51,`, 1, 12, raise},
		{"9.9 added above, by the first among equals", boss, `"users":{`, `"users":{"` + bob + `":101,`, 1, 12, raise},
		{"9.9 no level is above creators", alice, `"users":{`, `"users":{"` + bob + `":9007199254740991,`, 12, 12, ""},
		{"9.8 creators lower anybody", alice, `"` + boss + `":100`, `"` + boss + `":0`, 12, 12, ""},
		{"10.4 a creator is named", alice, `"users":{`, `"users":{"` + alice + `":100,`, 12, 12, authz.ErrLevelsCreator},
		{"10.4 a creator is named by another", boss, `"users":{`, `"users":{"` + alice + `":0,`, 12, 12, authz.ErrLevelsCreator},
	} {
		each(t, c.from, c.to, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			levels := string(w.state.Event("m.room.power_levels", "").Content())
			changed := strings.Replace(levels, c.old, c.new, 1)
			if changed == levels && c.old != "" {
				t.Fatalf("%s changes nothing of %s", c.rule, levels)
			}
			w.want(c.rule+": "+c.sender+" changes "+c.old+" to "+c.new, w.try("m.room.power_levels", "", c.sender, changed), c.want)
		})
	}
}

// A name that is not there has no current value: setting it counts as new, and removing
// one as gone.
func TestNamesThatAreNotThere(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		users := `"users":{"` + mod + `":20}`
		w.put("m.room.power_levels", "", alice, `{`+users+`,"state_default":20}`)
		for content, want := range map[string]authz.Refusal{
			`{` + users + `,"state_default":20,"ban":20}`: "", // the default of 50 is nobody's word
			`{` + users + `,"state_default":20,"ban":21}`: authz.ErrLevelsRaise,
			`{` + users + `}`:                    "",
			`{` + users + `,"state_default":21}`: authz.ErrLevelsRaise,
		} {
			w.want("9.5 "+content, w.try("m.room.power_levels", "", mod, content), want)
		}
	})
}

// Nor has it a new value when it goes: 0 is no level that anybody sets.
func TestNegativeLevels(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		rest := `"users":{"` + mod + `":-5},"events":{"m.room.power_levels":-10}`
		w.put("m.room.power_levels", "", alice, `{`+rest+`,"ban":-7,"kick":-5}`)
		for content, want := range map[string]authz.Refusal{
			`{` + rest + `,"kick":-5}`:           "",
			`{` + rest + `,"ban":-7,"kick":-6}`:  "",
			`{` + rest + `,"ban":-4,"kick":-5}`:  authz.ErrLevelsRaise,
			`{` + rest + `,"ban":-7,"invite":0}`: authz.ErrLevelsRaise,
		} {
			w.want("9.5 "+content, w.try("m.room.power_levels", "", mod, content), want)
		}
	})
}

// Levels are compared as numbers, however they are spelt.
func TestSpellingIsNoChange(t *testing.T) {
	each(t, 1, 9, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		levels := string(w.state.Event("m.room.power_levels", "").Content())
		w.put("m.room.power_levels", "", alice, strings.Replace(levels, `"m.secret":100`, `"m.secret":" 0100 "`, 1))
		w.want("9.6 the same in digits", w.try("m.room.power_levels", "", mod, levels), "")
	})
}

// As many levels as an event has room for are read and compared like a few.
func TestManyLevels(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		entries := make([]string, 2500)
		for i := range entries {
			entries[i] = fmt.Sprintf(`"@user%d:y.org":%d`, i, i%50)
		}
		many := strings.Replace(baseLevels, `"users":{`, `"users":{`+strings.Join(entries, ",")+`,`, 1)
		w.want("9.8 all added, the creator's removed", w.try("m.room.power_levels", "", boss, many), map[bool]authz.Refusal{false: authz.ErrLevelsPeer}[v.PrivilegedCreators()])
		w.put("m.room.power_levels", "", alice, many)
		w.want("9.8 one of them changed", w.try("m.room.power_levels", "", mod, strings.Replace(many, `user2499:y.org":49`, `user2499:y.org":50`, 1)), "")
		w.want("9.9 one of them raised", w.try("m.room.power_levels", "", mod, strings.Replace(many, `user2499:y.org":49`, `user2499:y.org":51`, 1)), authz.ErrLevelsRaise)
	})
}

// Rule 10.4 of version 12 is for all creators, and there even with no levels before.
func TestNoCreatorIsNamed(t *testing.T) {
	w := &world{t: t, v: event.V12, state: event.StateMap{}}
	w.room = w.put("m.room.create", "", alice, `{"additional_creators":["`+bob+`"]}`).RoomID()
	w.member(alice, "join")
	for user, want := range map[string]authz.Refusal{alice: authz.ErrLevelsCreator, bob: authz.ErrLevelsCreator, mod: ""} {
		w.want("10.4 "+user, w.try("m.room.power_levels", "", alice, `{"users":{"`+user+`":1}}`), want)
	}
}
