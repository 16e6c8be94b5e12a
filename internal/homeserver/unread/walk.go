package unread

import (
	"context"
	"errors"
	"math"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/push"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// begin is a tally that begins where the user has read the whole room, or has come if
// that was later.
func (u *Unread) begin(ctx context.Context, i *item, wishes *wishes) (*tally, error) {
	read, err := u.furthest(ctx, i)
	if err != nil {
		return nil, err
	}
	t := &tally{wishes: wishes, read: read, upTo: max(0, read[""])}
	own, err := u.Rooms.MemberAt(ctx, i.key.room, string(i.key.user), now)
	if errors.Is(err, room.ErrUnknownEvent) {
		return t, nil
	}
	if err == nil && joins(own) {
		t.upTo = max(t.upTo, own.Pos)
	}
	return t, err
}

// furthest is how far the user has read, as Prepare has found out or is found out now.
func (u *Unread) furthest(ctx context.Context, i *item) (read map[string]stream.Pos, err error) {
	if read, i.read = i.read, nil; read != nil {
		return read, nil
	}
	return u.Receipts.ReadUpTo(ctx, matrix.RoomID(i.key.room.ID()), i.key.user)
}

// Prepare finds out together how far a user has read rooms, for who asks for the counts of
// each. What cannot be found out now is left to them. An item that a receipt drops from the
// cache meanwhile is asked by nobody any more.
func (u *Unread) Prepare(ctx context.Context, user matrix.UserID, rooms []*room.Room) {
	items := map[matrix.RoomID]*item{}
	var ids []matrix.RoomID
	for _, r := range rooms {
		i := u.cache.get(key{user, r})
		if !i.mu.TryLock() {
			continue // somebody finds out
		}
		defer i.mu.Unlock()
		if id := matrix.RoomID(r.ID()); i.tally == nil && i.read == nil {
			items[id], ids = i, append(ids, id)
		}
	}
	if len(ids) < 2 {
		return
	}
	all, err := u.Receipts.AllReadUpTo(ctx, ids, user)
	if err != nil {
		return
	}
	for id, i := range items {
		if i.read = all[id]; i.read == nil {
			i.read = map[string]stream.Pos{}
		}
		u.cache.resize(i, tallyWeight+readWeight*len(i.read))
	}
}

// extend takes a tally up to a position. Of more events than MaxEvents it takes the newest.
// After an error it is good for nothing.
func (u *Unread) extend(ctx context.Context, user matrix.UserID, r *room.Room, t *tally, to stream.Pos) error {
	if to <= t.upTo {
		return nil
	}
	defer func() { t.upTo = to }()
	if r.Last() <= t.upTo {
		return nil
	}
	events, err := u.stretch(ctx, user, r, t.upTo, to)
	if err != nil || len(events) == 0 {
		return err
	}
	w := walk{Unread: u, tally: t, user: user, room: r}
	if err := w.look(ctx); err != nil {
		return err
	}
	for _, s := range events {
		if err := w.take(ctx, s.Stored); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many events a room tells at once.
const atOnce = 500

// stretch is the newest events that the user sees after a position and up to another, the
// oldest first.
func (u *Unread) stretch(ctx context.Context, user matrix.UserID, r *room.Room, since, to stream.Pos) (events []room.Seen, err error) {
	s := room.Stretch{User: user, Since: since, To: to, Limit: atOnce}
	for range MaxEvents / atOnce {
		t, err := u.Rooms.Timeline(ctx, r, s)
		if err != nil {
			return nil, err
		}
		events = append(t.Events, events...)
		if !t.Limited {
			break
		}
		s.To = t.Begin
	}
	return events, nil
}

// walk is the way of a tally through events.
type walk struct {
	*Unread
	*tally
	user   matrix.UserID
	room   *room.Room
	place  push.Place
	levels *authz.PowerLevels // nil until a rule asks
}

// now is a position after all others.
const now = stream.Pos(math.MaxInt64)

// look finds out what rules ask of the room and of the user in it.
func (w *walk) look(ctx context.Context) (err error) {
	if w.place.Members, err = w.Rooms.JoinedCount(ctx, w.room); err != nil {
		return err
	}
	own, err := w.Rooms.MemberAt(ctx, w.room, string(w.user), now)
	if errors.Is(err, room.ErrUnknownEvent) {
		return nil
	}
	if err == nil {
		w.place.DisplayName, _ = own.Field("displayname").Text()
	}
	return err
}

// take takes an event into the tally.
func (w *walk) take(ctx context.Context, s *room.Stored) error {
	if err := w.takeBack(ctx, s.Redacts()); err != nil {
		return err
	}
	switch {
	case s.Sender() == string(w.user):
		return w.takeOwn(ctx, s)
	case s.Redaction != nil, w.wishes.ignored[s.Sender()]:
		return nil
	}
	e, err := w.events.of(s)
	if err != nil {
		return err
	}
	w.place.SenderMayNotify = func(key string) bool { return w.mayNotify(ctx, s, key) }
	verdict := w.wishes.Evaluate(e, w.place)
	if !verdict.Notify {
		return nil
	}
	root, err := w.Rooms.Thread(ctx, w.room, s)
	if err != nil {
		return err
	}
	w.notify(notice{pos: s.Pos, thread: timeline(root), highlight: verdict.Highlight})
	return nil
}

// takeBack takes back the notification of an event that is redacted, if any is.
func (w *walk) takeBack(ctx context.Context, redacted string) error {
	if redacted == "" || len(w.notices) == 0 {
		return nil
	}
	pos, err := w.Rooms.PosOf(ctx, w.room.ID(), redacted)
	if errors.Is(err, room.ErrUnknownEvent) {
		return nil
	}
	if err == nil {
		w.forget(pos)
	}
	return err
}

// takeOwn takes an event of the user's own: it says that they have read its timeline
// (client-server API, "Marking notifications as read"). What was before they came is not
// for them to read; that they are called differently now, the server says in their name.
func (w *walk) takeOwn(ctx context.Context, s *room.Stored) error {
	if key, isState := s.StateKey(); isState && s.Type() == "m.room.member" && key == string(w.user) {
		if joins(s) {
			w.notices = nil
		}
		return nil
	}
	root, err := w.Rooms.Thread(ctx, w.room, s)
	if err != nil {
		return err
	}
	w.readUpTo(s.Pos, timeline(root))
	return nil
}

// joins tells whether a membership is of somebody who was not in the room before.
func joins(s *room.Stored) bool {
	if membership, _ := s.Field("membership").Text(); membership != room.Join {
		return false
	}
	if s.Replaced == nil {
		return true
	}
	before, _ := event.Value(s.Replaced.Content).Field("membership").Text()
	return before != room.Join
}

// mayNotify tells whether the sender of an event has the power for notifications of a key.
func (w *walk) mayNotify(ctx context.Context, s *room.Stored, key string) bool {
	if w.levels == nil {
		var err error
		if w.levels, err = w.Rooms.PowerLevels(ctx, w.room); err != nil {
			return false
		}
	}
	return w.levels.User(s.Sender()) >= w.levels.Notification(key)
}
