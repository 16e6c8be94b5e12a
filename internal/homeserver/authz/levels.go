package authz

import (
	"math"

	"signet/internal/homeserver/event"
)

// Infinite is the power level of a creator where creators are privileged. No level of an
// event reaches it.
const Infinite = math.MaxInt64

// creatorLevel is the level of a room's creator while the room has no power levels.
const creatorLevel = 100

// PowerLevels says who may do what in a room (client-server API, m.room.power_levels).
// It does not change, and may be asked by many at once.
type PowerLevels struct {
	named         [len(names)]level
	users         map[string]int64
	events        map[string]int64
	notifications map[string]int64
	creators      map[string]int64 // their levels, above what users says
}

// level is the level of a name, or that there is none.
type level struct {
	value int64
	set   bool
}

// The levels that have a name.
const (
	usersDefault = iota
	eventsDefault
	stateDefault
	ban
	redact
	kick
	invite
)

var names = [...]string{"users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"}

// defaults are the levels of names that say none.
var defaults = [len(names)]int64{stateDefault: 50, ban: 50, redact: 50, kick: 50}

// Levels are the power levels of a state, which may have no m.room.power_levels. The error
// is the Refusal of one that no rule could have let in.
func Levels(v event.Version, s State) (*PowerLevels, error) {
	levels := &PowerLevels{}
	current, create := s.Event("m.room.power_levels", ""), s.Event("m.room.create", "")
	if current != nil {
		var err error
		if levels, err = ParsePowerLevels(v, event.Value(current.Content())); err != nil {
			return nil, err
		}
	}
	switch {
	case create == nil:
	case v.PrivilegedCreators():
		levels.creators = allAt(Creators(create), Infinite)
	case current == nil:
		levels.creators = allAt(Creators(create), creatorLevel)
	}
	return levels, nil
}

func allAt(users []string, level int64) map[string]int64 {
	levels := make(map[string]int64, len(users))
	for _, user := range users {
		levels[user] = level
	}
	return levels
}

// User is a user's level, of one in the room or not.
func (p *PowerLevels) User(user string) int64 {
	if level, ok := p.creators[user]; ok {
		return level
	}
	if level, ok := p.users[user]; ok {
		return level
	}
	return p.name(usersDefault)
}

// Event is the level that sending an event of a type takes. For memberships, invitations
// of third parties and redactions of what others sent, there are further levels.
func (p *PowerLevels) Event(typ string, isState bool) int64 {
	if level, ok := p.events[typ]; ok {
		return level
	}
	if isState {
		return p.name(stateDefault)
	}
	return p.name(eventsDefault)
}

// Notification is the level that notifying a whole room takes, of a key such as "room".
// It defaults to 50.
func (p *PowerLevels) Notification(key string) int64 {
	if level, ok := p.notifications[key]; ok {
		return level
	}
	return 50
}

// Invite is the level that inviting takes.
func (p *PowerLevels) Invite() int64 { return p.name(invite) }

// Kick is the level that removing somebody takes, who must also be below.
func (p *PowerLevels) Kick() int64 { return p.name(kick) }

// Ban is the level that banning and unbanning take; who is banned must also be below.
func (p *PowerLevels) Ban() int64 { return p.name(ban) }

// Redact is the level that redacting what others sent takes.
func (p *PowerLevels) Redact() int64 { return p.name(redact) }

func (p *PowerLevels) name(n int) int64 {
	if p.named[n].set {
		return p.named[n].value
	}
	return defaults[n]
}
