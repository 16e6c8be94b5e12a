package authz_test

import (
	"fmt"
	"slices"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// The auth events selection of the server-server API.
func TestNeeded(t *testing.T) {
	const create, levels, rules = "m.room.create|", "m.room.power_levels|", "m.room.join_rules|"
	member := func(user string) string { return "m.room.member|" + user }
	for _, c := range []struct {
		what, typ, key, sender, content string
		from, to                        event.Version
		want                            []string
	}{
		{"a create", "m.room.create", "", alice, `{}`, 1, 12, nil},
		{"a message", "m.chat", "-", bob, `{}`, 1, 11, []string{create, levels, member(bob)}},
		{"a message", "m.chat", "-", bob, `{}`, 12, 12, []string{levels, member(bob)}},
		{"a topic", "m.room.topic", "", bob, `{"membership":"join"}`, 1, 11, []string{create, levels, member(bob)}},
		{"a join", "m.room.member", bob, bob, `{"membership":"join"}`, 1, 11, []string{create, levels, member(bob), rules}},
		{"a join", "m.room.member", bob, bob, `{"membership":"join"}`, 12, 12, []string{levels, member(bob), rules}},
		{"a knock", "m.room.member", bob, bob, `{"membership":"knock"}`, 1, 11, []string{create, levels, member(bob), rules}},
		{"an invitation", "m.room.member", eve, bob, `{"membership":"invite"}`, 1, 11, []string{create, levels, member(bob), member(eve), rules}},
		{"a kick", "m.room.member", eve, bob, `{"membership":"leave"}`, 1, 11, []string{create, levels, member(bob), member(eve)}},
		{"a ban", "m.room.member", eve, bob, `{"membership":"ban"}`, 12, 12, []string{levels, member(bob), member(eve)}},
		{"a third party", "m.room.member", eve, bob, `{"membership":"invite","third_party_invite":{"signed":{"token":"tk"}}}`, 1, 11, []string{create, levels, member(bob), member(eve), rules, "m.room.third_party_invite|tk"}},
		{"a third party without token", "m.room.member", eve, bob, `{"membership":"invite","third_party_invite":{"signed":{"token":1}}}`, 1, 11, []string{create, levels, member(bob), member(eve), rules}},
		{"a join of a third party", "m.room.member", bob, bob, `{"membership":"join","third_party_invite":{"signed":{"token":"tk"}}}`, 1, 11, []string{create, levels, member(bob), rules}},
		{"a restricted join", "m.room.member", bob, bob, `{"membership":"join","join_authorised_via_users_server":"` + mod + `"}`, 8, 11, []string{create, levels, member(bob), rules, member(mod)}},
		{"a restricted join by oneself", "m.room.member", bob, bob, `{"membership":"join","join_authorised_via_users_server":"` + bob + `"}`, 8, 11, []string{create, levels, member(bob), rules}},
		{"a join before there were restricted ones", "m.room.member", bob, bob, `{"membership":"join","join_authorised_via_users_server":"` + mod + `"}`, 1, 7, []string{create, levels, member(bob), rules}},
		{"a leave with the field of a restricted join", "m.room.member", bob, bob, `{"membership":"leave","join_authorised_via_users_server":"` + mod + `"}`, 8, 11, []string{create, levels, member(bob)}},
		{"a membership that is none", "m.room.member", bob, bob, `{"membership":["join"]}`, 1, 11, []string{create, levels, member(bob)}},
		{"a membership that is no state", "m.room.member", "-", bob, `{"membership":"join"}`, 1, 11, []string{create, levels, member(bob)}},
	} {
		each(t, c.from, c.to, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			key := &c.key
			if c.key == "-" {
				key = nil
			}
			if c.typ == "m.room.create" && v.RoomIDFromCreate() {
				w.room = ""
			}
			p := w.proto(c.typ, key, c.sender, c.content)
			for _, keys := range [][]event.Key{authz.Needed(w.build(p)), authz.NeededFor(v, p)} {
				var got []string
				for _, key := range keys {
					got = append(got, key.Type+"|"+key.StateKey)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("version %s: %s needs %q, want %q", v, c.what, got, c.want)
				}
			}
		})
	}
}

// What is no content needs what every event needs, and no panic.
func TestNeededForBrokenContent(t *testing.T) {
	for _, content := range []string{``, `{`, `[]`, `{"membership":`} {
		p := event.Proto{Type: "m.room.member", StateKey: new(string), Sender: bob, Content: []byte(content)}
		if got := authz.NeededFor(event.V11, p); len(got) != 4 {
			t.Errorf("NeededFor with %q = %v", content, got)
		}
	}
}

// Rule 2 (2 and 3 in version 12).
func TestFromAuthEvents(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		e := w.build(w.proto("m.chat", nil, bob, `{}`))
		create, levels := w.create(), w.state.Event("m.room.power_levels", "")
		own, other := w.state.Event("m.room.member", bob), w.state.Event("m.room.member", mod)
		another := empty(t, v)
		another.room = map[bool]string{true: "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", false: "!another:x.org"}[v.RoomIDFromCreate()]
		foreign := another.put("m.room.power_levels", "", alice, `{}`)
		message := w.build(w.proto("m.room.power_levels", nil, alice, `{}`))
		// root is the create event where it is cited.
		root := []*event.Event{create}
		if v.RoomIDFromCreate() {
			root = nil
		}
		for _, c := range []struct {
			rule     string
			events   []*event.Event
			rejected *event.Event
			want     authz.Refusal
		}{
			{"all", append(slices.Clone(root), levels, own), nil, ""},
			{"2.1 twice the same", append(slices.Clone(root), levels, own, own), nil, authz.ErrAuthDuplicate},
			{"2.1 two for a place", append(slices.Clone(root), levels, w.build(w.proto("m.room.power_levels", new(string), alice, `{}`))), nil, authz.ErrAuthDuplicate},
			{"2.2 another's membership", append(slices.Clone(root), levels, own, other), nil, authz.ErrAuthUnneeded},
			{"2.2 no state", append(slices.Clone(root), message), nil, authz.ErrAuthUnneeded},
			{"2.3 rejected", append(slices.Clone(root), levels, own), levels, authz.ErrAuthRejected},
			{"2.5 another room", append(slices.Clone(root), foreign, own), nil, authz.ErrAuthRoom},
			{"less than it could", root, nil, ""},
		} {
			var cited []authz.Cited
			for _, e := range c.events {
				cited = append(cited, authz.Cited{Event: e, Rejected: e == c.rejected})
			}
			state, err := authz.FromAuthEvents(e, cited, create)
			w.want(c.rule, err, c.want)
			if c.want == "" && (len(state) != len(root)+len(c.events)-len(root)+map[bool]int{true: 1}[v.RoomIDFromCreate()] || state.Event("m.room.create", "") != create) {
				t.Errorf("version %s: %s: state = %v", v, c.rule, state)
			}
		}
		citing := []authz.Cited{{Event: levels}, {Event: own}}
		_, err := authz.FromAuthEvents(e, citing, nil)
		w.want("2.4 no create", err, authz.ErrNoCreate)
		if v.RoomIDFromCreate() {
			_, err := authz.FromAuthEvents(e, append(citing, authz.Cited{Event: create}), create)
			w.want("3.2 the create is cited", err, authz.ErrAuthUnneeded)
		} else {
			_, err := authz.FromAuthEvents(e, citing, create)
			w.want("2.4 the create is not cited", err, authz.ErrNoCreate)
		}
		if state, err := authz.FromAuthEvents(create, nil, nil); err != nil || len(state) != 0 {
			t.Errorf("version %s: auth events of the create = %v, %v", v, state, err)
		}
	})
}

// The whole way of an event of a peer: what it cites makes a state that allows it.
func TestACitedStateAllows(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		w.joinRule("public")
		p := w.proto("m.room.member", &[]string{eve}[0], eve, `{"membership":"join"}`)
		var cited []authz.Cited
		for _, key := range authz.NeededFor(v, p) {
			if e := w.state[key]; e != nil {
				p.AuthEvents, cited = append(p.AuthEvents, e.ID()), append(cited, authz.Cited{Event: e})
				p.Hashes[e.ID()] = e.ReferenceHash()
			}
		}
		e := w.build(p)
		state, err := authz.FromAuthEvents(e, cited, w.create())
		if err != nil || authz.Check(e, state) != nil {
			t.Errorf("version %s: %s citing %v: %v, %v", v, e.JSON(), fmt.Sprint(p.AuthEvents), err, authz.Check(e, state))
		}
	})
}
