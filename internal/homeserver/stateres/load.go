package stateres

import (
	"fmt"
	"slices"
)

// maxAuthEvents is how many auth events an event may have on average before the
// walk is called too large. The format allows ten to each (server-server API, "PDUs").
const maxAuthEvents = 10

// load walks from the events to the start of the room, a generation at a time.
func (r Resolver) load(ids []string) (*graph, error) {
	l := r.loader(len(ids))
	for generation := l.admit(ids); len(generation) > 0; {
		next, err := l.place(generation)
		if err != nil {
			return nil, err
		}
		generation = next
	}
	if err := l.complete(); err != nil {
		return nil, err
	}
	return l.graph, l.graph.sort()
}

// loader is a graph that grows.
type loader struct {
	Resolver
	*graph
	// shallow leaves auth events alone.
	shallow bool
	room    string
	links   int
	missing []string
}

func (r Resolver) loader(size int) *loader {
	return &loader{Resolver: r, graph: &graph{version: r.Version, index: make(map[string]node, 2*size), create: none}}
}

// admit gives the events that are new to the graph a place and returns their IDs.
func (l *loader) admit(ids []string) []string {
	var fresh []string
	for _, id := range ids {
		if _, known := l.index[id]; known {
			continue
		}
		l.index[id] = node(len(l.events))
		l.events = append(l.events, vertex{id: id})
		fresh = append(fresh, id)
	}
	return fresh
}

// place asks the source for a generation and returns the next: what it cites and
// the graph has not met.
func (l *loader) place(ids []string) (next []string, err error) {
	switch {
	case len(ids) == 0:
		return nil, nil
	case len(l.events) > l.limit():
		return nil, ErrTooLarge
	}
	entries, err := l.Source.Events(ids)
	if err != nil {
		return nil, fmt.Errorf("reading events to resolve: %w", err)
	}
	for i, id := range ids {
		if i >= len(entries) || entries[i].Event == nil {
			l.missing = append(l.missing, id)
			continue
		}
		fresh, err := l.join(l.index[id], entries[i])
		if err != nil {
			return nil, err
		}
		next = append(next, fresh...)
	}
	return next, nil
}

// join links an event to its auth events and returns those it is the first to cite.
func (l *loader) join(n node, entry Entry) ([]string, error) {
	e := entry.Event
	var fresh []string
	if l.room == "" {
		l.room = e.RoomID()
		fresh = l.admitCreate()
	}
	if e.RoomID() != l.room {
		return nil, fmt.Errorf("%w: %s is of %s, not %s", ErrForeignEvent, l.events[n].id, e.RoomID(), l.room)
	}
	l.events[n].Entry = entry
	if l.shallow {
		return nil, nil
	}
	cited := e.AuthEvents()
	if l.links += len(cited); l.links > maxAuthEvents*l.limit() {
		return nil, ErrTooLarge
	}
	fresh = append(fresh, l.admit(cited)...)
	l.events[n].auth = l.linked(cited)
	return fresh, nil
}

// admitCreate takes in the create event of a room whose ID is that of the event:
// there, no event cites it.
func (l *loader) admitCreate() []string {
	id, named := l.Version.CreateEventID(l.room)
	if !named {
		return nil
	}
	fresh := l.admit([]string{id})
	l.create = l.index[id]
	return fresh
}

func (l *loader) linked(cited []string) []node {
	auth := make([]node, 0, len(cited))
	for _, id := range cited {
		if n := l.index[id]; n != l.create {
			auth = append(auth, n)
		}
	}
	return auth
}

func (l *loader) limit() int {
	if l.Limit > 0 {
		return l.Limit
	}
	return DefaultLimit
}

// complete fails if the source lacked events.
func (l *loader) complete() error {
	if len(l.missing) == 0 {
		return nil
	}
	slices.Sort(l.missing)
	return MissingEvents{IDs: l.missing}
}
