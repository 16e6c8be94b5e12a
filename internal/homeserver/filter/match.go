package filter

import (
	"slices"
	"strings"
)

// Wants tells whether an event of that type and sender is wanted. What a list excludes
// is, even if another includes it.
func (e Events) Wants(eventType, sender string) bool {
	switch {
	case slices.Contains(e.NotSenders, sender), matchesAny(e.NotTypes, eventType):
		return false
	case e.Senders != nil && !slices.Contains(e.Senders, sender):
		return false
	}
	return e.Types == nil || matchesAny(e.Types, eventType)
}

// WantsRoom tells whether events of a room are wanted.
func (e RoomEvents) WantsRoom(room string) bool { return wants(e.Rooms, e.NotRooms, room) }

// WantsURL tells whether an event is wanted whose content has a url, or has none.
func (e RoomEvents) WantsURL(has bool) bool { return e.ContainsURL == nil || *e.ContainsURL == has }

// WantsRoom tells whether a room is wanted at all.
func (f RoomFilter) WantsRoom(room string) bool { return wants(f.Rooms, f.NotRooms, room) }

func wants(only, not []string, item string) bool {
	return !slices.Contains(not, item) && (only == nil || slices.Contains(only, item))
}

func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, text) })
}

// matches tells whether the whole text is the pattern, in which * stands for any
// characters. Taking each part where it comes first is right, since what follows may
// then begin the earliest; no part is looked for twice.
func matches(pattern, text string) bool {
	first, rest, starred := strings.Cut(pattern, "*")
	text, begins := strings.CutPrefix(text, first)
	if !begins || !starred {
		return begins && text == ""
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(part):], after
	}
}
