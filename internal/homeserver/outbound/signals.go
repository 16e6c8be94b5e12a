package outbound

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/remote"
	"signet/internal/matrix"
	"signet/internal/store"
)

// The types of EDU of what people in a room see of each other beside its events
// (server-server API, "Typing Notifications", "Receipts").
const (
	EDUTyping  = "m.typing"
	EDUReceipt = "m.receipt"
)

// OtherServers knows who is in a room, as room.Rooms does.
type OtherServers interface {
	OtherServers(ctx context.Context, roomID string) ([]matrix.ServerName, error)
}

// Signals tells other servers who of this one is typing, and how far they have read. It is
// safe for concurrent use.
type Signals struct {
	outbound *Outbound
	rooms    OtherServers
	server   matrix.ServerName

	mu    sync.Mutex // guards typed
	typed map[typist]time.Time
}

// typist is somebody who is typing.
type typist struct {
	room matrix.RoomID
	user matrix.UserID
}

// NewSignals makes the Signals of a server.
func NewSignals(o *Outbound, rooms OtherServers, server matrix.ServerName) *Signals {
	return &Signals{outbound: o, rooms: rooms, server: server, typed: map[typist]time.Time{}}
}

// Told are the servers that are told of a user's receipts; it is receipt.Outgoing's.
func (s *Signals) Told(ctx context.Context, in matrix.RoomID, user matrix.UserID) ([]matrix.ServerName, error) {
	if user.Server() != s.server {
		return nil, nil
	}
	return s.rooms.OtherServers(ctx, in.String())
}

// receipts is the content of an m.receipt, by room, kind and user.
type receipts map[matrix.RoomID]map[receipt.Kind]map[matrix.UserID]read

type read struct {
	EventIDs []string     `json:"event_ids"`
	Data     receipt.Told `json:"data"`
}

// QueueReceipt queues a receipt, which takes the place of an older one that waits; it is
// receipt.Outgoing's.
func (s *Signals) QueueReceipt(ctx context.Context, tx *store.Tx, to []matrix.ServerName, r receipt.Receipt, at time.Time) error {
	content, err := json.Marshal(receipts{r.Room: {r.Kind: {r.User: {[]string{r.EventID}, receipt.Told{TS: at.UnixMilli(), Thread: r.Thread}}}}})
	if err != nil {
		return fmt.Errorf("writing a receipt: %w", err)
	}
	topic := EDUReceipt + " " + r.Room.String() + " " + r.User.String() + " " + r.Thread
	return s.outbound.QueueEDU(ctx, tx, to, topic, remote.EDU{Type: EDUReceipt, Content: content})
}

// goesOn is how long it is not told once more that somebody goes on typing. Other servers
// believe it for longer.
const goesOn = 20 * time.Second

type typingContent struct {
	Room   matrix.RoomID `json:"room_id"`
	User   matrix.UserID `json:"user_id"`
	Typing bool          `json:"typing"`
}

// Type tells the servers in a room that somebody is typing, or types no more; it is
// typing.Outgoing's.
func (s *Signals) Type(ctx context.Context, in matrix.RoomID, user matrix.UserID, typing bool) {
	if user.Server() != s.server || !s.isNews(typist{in, user}, typing) {
		return
	}
	to, err := s.rooms.OtherServers(ctx, in.String())
	if err != nil || len(to) == 0 {
		return
	}
	content, err := json.Marshal(typingContent{in, user, typing})
	if err != nil {
		return
	}
	to = slices.DeleteFunc(to, func(name matrix.ServerName) bool { return !valid(name) })
	s.outbound.Pass(to, EDUTyping+" "+in.String()+" "+user.String(), remote.EDU{Type: EDUTyping, Content: content})
}

// isNews tells whether something is told that was not just told.
func (s *Signals) isNews(who typist, typing bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	told, before := s.typed[who]
	now := s.outbound.Now()
	if !typing {
		delete(s.typed, who)
		return before
	}
	if before && now.Sub(told) < goesOn {
		return false
	}
	s.typed[who] = now
	return true
}
