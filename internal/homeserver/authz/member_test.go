package authz_test

import (
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// The rules for m.room.member, numbered as in room version 8 (4.3 to 4.7); what a version
// lacks has another case.
func TestMembership(t *testing.T) {
	for _, c := range []struct {
		rule                       string
		from, to                   event.Version
		joinRule                   string
		sender, target, membership string
		want                       authz.Refusal
	}{
		{"4.3.2 nobody is joined by another", 1, 12, "public", bob, eve, "join", authz.ErrNotSelf},
		{"4.3.2 not even by who made the room", 1, 12, "public", alice, eve, "join", authz.ErrNotSelf},
		{"4.3.3 banned", 1, 12, "public", carol, carol, "join", authz.ErrBanned},
		{"4.3.3 banned", 8, 12, "restricted", carol, carol, "join", authz.ErrBanned},
		{"4.3.4 invited", 1, 12, "invite", dave, dave, "join", ""},
		{"4.3.4 joined", 1, 12, "invite", bob, bob, "join", ""},
		{"4.3.4 neither", 1, 12, "invite", eve, eve, "join", authz.ErrJoinRule},
		{"4.3.4 left", 1, 12, "invite", gone, gone, "join", authz.ErrJoinRule},
		{"4.3.4 knocked is not invited", 7, 12, "invite", ken, ken, "join", authz.ErrJoinRule},
		{"4.3.4 knock: invited", 7, 12, "knock", dave, dave, "join", ""},
		{"4.3.4 knock: joined", 7, 12, "knock", bob, bob, "join", ""},
		{"4.3.4 knock: knocked", 7, 12, "knock", ken, ken, "join", authz.ErrJoinRule},
		{"4.3.7 knock is unknown: invited", 1, 6, "knock", dave, dave, "join", authz.ErrJoinRule},
		{"4.3.5 restricted: invited", 8, 12, "restricted", dave, dave, "join", ""},
		{"4.3.5 restricted: joined", 8, 12, "restricted", bob, bob, "join", ""},
		{"4.3.5 restricted: nobody lets them in", 8, 12, "restricted", eve, eve, "join", authz.ErrAuthoriser},
		{"4.3.7 restricted is unknown: invited", 1, 7, "restricted", dave, dave, "join", authz.ErrJoinRule},
		{"4.3.5 knock_restricted: invited", 10, 12, "knock_restricted", dave, dave, "join", ""},
		{"4.3.5 knock_restricted: nobody lets them in", 10, 12, "knock_restricted", ken, ken, "join", authz.ErrAuthoriser},
		{"4.3.7 knock_restricted is unknown: invited", 1, 9, "knock_restricted", dave, dave, "join", authz.ErrJoinRule},
		{"4.3.6 public", 1, 12, "public", eve, eve, "join", ""},
		{"4.3.6 public: left", 1, 12, "public", gone, gone, "join", ""},
		{"4.3.6 public: knocked", 7, 12, "public", ken, ken, "join", ""},
		{"4.3.7 private: invited", 1, 12, "private", dave, dave, "join", authz.ErrJoinRule},
		{"4.3.7 private: joined", 1, 12, "private", bob, bob, "join", authz.ErrJoinRule},

		{"4.4.2 sender never joined", 1, 12, "public", eve, gone, "invite", authz.ErrNotJoined},
		{"4.4.2 sender is only invited", 1, 12, "public", dave, eve, "invite", authz.ErrNotJoined},
		{"4.4.3 joined already", 1, 12, "invite", mod, bob, "invite", authz.ErrInviteTarget},
		{"4.4.3 banned", 1, 12, "invite", boss, carol, "invite", authz.ErrInviteTarget},
		{"4.4.4", 1, 12, "invite", mod, eve, "invite", ""},
		{"4.4.4 again", 1, 12, "invite", mod, dave, "invite", ""},
		{"4.4.4 who knocked", 7, 12, "knock", mod, ken, "invite", ""},
		{"4.4.5 level too low", 1, 12, "public", bob, eve, "invite", authz.ErrInviteLevel},

		{"4.5.1 from join", 1, 12, "invite", bob, bob, "leave", ""},
		{"4.5.1 from invite", 1, 12, "invite", dave, dave, "leave", ""},
		{"4.5.1 from knock", 7, 12, "invite", ken, ken, "leave", ""},
		{"4.5.1 from ban", 1, 12, "invite", carol, carol, "leave", authz.ErrLeave},
		{"4.5.1 from nothing", 1, 12, "invite", eve, eve, "leave", authz.ErrLeave},
		{"4.5.1 from leave", 1, 12, "invite", gone, gone, "leave", authz.ErrLeave},
		{"4.5.2 sender never joined", 1, 12, "invite", eve, bob, "leave", authz.ErrNotJoined},
		{"4.5.3 unban takes a level", 1, 12, "invite", bob, carol, "leave", authz.ErrUnbanLevel},
		{"4.5.4 unban", 1, 12, "invite", mod, carol, "leave", ""},
		{"4.5.4 kick", 1, 12, "invite", mod, bob, "leave", ""},
		{"4.5.4 revoke an invitation", 1, 12, "invite", mod, dave, "leave", ""},
		{"4.5.4 refuse a knock", 7, 12, "invite", mod, ken, "leave", ""},
		{"4.5.5 level too low", 1, 12, "invite", bob, dave, "leave", authz.ErrKickLevel},
		{"4.5.5 an equal", 1, 12, "invite", mod, peer, "leave", authz.ErrKickLevel},
		{"4.5.5 one above", 1, 12, "invite", mod, boss, "leave", authz.ErrKickLevel},
		{"4.5.5 who made the room, above all", 12, 12, "invite", boss, alice, "leave", authz.ErrKickLevel},

		{"4.6.1 sender never joined", 1, 12, "invite", eve, bob, "ban", authz.ErrNotJoined},
		{"4.6.2", 1, 12, "invite", mod, bob, "ban", ""},
		{"4.6.2 who is not there", 1, 12, "invite", mod, eve, "ban", ""},
		{"4.6.2 again", 1, 12, "invite", mod, carol, "ban", ""},
		{"4.6.3 level too low", 1, 12, "invite", bob, eve, "ban", authz.ErrBanLevel},
		{"4.6.3 an equal", 1, 12, "invite", mod, peer, "ban", authz.ErrBanLevel},
		{"4.6.3 oneself", 1, 12, "invite", mod, mod, "ban", authz.ErrBanLevel},
		{"4.6.3 who made the room, above all", 12, 12, "invite", boss, alice, "ban", authz.ErrBanLevel},

		{"4.7.1 not for knocking", 7, 12, "invite", eve, eve, "knock", authz.ErrKnockRule},
		{"4.7.1 not for knocking", 7, 12, "public", eve, eve, "knock", authz.ErrKnockRule},
		{"4.7.1 not for knocking", 7, 12, "restricted", eve, eve, "knock", authz.ErrKnockRule},
		{"4.7.1 knock_restricted", 10, 12, "knock_restricted", eve, eve, "knock", ""},
		{"4.7.1 knock_restricted is unknown", 7, 9, "knock_restricted", eve, eve, "knock", authz.ErrKnockRule},
		{"4.7.2 for another", 7, 12, "knock", bob, eve, "knock", authz.ErrNotSelf},
		{"4.7.3 never there", 7, 12, "knock", eve, eve, "knock", ""},
		{"4.7.3 left", 7, 12, "knock", gone, gone, "knock", ""},
		{"4.7.3 again", 7, 12, "knock", ken, ken, "knock", ""},
		{"4.7.4 banned", 7, 12, "knock", carol, carol, "knock", authz.ErrKnockMember},
		{"4.7.4 invited", 7, 12, "knock", dave, dave, "knock", authz.ErrKnockMember},
		{"4.7.4 joined", 7, 12, "knock", bob, bob, "knock", authz.ErrKnockMember},
		{"4.8 knock is unknown", 1, 6, "knock", eve, eve, "knock", authz.ErrMembership},
		{"4.8 unknown", 1, 12, "public", bob, bob, "lurk", authz.ErrMembership},
		{"4.8 empty", 1, 12, "public", bob, bob, "", authz.ErrMembership},
	} {
		each(t, c.from, c.to, func(t *testing.T, v event.Version) {
			w := peopled(t, v)
			w.joinRule(c.joinRule)
			got := w.try("m.room.member", c.target, c.sender, `{"membership":"`+c.membership+`"}`)
			w.want(c.rule+", "+c.joinRule+": "+c.sender+" gives "+c.target+" "+c.membership, got, c.want)
		})
	}
}

// Rule 4.1.
func TestMembershipFormat(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		w.joinRule("public")
		for _, content := range []string{`{}`, `{"membership":1}`, `{"membership":null}`, `{"membership":["join"]}`} {
			w.want("4.1 "+content, w.try("m.room.member", bob, bob, content), authz.ErrMembership)
		}
		w.want("4.1 no state_key", w.say("m.room.member", bob, `{"membership":"join"}`), authz.ErrMembership)
	})
}

// Without m.room.join_rules a room is for the invited; rules that are no text are for
// nobody.
func TestJoinRuleOfARoomWithoutOne(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := peopled(t, v)
		for content, want := range map[string]authz.Refusal{`{}`: "", `{"join_rule":1}`: authz.ErrJoinRule, `{"join_rule":null}`: authz.ErrJoinRule} {
			w.put("m.room.join_rules", "", alice, content)
			w.want("4.3 join rules "+content, w.try("m.room.member", dave, dave, `{"membership":"join"}`), want)
		}
		delete(w.state, event.Key{Type: "m.room.join_rules"})
		w.want("4.3 invited", w.try("m.room.member", dave, dave, `{"membership":"join"}`), "")
		w.want("4.3 not invited", w.try("m.room.member", eve, eve, `{"membership":"join"}`), authz.ErrJoinRule)
	})
}

// Rule 4.3.1: who made the room joins it first, without an invitation, and nobody else
// does.
func TestFirstJoin(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := empty(t, v)
		join := func(user string, prev ...string) error {
			p := w.proto("m.room.member", &user, user, `{"membership":"join"}`)
			p.PrevEvents = prev
			return authz.Check(w.build(p), w.state)
		}
		create := w.create().ID()
		w.want("4.3.1", join(alice, create), "")
		w.want("4.3.1 another", join(bob, create), authz.ErrJoinRule)
		w.want("4.3.1 after another event", join(alice, w.id(1)), authz.ErrJoinRule)
		w.want("4.3.1 after two events", join(alice, create, w.id(1)), authz.ErrJoinRule)
		w.want("4.3.1 after none", join(alice), authz.ErrJoinRule)
		p := w.proto("m.room.member", &[]string{alice}[0], bob, `{"membership":"join"}`)
		p.PrevEvents = []string{create}
		w.want("4.3.1 whoever sends it", authz.Check(w.build(p), w.state), "")
	})
}

// Who is the creator for rule 4.3.1: content says it up to version 10, then the sender.
func TestWhoMadeTheRoom(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := empty(t, v)
		if v.RoomIDFromCreate() {
			w.room = ""
		}
		create := w.put("m.room.create", "", alice, `{"creator":"@other:x.org","additional_creators":["@more:x.org"]}`)
		w.room = create.RoomID()
		for user, want := range map[string]bool{alice: !v.CreatorInContent(), "@other:x.org": v.CreatorInContent(), "@more:x.org": false} {
			p := w.proto("m.room.member", &user, user, `{"membership":"join"}`)
			p.PrevEvents = []string{create.ID()}
			if err := authz.Check(w.build(p), w.state); (err == nil) != want {
				t.Errorf("version %s: first join of %s = %v", v, user, err)
			}
		}
	})
}

// Rule 4.3.5.2: who lets somebody into a restricted room is a member who may invite.
func TestRestrictedJoin(t *testing.T) {
	each(t, 8, 12, func(t *testing.T, v event.Version) {
		for _, rule := range []string{"restricted", "knock_restricted"} {
			if rule == "knock_restricted" && !v.KnockRestricted() {
				continue
			}
			w := peopled(t, v)
			w.joinRule(rule)
			for authoriser, want := range map[string]authz.Refusal{
				`"` + mod + `"`: "", `"` + alice + `"`: "", `"` + bob + `"`: authz.ErrAuthoriser, `"` + eve + `"`: authz.ErrAuthoriser, `"` + carol + `"`: authz.ErrAuthoriser,
				`"nobody"`: authz.ErrAuthoriser, `1`: authz.ErrAuthoriser, `null`: authz.ErrAuthoriser, `["` + mod + `"]`: authz.ErrAuthoriser,
			} {
				content := `{"membership":"join","join_authorised_via_users_server":` + authoriser + `}`
				w.want("4.3.5.2 "+rule+", "+authoriser, w.try("m.room.member", eve, eve, content), want)
				w.want("4.3.5.1 invited, "+authoriser, w.try("m.room.member", dave, dave, content), "")
				w.want("4.3.3 banned, "+authoriser, w.try("m.room.member", carol, carol, content), authz.ErrBanned)
			}
			left := peopled(t, v)
			left.joinRule(rule)
			left.member(mod, "leave")
			w.want("4.3.5.2 a member who left", left.try("m.room.member", eve, eve, `{"membership":"join","join_authorised_via_users_server":"`+mod+`"}`), authz.ErrAuthoriser)
		}
	})
}
