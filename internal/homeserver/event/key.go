package event

// Key is a place in a room's state: at most one event holds it at a time.
type Key struct{ Type, StateKey string }

// StateMap is a state of a room, or the part of one that a question needs.
type StateMap map[Key]*Event

// Event is the event that holds a place, nil if none does.
func (m StateMap) Event(typ, stateKey string) *Event { return m[Key{typ, stateKey}] }

// Add puts a state event in its place; an event that is none is left out.
func (m StateMap) Add(e *Event) {
	if key, isState := e.StateKey(); isState {
		m[Key{e.Type(), key}] = e
	}
}
