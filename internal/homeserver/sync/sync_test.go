package sync_test

import (
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
)

func TestABeginning(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.say(id, alice, "hello")
		p := w.phone(alice)
		a := p.sync()
		r := a.Rooms.Join[id]
		w.want("the timeline", r.Timeline.short()[:3], []string{"m.room.create|", "m.room.member|@alice:hs.test=join", "m.room.power_levels|"})
		w.want("what was said", r.Timeline.said(), []string{"hello"})
		w.want("the state", r.State.short(), []string{})
		w.want("limited", r.Timeline.Limited, false)
		w.want("the members", *r.Summary.Joined, 1)
		w.want("account data", a.AccountData.short(), []string{"m.push_rules"})
		w.want("keys", a.Counts, map[string]int64{"signed_curve25519": 0})
		again := p.sync()
		w.wantNothing("then", again)
		w.want("the token", again.NextBatch, a.NextBatch)
		w.say(id, alice, "again")
		a = p.sync()
		w.want("more was said", a.Rooms.Join[id].Timeline.short(), []string{"m.room.message=again"})
		w.want("the summary", a.Rooms.Join[id].Summary.Joined == nil, true)
		if a.NextBatch == again.NextBatch {
			t.Error("news, and the same token")
		}
		_, err := w.rooms.Send(t.Context(), room.Sending{Room: id, Sender: alice, Type: "org.matrix.dummy_event", Content: []byte(`{}`)})
		w.ok(err)
		w.wantNothing("what nobody reads", p.sync())
	})
}

func TestAGap(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		for _, after := range []bool{false, true} {
			p := w.phone(alice).with(`{"room":{"timeline":{"limit":2}}}`)
			p.StateAfter = after
			p.sync()
			w.set(id, alice, "m.room.topic", "", `{"n":1}`)
			w.say(id, alice, "one")
			w.set(id, alice, "m.room.topic", "", `{"n":2}`)
			w.say(id, alice, "two")
			r := p.sync().Rooms.Join[id]
			w.want("the timeline", r.Timeline.short(), []string{"m.room.topic|=2", "m.room.message=two"})
			w.want("limited", r.Timeline.Limited, true)
			if after {
				w.want("the state after", r.StateAfter.short(), []string{"m.room.topic|=2"})
				w.want("the state before", r.State == nil, true)
			} else {
				w.want("the state before", r.State.short(), []string{"m.room.topic|=1"})
				w.want("the state after", r.StateAfter == nil, true)
			}
			page, err := w.rooms.Messages(t.Context(), alice, room.Query{Room: id, From: r.Timeline.PrevBatch, Back: true, Limit: 2})
			w.ok(err)
			body, _ := page.Events[0].Field("body").Text()
			w.want("before the timeline", body, "one")
		}
	})
}

// What a filter leaves out of the timeline is still known of the state.
func TestStateOutsideTheTimeline(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		for _, filter := range []string{`{"room":{"timeline":{"types":[]}}}`, `{"room":{"timeline":{"types":["m.room.message"]}}}`, `{"room":{"timeline":{"limit":0}}}`,
			`{"room":{"timeline":{"not_rooms":["` + id + `"]}}}`, `{"room":{"timeline":{"not_senders":["@alice:hs.test"]}}}`} {
			p := w.phone(alice).with(filter)
			a := p.sync()
			if !slices.Contains(a.Rooms.Join[id].State.short(), "m.room.member|@alice:hs.test=join") {
				t.Errorf("with %s the state begins as %s", filter, a.Rooms.Join[id].State.short())
			}
			w.set(id, alice, "m.room.name", "", `{"name":"Loft"}`)
			w.want(filter, p.sync().Rooms.Join[id].State.short(), []string{"m.room.name|=Loft"})
			w.wantNothing("then", p.sync())
			w.set(id, alice, "m.room.name", "", `{"name":"Attic"}`)
		}
	})
}

// Who wants some fields of events gets those, in the timeline and in the state.
func TestFieldsOfEvents(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.say(id, alice, "hello")
		for format, want := range map[string]string{"client": `{"content":{"body":"hello"},"type":"m.room.message"}`, "federation": `{"content":{"body":"hello"},"type":"m.room.message"}`} {
			p := w.phone(alice).with(`{"event_fields":["type","content.body","unsigned.none"],"event_format":"` + format + `","room":{"timeline":{"limit":1}}}`)
			a := p.sync()
			if !strings.Contains(a.text, `"timeline":{"events":[`+want+`]`) {
				t.Errorf("in the format %s: %s", format, a.text)
			}
			for _, s := range a.Rooms.Join[id].State.Events {
				if s.Type == "" || s.ID != "" || s.Sender != "" || len(s.Content) > 0 {
					t.Errorf("in the format %s the state has %+v", format, s)
				}
			}
		}
	})
}
