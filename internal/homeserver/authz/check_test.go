package authz_test

import (
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// The rules for events of any type, numbered as in room version 8 (5 to 8).
func TestEvents(t *testing.T) {
	const message, stateless = "m.chat", "-"
	for _, c := range []struct {
		rule             string
		from, to         event.Version
		typ, key, sender string
		want             authz.Refusal
	}{
		{"5 never joined", 1, 12, message, stateless, eve, authz.ErrNotJoined},
		{"5 invited", 1, 12, message, stateless, dave, authz.ErrNotJoined},
		{"5 banned", 1, 12, message, stateless, carol, authz.ErrNotJoined},
		{"5 left", 1, 12, message, stateless, gone, authz.ErrNotJoined},
		{"5 knocked", 7, 12, message, stateless, ken, authz.ErrNotJoined},
		{"10", 1, 12, message, stateless, bob, ""},
		{"10 default for messages", 1, 12, "m.other", stateless, bob, ""},
		{"6.1", 1, 12, "m.room.third_party_invite", "t", mod, ""},
		{"6.1 below invite", 1, 12, "m.room.third_party_invite", "t", bob, authz.ErrThirdPartyLevel},
		{"7 listed", 1, 12, "m.room.name", "", mod, ""},
		{"7 listed, below", 1, 12, "m.room.name", "", bob, authz.ErrLevel},
		{"7 listed, message", 1, 12, "m.secret", stateless, mod, authz.ErrLevel},
		{"7 listed, message", 1, 12, "m.secret", stateless, boss, ""},
		{"7 default for state", 1, 12, "m.other", "", mod, ""},
		{"7 default for state, below", 1, 12, "m.other", "", bob, authz.ErrLevel},
		{"7 listed low counts for state too", 1, 12, message, "", bob, ""},
		{"8 own id", 1, 12, message, bob, bob, ""},
		{"8 id of another", 1, 12, message, mod, bob, authz.ErrStateKey},
		{"8 id of another, whatever the level", 1, 12, message, bob, alice, authz.ErrStateKey},
		{"8 anything with a sigil", 1, 12, message, "@", mod, authz.ErrStateKey},
		{"8 an id inside", 1, 12, message, "_" + mod, bob, ""},

		{"4 aliases of one's server", 1, 5, "m.room.aliases", "y.org", eve, ""},
		{"4 aliases of another's", 1, 5, "m.room.aliases", "x.org", bob, authz.ErrAliases},
		{"4 aliases of nobody's", 1, 5, "m.room.aliases", "", boss, authz.ErrAliases},
		{"4 aliases that are no state", 1, 5, "m.room.aliases", stateless, bob, authz.ErrAliases},
		{"4 is gone", 6, 12, "m.room.aliases", "y.org", eve, authz.ErrNotJoined},
		{"4 is gone", 6, 12, "m.room.aliases", "x.org", mod, ""},
	} {
		each(t, c.from, c.to, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			got := w.say
			if c.key != stateless {
				got = func(typ, sender, content string) error { return w.try(typ, c.key, sender, content) }
			}
			w.want(c.rule+": "+c.sender+" sends "+c.typ+" "+c.key, got(c.typ, c.sender, `{}`), c.want)
		})
	}
}

// Rule 3: a room that does not federate is for the server of who made it.
func TestFederate(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		for federate, want := range map[string]authz.Refusal{`false`: authz.ErrNotFederated, `true`: "", `null`: "", `"false"`: "", `0`: ""} {
			w := empty(t, v)
			if v.RoomIDFromCreate() {
				w.room = ""
			}
			w.room = w.put("m.room.create", "", alice, `{"creator":"`+alice+`","m.federate":`+federate+`}`).RoomID()
			w.joinRule("public")
			w.want("3 m.federate "+federate, w.try("m.room.member", eve, eve, `{"membership":"join"}`), want)
			w.want("3 own server, m.federate "+federate, w.try("m.room.member", mod, mod, `{"membership":"join"}`), "")
		}
	})
}

// Rule 11 of versions 1 and 2, and that no later version has it.
func TestRedaction(t *testing.T) {
	for _, c := range []struct {
		sender, redacts, id string
		want                authz.Refusal
	}{
		{mod, "$a:z.org", "$b:x.org", ""},
		{bob, "$a:y.org", "$b:y.org", ""},
		{bob, "$a:z.org", "$b:y.org", authz.ErrRedactLevel},
		{bob, "", "$b:y.org", authz.ErrRedactLevel},
		{bob, "nothing", "$b:y.org", authz.ErrRedactLevel},
	} {
		each(t, 1, 10, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			p := w.proto("m.room.redaction", nil, c.sender, `{}`)
			p.EventID, p.Redacts = c.id, c.redacts
			want := c.want
			if !v.RedactionAuthorised() {
				want = ""
			}
			w.want("11 "+c.sender+" redacts "+c.redacts, authz.Check(w.build(p), w.state), want)
		})
	}
}

func TestMayRedact(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		levels, err := authz.Levels(v, w.state)
		if err != nil {
			t.Fatal(err)
		}
		redaction := func(sender string) *event.Event { return w.build(w.proto("m.room.redaction", nil, sender, `{}`)) }
		target := w.build(w.proto("m.chat", nil, peer, `{}`))
		other := w.build(w.proto("m.chat", nil, alice, `{}`))
		if !authz.MayRedact(redaction(mod), target, levels) || !authz.MayRedact(redaction(bob), target, levels) {
			t.Errorf("version %s: a moderator, or one of the same server, may not redact", v)
		}
		if got := authz.MayRedact(redaction(bob), other, levels); got != v.RedactionAuthorised() {
			t.Errorf("version %s: anybody redacts: %t", v, got)
		}
	})
}

// Rule 2 of version 12, and what no version can do without.
func TestNoRoom(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		delete(w.state, event.Key{Type: "m.room.create"})
		w.want("2 no m.room.create", w.say("m.chat", bob, `{}`), authz.ErrNoCreate)
		if v.RoomIDFromCreate() {
			w.state.Add((&world{t: t, v: v, state: event.StateMap{}}).put("m.room.create", "", alice, `{"another":true}`))
			w.want("2 that of another room", w.say("m.chat", bob, `{}`), authz.ErrNoCreate)
		}
	})
}

// leveled is a state that has its power levels at hand.
type leveled struct {
	event.StateMap
	levels *authz.PowerLevels
}

func (s leveled) PowerLevels() *authz.PowerLevels { return s.levels }

func TestPowerLevelsAtHand(t *testing.T) {
	w := peopled(t, event.Default)
	e := w.build(w.proto("m.room.name", new(string), bob, `{}`))
	levels, err := authz.ParsePowerLevels(event.Default, event.Value(`{"users":{"`+bob+`":50}}`))
	if err != nil {
		t.Fatal(err)
	}
	w.want("7 levels of the state", authz.Check(e, leveled{w.state, nil}), authz.ErrLevel)
	w.want("7 levels at hand", authz.Check(e, leveled{w.state, levels}), "")
}

// Levels that no rule could have let in make the room one where nothing needs levels.
func TestUnreadableLevels(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		w.put("m.room.power_levels", "", alice, `{"users":[]}`)
		w.want("7 a message", w.say("m.chat", alice, `{}`), authz.ErrUnreadable)
		w.want("4.4 an invitation", w.try("m.room.member", eve, alice, `{"membership":"invite"}`), authz.ErrUnreadable)
		w.want("4.5.1 leaving", w.try("m.room.member", bob, bob, `{"membership":"leave"}`), "")
	})
}
