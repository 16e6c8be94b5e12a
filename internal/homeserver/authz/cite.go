package authz

import (
	"slices"

	"signet/internal/homeserver/event"
)

// Needed are the places of the state that an event's authorisation rests on: whichever
// events hold them are what it cites as auth_events (server-server API, "Auth events
// selection"). In room version 12 m.room.create is not among them, though Check needs it.
func Needed(e *event.Event) []event.Key {
	key, isState := e.StateKey()
	return needed(e.Version(), e.Type(), key, isState, e.Sender(), event.Value(e.Content()))
}

// NeededFor is Needed for an event that is still to be built.
func NeededFor(v event.Version, p event.Proto) []event.Key {
	key, isState := "", p.StateKey != nil
	if isState {
		key = *p.StateKey
	}
	// Content that is no JSON is for Build to refuse.
	content, _ := event.Canonical(p.Content, false)
	return needed(v, p.Type, key, isState, p.Sender, content)
}

func needed(v event.Version, typ, stateKey string, isState bool, sender string, content event.Value) []event.Key {
	if typ == "m.room.create" {
		return nil
	}
	keys := make([]event.Key, 0, 6)
	if !v.RoomIDFromCreate() {
		keys = append(keys, event.Key{Type: "m.room.create"})
	}
	keys = append(keys, event.Key{Type: "m.room.power_levels"}, member(sender))
	if typ == "m.room.member" && isState {
		keys = neededForMember(keys, v, stateKey, content)
	}
	return keys
}

func neededForMember(keys []event.Key, v event.Version, target string, content event.Value) []event.Key {
	keys = addKey(keys, member(target))
	membership, _ := content.Field("membership").Text()
	if membership == "join" || membership == "invite" || membership == "knock" {
		keys = append(keys, event.Key{Type: "m.room.join_rules"})
	}
	token, isText := content.Field("third_party_invite").Field("signed").Field("token").Text()
	if membership == "invite" && isText {
		keys = append(keys, event.Key{Type: "m.room.third_party_invite", StateKey: token})
	}
	authoriser, isText := content.Field("join_authorised_via_users_server").Text()
	if membership == "join" && isText && v.RestrictedJoins() {
		keys = addKey(keys, member(authoriser))
	}
	return keys
}

func member(user string) event.Key { return event.Key{Type: "m.room.member", StateKey: user} }

func addKey(keys []event.Key, key event.Key) []event.Key {
	if slices.Contains(keys, key) {
		return keys
	}
	return append(keys, key)
}

// Cited is an event that another cites among its auth_events.
type Cited struct {
	Event    *event.Event
	Rejected bool // it was refused itself, for what it cites or for the state before it
}

// FromAuthEvents checks the events that an event cites, all of e.AuthEvents, against the
// rules for them, and gives the state that they make for Check. create is the room's
// m.room.create, not rejected: since room version 12 nobody cites it and the state needs
// it all the same. Before, it is not looked at.
//
// The error is a Refusal. An m.room.create rests on nothing and is not asked what it
// cites.
func FromAuthEvents(e *event.Event, cited []Cited, create *event.Event) (event.StateMap, error) {
	state := make(event.StateMap, len(cited)+1)
	if e.Type() == "m.room.create" {
		return state, nil
	}
	if e.Version().RoomIDFromCreate() && create != nil {
		state.Add(create)
	}
	allowed := Needed(e)
	for _, c := range cited {
		if err := checkCited(e, c, state, allowed); err != nil {
			return nil, err
		}
		state.Add(c.Event)
	}
	if state.Event("m.room.create", "") == nil {
		return nil, ErrNoCreate
	}
	return state, nil
}

func checkCited(e *event.Event, c Cited, state event.StateMap, allowed []event.Key) error {
	key, isState := c.Event.StateKey()
	place := event.Key{Type: c.Event.Type(), StateKey: key}
	switch {
	case !isState || !slices.Contains(allowed, place):
		return ErrAuthUnneeded
	case state[place] != nil:
		return ErrAuthDuplicate
	case c.Rejected:
		return ErrAuthRejected
	case c.Event.RoomID() != e.RoomID():
		return ErrAuthRoom
	}
	return nil
}
