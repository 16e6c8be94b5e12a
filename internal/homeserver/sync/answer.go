package sync

import (
	"context"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// answer is what is made of a query at one time.
type answer struct {
	*Syncer
	*query
	ctx    context.Context
	to     stream.Pos // nothing later is told
	reader room.Reader

	out  []byte // JSON
	news bool   // there is something to tell

	// concerned says that something beside events may be new to the user.
	concerned bool
	messages  stream.Pos                        // how far messages to the device are told
	data      map[matrix.RoomID][]userdata.Item // account data that is new, global under ""
	moved     map[matrix.RoomID]bool            // rooms in which receipts are new
	receipts  map[matrix.RoomID]receipt.Content // all of the rooms that are written next; nil: not known
	ignored   map[string]bool                   // users
	welcomes  func() error                      // userdata.ErrInviteBlocked where the user wants no invitations
	revised   bool                              // whose invitations are shown may have changed
	members   map[uint64]stream.Pos             // memberships that are told, for the device
}

// answer tells what is new after the query's base, up to what is visible now.
func (s *Syncer) answer(ctx context.Context, q *query) (*answer, error) {
	a := &answer{Syncer: s, query: q, ctx: ctx, to: s.Stream.Visible(), news: q.initial()}
	a.reader = room.Reader{User: q.User, Device: q.Device, Now: s.Now().UnixMilli(), InRoom: true}
	a.welcomes = sync.OnceValue(func() error { return s.Data.Welcomes(ctx, q.User) })
	a.concerned = s.Stream.Concerned(q.User) > q.base.Pos
	keys, supply, err := a.keys()
	if err != nil {
		return nil, err
	}
	a.messages = keys.Delivered
	a.out = append(make([]byte, 0, 1<<10), `{"next_batch":`...)
	a.quote(a.next().String())
	for _, part := range []func() error{a.readData, a.globalData, func() error { return a.writeKeys(keys, supply) }, a.rooms} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	a.out = append(a.out, '}')
	if a.news {
		q.device.tell(a.members, a.to)
	}
	return a, nil
}

// next is the place where the next answer begins.
func (a *answer) next() stream.Token { return stream.Token{Pos: a.to, Messages: a.messages} }

func (a *answer) quote(text string) { a.out, _ = jsontext.AppendQuote(a.out, text) }

// comma separates what comes from what is there, if it is not the first.
func (a *answer) comma() {
	if n := len(a.out); n > 0 && a.out[n-1] != '{' && a.out[n-1] != '[' {
		a.out = append(a.out, ',')
	}
}

// member begins a member of an object.
func (a *answer) member(name string) {
	a.comma()
	a.quote(name)
	a.out = append(a.out, ':')
}

// marshal writes a value.
func (a *answer) marshal(value any) error {
	b, err := json.Marshal(value, json.Deterministic(true))
	a.out = append(a.out, b...)
	return err
}

// event writes something that is told and has no more than a type and a content, which is
// JSON.
func (a *answer) event(kind string, content []byte) {
	a.comma()
	a.out = append(append(a.out, `{"content":`...), content...)
	a.member("type")
	a.quote(kind)
	a.out = append(a.out, '}')
}
