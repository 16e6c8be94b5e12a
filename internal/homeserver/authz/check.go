package authz

import (
	"strings"

	"signet/internal/homeserver/event"
)

// State is a state of a room: the event that holds a place, nil if none does.
// event.StateMap is one. It holds accepted events only.
type State interface {
	Event(typ, stateKey string) *event.Event
}

// LeveledState is a State that has its power levels at hand, so that they are not read
// for every event.
type LeveledState interface {
	State
	PowerLevels() *PowerLevels
}

// Check tells whether the rules allow an event in a state, nil or the Refusal. The rules
// on the events that it cites are FromAuthEvents's, the only exception.
func Check(e *event.Event, auth State) error {
	if e.Type() == "m.room.create" {
		return checkCreate(e)
	}
	c := check{e: e, v: e.Version(), auth: auth, create: auth.Event("m.room.create", "")}
	if err := c.room(); err != nil {
		return err
	}
	switch {
	case e.Type() == "m.room.aliases" && c.v.AliasesRule():
		return c.aliases()
	case e.Type() == "m.room.member":
		return c.member()
	case c.membership(e.Sender()) != "join":
		return ErrNotJoined
	}
	levels, err := c.levels()
	if err != nil {
		return err
	}
	return c.leveled(levels)
}

// check is the question whether an event may happen, with what its answer needs.
type check struct {
	e      *event.Event
	v      event.Version
	auth   State
	create *event.Event
}

// room keeps the event to a room that exists, and to the servers that take part in it.
func (c check) room() error {
	if c.create == nil {
		return ErrNoCreate
	}
	if id, said := c.v.CreateEventID(c.e.RoomID()); said && id != c.create.ID() {
		return ErrNoCreate
	}
	federate := c.create.Field("m.federate")
	if string(federate) == "false" && event.ServerOf(c.e.Sender()) != event.ServerOf(c.create.Sender()) {
		return ErrNotFederated
	}
	return nil
}

func (c check) aliases() error {
	if key, isState := c.e.StateKey(); !isState || string(event.ServerOf(c.e.Sender())) != key {
		return ErrAliases
	}
	return nil
}

// leveled is the rest of the rules, for events of members.
func (c check) leveled(levels *PowerLevels) error {
	e, own := c.e, levels.User(c.e.Sender())
	if e.Type() == "m.room.third_party_invite" {
		return allowIf(own >= levels.Invite(), ErrThirdPartyLevel)
	}
	key, isState := e.StateKey()
	if levels.Event(e.Type(), isState) > own {
		return ErrLevel
	}
	if strings.HasPrefix(key, "@") && key != e.Sender() {
		return ErrStateKey
	}
	switch {
	case e.Type() == "m.room.power_levels":
		return c.powerLevels(levels)
	case e.Type() == "m.room.redaction" && c.v.RedactionAuthorised():
		sameServer := event.ServerOf(e.Redacts()) == event.ServerOf(e.ID())
		return allowIf(own >= levels.Redact() || sameServer, ErrRedactLevel)
	}
	return nil
}

// levels are the power levels of the state.
func (c check) levels() (*PowerLevels, error) {
	if leveled, ok := c.auth.(LeveledState); ok {
		if levels := leveled.PowerLevels(); levels != nil {
			return levels, nil
		}
	}
	levels, err := Levels(c.v, c.auth)
	if err != nil {
		return nil, ErrUnreadable
	}
	return levels, nil
}

// membership is a user's membership, empty for one who never had any.
func (c check) membership(user string) string {
	member := c.auth.Event("m.room.member", user)
	if member == nil {
		return ""
	}
	membership, _ := member.Field("membership").Text()
	return membership
}

func allowIf(allowed bool, otherwise Refusal) error {
	if allowed {
		return nil
	}
	return otherwise
}

// MayRedact tells whether a redaction that was accepted applies to its target, given the
// power levels before it ("Handling redactions" of room version 3). In versions 1 and 2
// the rules have decided that already.
func MayRedact(redaction, target *event.Event, levels *PowerLevels) bool {
	return redaction.Version().RedactionAuthorised() ||
		levels.User(redaction.Sender()) >= levels.Redact() ||
		event.ServerOf(redaction.Sender()) == event.ServerOf(target.Sender())
}
