package authz_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// pick is any of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

var users = []string{alice, boss, mod, peer, bob, eve}

// randomLevels are power levels, well formed.
func randomLevels(r *rand.Rand, v event.Version) string {
	number := func() string {
		n := fmt.Sprint(pick(r, 0, 0, 25, 50, 50, 75, 100))
		if !v.IntegerPowerLevels() && r.IntN(5) == 0 {
			return `"` + n + `"`
		}
		return n
	}
	entries := func(names ...string) string {
		var list []string
		for _, name := range names {
			if r.IntN(2) == 0 {
				list = append(list, fmt.Sprintf("%q:%s", name, number()))
			}
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	named := users
	if v.PrivilegedCreators() {
		named = users[1:]
	}
	members := []string{`"users":` + entries(named...)}
	if r.IntN(2) == 0 {
		members = append(members, `"events":`+entries("m.room.name", "m.chat", "m.room.power_levels"))
	}
	if r.IntN(2) == 0 {
		members = append(members, `"notifications":`+entries("room"))
	}
	for _, name := range []string{"users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"} {
		if r.IntN(3) == 0 {
			members = append(members, fmt.Sprintf("%q:%s", name, number()))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// randomWorld is a room of any state, whatever the rules would have said on the way.
func randomWorld(t *testing.T, r *rand.Rand, v event.Version) *world {
	w := begin(&world{t: t, v: v, state: event.StateMap{}, unsigned: true})
	for _, user := range users {
		if membership := pick(r, "", "join", "join", "join", "invite", "leave", "ban", "knock"); membership != "" && (membership != "knock" || v.Knocking()) {
			w.member(user, membership)
		}
	}
	if r.IntN(6) > 0 {
		w.put("m.room.power_levels", "", alice, randomLevels(r, v))
	}
	if r.IntN(6) > 0 {
		w.joinRule(pick(r, "public", "invite", "knock", "restricted", "knock_restricted", "private"))
	}
	return w
}

// randomEvent is some event that the room might see.
func randomEvent(r *rand.Rand, w *world) event.Proto {
	sender, target := pick(r, users...), pick(r, users...)
	switch r.IntN(5) {
	case 0:
		return w.proto(pick(r, "m.chat", "m.other", "m.room.name"), nil, sender, `{}`)
	case 1:
		key := pick(r, "", target, sender, "k")
		return w.proto(pick(r, "m.chat", "m.room.name", "m.room.third_party_invite"), &key, sender, `{}`)
	case 2:
		return w.proto("m.room.power_levels", new(string), sender, changedLevels(r, w))
	}
	if r.IntN(2) == 0 {
		target = sender
	}
	content := `{"membership":"` + pick(r, "join", "join", "invite", "leave", "ban", "knock") + `"}`
	if r.IntN(3) == 0 && w.v.RestrictedJoins() {
		content = `{"membership":"join","join_authorised_via_users_server":"` + pick(r, users...) + `"}`
	}
	p := w.proto("m.room.member", &target, sender, content)
	if r.IntN(8) == 0 {
		p.PrevEvents = []string{w.create().ID()}
	}
	return p
}

// changedLevels are the room's levels with one of them changed, or others.
func changedLevels(r *rand.Rand, w *world) string {
	current := w.state.Event("m.room.power_levels", "")
	if current == nil || r.IntN(4) == 0 {
		return randomLevels(r, w.v)
	}
	old := pick(r, "25", "50", "75", "100", "0")
	return strings.Replace(string(current.Content()), ":"+old, ":"+pick(r, "0", "25", "50", "75", "100"), 1)
}

// allowedThere asks an implementation written apart.
func allowedThere(t *testing.T, w *world, e *event.Event) error {
	t.Helper()
	pdu, provider := there(t, w, e)
	return gomatrixserverlib.Allowed(pdu, provider, func(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
		return spec.NewUserID(string(sender), true)
	})
}

// there are an event and a state as that implementation has them.
func there(t testing.TB, w *world, e *event.Event) (gomatrixserverlib.PDU, *gomatrixserverlib.AuthEvents) {
	t.Helper()
	read := func(e *event.Event) gomatrixserverlib.PDU {
		pdu, err := gomatrixserverlib.MustGetRoomVersion(gomatrixserverlib.RoomVersion(w.v.String())).NewEventFromTrustedJSONWithEventID(e.ID(), e.JSON(), false)
		if err != nil {
			t.Fatal(err)
		}
		return pdu
	}
	var state []gomatrixserverlib.PDU
	for _, s := range w.state {
		state = append(state, read(s))
	}
	provider, err := gomatrixserverlib.NewAuthEvents(state)
	if err != nil {
		t.Fatal(err)
	}
	return read(e), provider
}

// In rooms of any state, an implementation written apart allows the same events. Where
// the pages of the room versions say otherwise, the tables of the other tests do.
func TestOthersAllowTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	allowed, compared := 0, 0
	for range 4000 {
		v := pick(r, event.Versions()...)
		w := randomWorld(t, r, v)
		e := w.build(randomEvent(r, w))
		ours, theirs := authz.Check(e, w.state), allowedThere(t, w, e)
		if otherwise(w, e) {
			continue
		}
		compared++
		if ours == nil {
			allowed++
		}
		if (ours == nil) != (theirs == nil) {
			var state []string
			for _, s := range w.state {
				state = append(state, string(s.Sender()+" "+s.Type()+" "+string(s.Content())))
			}
			t.Errorf("version %s: %s\nhere %v, there %v\nin %s", v, e.JSON(), ours, theirs, strings.Join(state, "\n   "))
		}
	}
	if allowed < compared/5 || allowed > compared*4/5 {
		t.Errorf("%d of %d are allowed: that compares little", allowed, compared)
	}
}

// otherwise are the cases that the other tests decide, by the letter of the rules.
func otherwise(w *world, e *event.Event) bool {
	key, _ := e.StateKey()
	self, was, membership := key == e.Sender(), w.text("m.room.member", key, "membership"), ""
	if e.Type() == "m.room.member" {
		membership, _ = e.Field("membership").Text()
	}
	switch {
	case e.Type() == "m.room.third_party_invite": // rule 6 comes before the one on keys
		return strings.HasPrefix(key, "@")
	case e.Type() == "m.room.power_levels": // defaults are no entries of users
		return !slices.Equal(w.names(e, "users"), w.names(w.state.Event(e.Type(), ""), "users")) || e.Field("notifications").Exists()
	case membership == "leave": // rules 4.5.1 and 4.5.4
		return self && (was == "leave" || was == "") || !self && was == "ban"
	case membership == "join" && self: // rules 4.3.4 to 4.3.7
		return was == "knock" || !knownRule(w.v, w.text("m.room.join_rules", "", "join_rule"))
	case membership == "join": // rule 4.3.1 does not ask who sends it
		return e.PrevEvents()[0] == w.create().ID()
	case membership == "knock": // rule 4.7.1
		return w.text("m.room.join_rules", "", "join_rule") == "knock_restricted" && !w.v.KnockRestricted()
	}
	return false
}

func knownRule(v event.Version, rule string) bool {
	switch rule {
	case "knock":
		return v.Knocking()
	case "restricted":
		return v.RestrictedJoins()
	case "knock_restricted":
		return v.KnockRestricted()
	}
	return rule != "private"
}

// text is what a member of a state event's content says, if there is one.
func (w *world) text(typ, key, name string) string {
	e := w.state.Event(typ, key)
	if e == nil {
		return ""
	}
	text, _ := e.Field(name).Text()
	return text
}

// names are those of the members of an object in an event's content.
func (w *world) names(e *event.Event, object string) (names []string) {
	if e == nil {
		return nil
	}
	for name := range e.Field(object).Members() {
		names = append(names, name)
	}
	return names
}
