package sync

import (
	"context"
	"errors"
	"strings"

	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// ErrNoFilter says that the user has no filter of that id.
var ErrNoFilter = errors.New("there is no such filter")

// defaultLimit is how many events of a room's timeline a client gets that does not say.
const defaultLimit = 10

// wanted is a filter, ready for use.
type wanted struct {
	filter.Filter
	timeline, state room.Filter
	fields          filter.Fields // of the events of rooms
	limit           int           // of a timeline
	// nothing of timelines is wanted, whatever the event.
	noTimeline bool
}

type filterKey struct {
	user matrix.UserID
	text string // id, or JSON
}

// maxRemembered is how long a filter may be, in octets, that is remembered.
const maxRemembered = 1024

// wanted is a filter, which is found by its id or read.
func (s *Syncer) wanted(ctx context.Context, user matrix.UserID, text string) (*wanted, error) {
	key := filterKey{user, text}
	if known := s.filters.find(key); known != nil {
		return known, nil
	}
	w, err := s.readFilter(ctx, user, text)
	if err == nil && len(text) <= maxRemembered {
		s.filters.put(key, w)
	}
	return w, err
}

func (s *Syncer) readFilter(ctx context.Context, user matrix.UserID, text string) (*wanted, error) {
	if text == "" {
		return newWanted(filter.Filter{}), nil
	}
	given := []byte(text)
	if !strings.HasPrefix(text, "{") {
		stored, err := s.Data.Filter(ctx, user, text)
		if errors.Is(err, userdata.ErrNone) {
			return nil, ErrNoFilter
		}
		if err != nil {
			return nil, err
		}
		given = stored
	}
	f, err := filter.Parse(given)
	return newWanted(f), err
}

func newWanted(f filter.Filter) *wanted {
	w := &wanted{Filter: f, timeline: room.FilterOf(f.Room.Timeline), state: room.FilterOf(f.Room.State),
		fields: filter.ParseFields(f.EventFields), limit: defaultLimit}
	if limit := f.Room.Timeline.Limit; limit != nil {
		w.limit = int(min(*limit, maxLimit))
	}
	t := f.Room.Timeline
	w.noTimeline = none(t.Types) || none(t.Senders)
	return w
}

// maxLimit is how many events of a room's timeline are told at most.
const maxLimit = 100

// maxOctets is about how many octets the events of one timeline have that are told: an answer
// has those of all rooms, and is made in memory.
const maxOctets = 256 << 10

// none tells whether a list lets nothing through.
func none(list []string) bool { return list != nil && len(list) == 0 }
