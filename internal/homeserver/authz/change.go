package authz

import (
	"iter"

	"signet/internal/homeserver/event"
)

// powerLevels is the rule for m.room.power_levels (9 in room versions 6 to 11, else 10),
// given the levels of the state.
func (c check) powerLevels(current *PowerLevels) error {
	next, err := ParsePowerLevels(c.v, event.Value(c.e.Content()))
	if err != nil {
		return err
	}
	if c.v.PrivilegedCreators() {
		for _, creator := range Creators(c.create) {
			if _, named := next.users[creator]; named {
				return ErrLevelsCreator
			}
		}
	}
	if c.auth.Event("m.room.power_levels", "") == nil {
		return nil
	}
	sender := c.e.Sender()
	own := current.User(sender)
	if err := changedNames(current, next, own); err != nil {
		return err
	}
	if err := changedEntries(current.events, next.events, own); err != nil {
		return err
	}
	if c.v.NotificationLevels() {
		if err := changedEntries(current.notifications, next.notifications, own); err != nil {
			return err
		}
	}
	return changedUsers(current.users, next.users, sender, own)
}

func changedNames(current, next *PowerLevels, own int64) error {
	for n := range names {
		was, is := current.named[n], next.named[n]
		switch {
		case was == is:
		case was.set && was.value > own:
			return ErrLevelsAbove
		case is.set && is.value > own:
			return ErrLevelsRaise
		}
	}
	return nil
}

// changedEntries keeps the sender from touching what is above them, and from setting
// anything above them.
func changedEntries(current, next map[string]int64, own int64) error {
	for _, was := range differing(current, next) {
		if was > own {
			return ErrLevelsAbove
		}
	}
	for _, is := range differing(next, current) {
		if is > own {
			return ErrLevelsRaise
		}
	}
	return nil
}

// changedUsers is changedEntries for users, whose equals are out of reach too: nobody can
// lower another of their own level.
func changedUsers(current, next map[string]int64, sender string, own int64) error {
	for user, was := range differing(current, next) {
		if was >= own && user != sender {
			return ErrLevelsPeer
		}
	}
	for _, is := range differing(next, current) {
		if is > own {
			return ErrLevelsRaise
		}
	}
	return nil
}

// differing are the entries of one map that the other lacks, or has another level for.
func differing(of, from map[string]int64) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for name, level := range of {
			other, has := from[name]
			if (!has || other != level) && !yield(name, level) {
				return
			}
		}
	}
}
