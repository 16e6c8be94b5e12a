package sync

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// writeJoined writes a room, and tells whether there is something new in it.
func (v *view) writeJoined() (news bool, err error) {
	v.writeSummary()
	v.writeTimeline()
	v.writeState()
	mark := len(v.out)
	if err := v.writeEphemeral(); err != nil {
		return false, err
	}
	if err := v.writeData(); err != nil {
		return false, err
	}
	news = v.fresh || v.FullState || v.summary != nil || v.timeline.Limited || len(v.timeline.Events)+len(v.state) > 0 || len(v.out) > mark
	if !news {
		return false, nil
	}
	return true, v.writeUnread()
}

// writeSummary writes how many members the room has.
func (v *view) writeSummary() {
	if v.summary == nil {
		return
	}
	v.member("summary")
	v.out = append(v.out, '{')
	if !v.named {
		v.member("m.heroes")
		v.out = append(v.out, '[')
		for _, user := range v.summary.Heroes {
			v.comma()
			v.quote(user)
		}
		v.out = append(v.out, ']')
	}
	v.member("m.joined_member_count")
	v.out = strconv.AppendInt(v.out, int64(v.summary.Joined), 10)
	v.member("m.invited_member_count")
	v.out = strconv.AppendInt(v.out, int64(v.summary.Invited), 10)
	v.out = append(v.out, '}')
}

func (v *view) writeTimeline() {
	v.member("timeline")
	v.out = append(v.out, `{"events":[`...)
	for _, s := range v.timeline.Events {
		v.roomEvent(s)
	}
	v.out = strconv.AppendBool(append(v.out, `],"limited":`...), v.timeline.Limited)
	v.member("prev_batch")
	v.quote(room.Token(v.timeline.Begin))
	v.out = append(v.out, '}')
}

// writeState writes the state, before the timeline or after it.
func (v *view) writeState() {
	name := "state"
	if v.StateAfter {
		name = "state_after"
	}
	v.member(name)
	v.out = append(v.out, `{"events":[`...)
	for _, s := range v.state {
		v.roomEvent(room.Seen{Stored: s})
	}
	v.out = append(v.out, `]}`...)
}

// roomEvent writes an event in the format that the client wants, and of that what it wants.
func (v *view) roomEvent(s room.Seen) {
	v.comma()
	mark := len(v.out)
	if v.filter.EventFormat == filter.Federation {
		v.out = append(v.out, s.JSON()...)
	} else {
		v.out = v.reader.Append(v.out, s)
	}
	if v.filter.fields != nil {
		v.out = v.filter.fields.Append(v.out[:mark], slices.Clone(v.out[mark:]))
	}
}

// writeEphemeral writes who is typing and how far others have read. A room that is new to
// the client has a list of it though it be empty, as it has of all else.
func (v *view) writeEphemeral() error {
	mark := len(v.out)
	v.member("ephemeral")
	v.out = append(v.out, `{"events":[`...)
	begin := len(v.out)
	wants := v.filter.Room.Ephemeral
	if wants.WantsRoom(v.room.ID()) && wants.Wants("m.typing", "") {
		if err := v.writeTyping(); err != nil {
			return err
		}
	}
	if wants.WantsRoom(v.room.ID()) && wants.Wants("m.receipt", "") {
		if err := v.writeReceipts(); err != nil {
			return err
		}
	}
	if len(v.out) == begin && !v.fresh {
		v.out = v.out[:mark]
		return nil
	}
	v.out = append(v.out, `]}`...)
	return nil
}

func (v *view) writeTyping() error {
	if v.Typing == nil {
		return nil
	}
	users, changed := v.Typing.Since(matrix.RoomID(v.room.ID()), v.since, v.to)
	if !changed || len(users) == 0 && v.fresh {
		return nil
	}
	content, err := json.Marshal(struct {
		Users []matrix.UserID `json:"user_ids"`
	}{users})
	v.event("m.typing", content)
	return err
}

func (v *view) writeReceipts() error {
	id := matrix.RoomID(v.room.ID())
	if v.Receipts == nil || !v.fresh && !v.moved[id] {
		return nil
	}
	receipts, err := v.receiptsSince(id)
	if err != nil || len(receipts) == 0 {
		return err
	}
	content, err := json.Marshal(receipts, json.Deterministic(true))
	v.event("m.receipt", content)
	return err
}

// receiptsSince are those that are new to the client.
func (v *view) receiptsSince(id matrix.RoomID) (receipt.Content, error) {
	if v.receipts != nil && v.since == 0 {
		return v.receipts[id], nil
	}
	return v.Receipts.Since(v.ctx, id, v.User, v.since, v.to)
}

// writeData writes the room's account data. A room that is new to the client has perhaps
// some from before.
func (v *view) writeData() error {
	id := matrix.RoomID(v.room.ID())
	items := v.data[id]
	if v.fresh && !v.initial() {
		var err error
		if items, err = v.allData(id); err != nil {
			return err
		}
	}
	mark := len(v.out)
	v.member("account_data")
	v.out = append(v.out, `{"events":[`...)
	begin := len(v.out)
	wants := v.filter.Room.AccountData
	for _, i := range items {
		if wants.WantsRoom(v.room.ID()) && wants.Wants(i.Type, "") {
			v.event(i.Type, i.Content)
		}
	}
	if len(v.out) == begin {
		v.out = v.out[:mark]
		return nil
	}
	v.out = append(v.out, `]}`...)
	return nil
}

// allData is all account data of a room.
func (v *view) allData(id matrix.RoomID) (items []userdata.Item, err error) {
	all, err := v.Data.Changes(v.ctx, v.User, 0, v.to)
	for _, i := range all {
		if i.Room == id {
			items = append(items, i)
		}
	}
	return items, err
}

// writeUnread writes how much is unread: in the main timeline and in each thread, or all
// together.
func (v *view) writeUnread() error {
	var counts unread.Counts
	if v.Unread != nil {
		var err error
		if counts, err = v.Unread.Counts(v.ctx, v.User, v.room, v.to); err != nil {
			return err
		}
	}
	apart := v.filter.Room.Timeline.UnreadThreadNotifications
	if !apart {
		counts.Main = counts.Sum()
	}
	v.member("unread_notifications")
	v.count(counts.Main)
	if !apart || len(counts.Threads) == 0 {
		return nil
	}
	v.member("unread_thread_notifications")
	v.out = append(v.out, '{')
	for _, root := range slices.Sorted(maps.Keys(counts.Threads)) {
		v.member(root)
		v.count(counts.Threads[root])
	}
	v.out = append(v.out, '}')
	return nil
}

func (v *view) count(c unread.Count) {
	v.out = strconv.AppendInt(append(v.out, `{"highlight_count":`...), int64(c.Highlights), 10)
	v.out = strconv.AppendInt(append(v.out, `,"notification_count":`...), int64(c.Notifications), 10)
	v.out = append(v.out, '}')
}

// addOwn adds the membership that the user was given at a position, unless it is there.
func (v *view) addOwn(at stream.Pos) error {
	events := v.timeline.Events
	if len(events) > 0 && events[len(events)-1].Pos == at {
		return nil
	}
	own, err := known(v.Rooms.MemberAt(v.ctx, v.room, v.User.String(), at))
	if err != nil || own == nil {
		return err
	}
	shown, err := v.Rooms.Veil(v.ctx, v.room, v.User, []*room.Stored{own})
	if err != nil {
		return err
	}
	own = shown[0]
	inState := func() bool {
		for _, s := range v.state {
			if s.ID() == own.ID() {
				return true
			}
		}
		return false
	}()
	if v.StateAfter && !inState && v.filter.state.Wants(own) {
		v.state = append(v.state, own)
	}
	if !inState && v.filter.timeline.Wants(own) && v.filter.limit > 0 && !v.filter.noTimeline {
		v.timeline.Events = append(events, room.Seen{Stored: own, Membership: membershipOf(own)})
	}
	return nil
}

func membershipOf(s *room.Stored) string {
	membership, _ := s.Field("membership").Text()
	return membership
}
