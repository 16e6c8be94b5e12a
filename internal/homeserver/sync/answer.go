package sync

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
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
	ignored   map[string]bool                   // users
	members   map[uint64]stream.Pos             // memberships that are told, for the device
}

// answer tells what is new after the query's base, up to what is visible now.
func (s *Syncer) answer(ctx context.Context, q *query) (*answer, error) {
	a := &answer{Syncer: s, query: q, ctx: ctx, to: s.Stream.Visible(), news: q.initial()}
	a.reader = room.Reader{User: q.User, Device: q.Device, Now: s.Now().UnixMilli(), InRoom: true}
	a.concerned = s.Stream.Concerned(q.User) > q.base.Pos
	keys, err := a.keys()
	if err != nil {
		return nil, err
	}
	a.messages = keys.Delivered
	a.out = append(make([]byte, 0, 1<<10), `{"next_batch":`...)
	a.quote(a.next().String())
	for _, part := range []func() error{a.readData, a.globalData, func() error { return a.writeKeys(keys) }, a.rooms} {
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
	if last := a.out[len(a.out)-1]; last != '{' && last != '[' {
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
	a.out = append(a.out, `,"type":`...)
	a.quote(kind)
	a.out = append(a.out, '}')
}

// keys is what encryption has to say. Where nothing has concerned the user since the
// device had its messages, it need not be asked for more than whom the user met.
func (a *answer) keys() (c e2ee.Changes, err error) {
	d := e2ee.Device{User: a.User, ID: e2ee.DeviceID(a.Device)}
	concerned := a.Stream.Concerned(a.User)
	had, quiet := a.device.quiet(concerned)
	if !quiet || a.base.Messages < a.base.Pos {
		c, err = a.Encryption.Changes(a.ctx, d, e2ee.Since{Pos: a.base.Pos, Messages: a.base.Messages}, a.to)
		if err == nil && a.device.learn(c, a.to) {
			a.news = true
		}
		return c, err
	}
	c = e2ee.Changes{Delivered: a.to, OneTimeCounts: had.counts, UnusedFallbacks: had.fallbacks}
	if a.base.Pos > 0 {
		c.Lists, err = a.Encryption.ListsBetween(a.ctx, a.User, a.base.Pos, a.to)
	}
	return c, err
}

// signedCurve is the algorithm whose number of keys is always said: some clients take it
// that nothing has changed where none is.
const signedCurve = "signed_curve25519"

// writeKeys writes messages to the device, changed lists of devices, and what keys the
// device has (client-server API, "Extensions to /sync").
func (a *answer) writeKeys(c e2ee.Changes) error {
	if len(c.Messages) > 0 {
		a.news = true
		a.out = append(a.out, `,"to_device":{"events":[`...)
		for _, m := range c.Messages {
			a.comma()
			a.out = append(append(a.out, `{"content":`...), m.Content...)
			a.out = append(a.out, `,"sender":`...)
			a.quote(m.Sender.String())
			a.out = append(a.out, `,"type":`...)
			a.quote(m.Type)
			a.out = append(a.out, '}')
		}
		a.out = append(a.out, `]}`...)
	}
	if len(c.Lists.Changed)+len(c.Lists.Left) > 0 {
		a.news = true
		a.out = append(a.out, `,"device_lists":`...)
		err := a.marshal(struct {
			Changed []matrix.UserID `json:"changed"`
			Left    []matrix.UserID `json:"left"`
		}{c.Lists.Changed, c.Lists.Left})
		if err != nil {
			return err
		}
	}
	return a.writeSupply(c)
}

func (a *answer) writeSupply(c e2ee.Changes) error {
	a.out = append(a.out, `,"device_one_time_keys_count":`...)
	counts := map[string]int64{signedCurve: 0}
	for algorithm, n := range c.OneTimeCounts {
		counts[algorithm] = n
	}
	if err := a.marshal(counts); err != nil {
		return err
	}
	a.out = append(a.out, `,"device_unused_fallback_key_types":`...)
	return a.marshal(append([]string{}, c.UnusedFallbacks...))
}
