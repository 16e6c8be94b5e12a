package inbound_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// peer is the other server as one reaches it. What it is told to lie about, it does.
type peer struct {
	server *server
	mu     sync.Mutex // guards asked and waits while questions are asked
	asked  []string
	waits  time.Duration           // that the last question may take
	silent bool                    // it never answers
	extra  map[string]*event.Event // events that it has made by hand
	lies   map[string]func() (any, error)
}

var errUnreachable = fedclient.ErrUnreachable

func (p *peer) hears(ctx context.Context, what string) error {
	p.note(ctx, what)
	if p.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.server == nil {
		return errUnreachable
	}
	return nil
}

func (p *peer) note(ctx context.Context, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, what)
	if end, bounded := ctx.Deadline(); bounded {
		p.waits = time.Until(end)
	}
}

func (p *peer) lie(what string) (any, error, bool) {
	if lie := p.lies[what]; lie != nil {
		v, err := lie()
		return v, err, true
	}
	return nil, nil, false
}

var notFound = fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.NotFound}

func (p *peer) room(id string) (*room.Room, error) {
	r, err := p.server.rooms.Room(id)
	if err != nil {
		return nil, notFound
	}
	return r, nil
}

func (p *peer) propose(ctx context.Context, what, id string, user matrix.UserID, membership string) (t remote.Template, err error) {
	if err := p.hears(ctx, what); err != nil {
		return t, err
	}
	if v, err, lies := p.lie(what); lies {
		return v.(remote.Template), err
	}
	r, err := p.room(id)
	if err != nil {
		return t, err
	}
	key := string(user)
	proto := event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: key, Content: []byte(`{"membership":"` + membership + `"}`)}
	var auth []string
	for _, key := range authz.NeededFor(r.Version(), proto) {
		if e, err := p.server.rooms.Current(ctx, r, key); err == nil {
			auth = append(auth, citation(e.Event))
		}
	}
	ends, depth, err := p.server.rooms.Extremities(ctx, id)
	if err != nil {
		return t, err
	}
	var prev []string
	for _, end := range ends {
		prev = append(prev, citation(p.server.event(id, end)))
	}
	t.RoomVersion = r.Version().String()
	t.Event = fmt.Appendf(nil, `{"auth_events":[%s],"prev_events":[%s],"depth":%d,"content":%s,"type":"m.room.member"}`,
		strings.Join(auth, ","), strings.Join(prev, ","), depth+1, proto.Content)
	return t, nil
}

// citation is how an event is cited.
func citation(e *event.Event) string {
	if !e.Version().EventIDInEvent() {
		return `"` + e.ID() + `"`
	}
	hash := e.ReferenceHash()
	return fmt.Sprintf(`[%q,{"sha256":%q}]`, e.ID(), matrix.EncodeBase64(hash[:]))
}

func (p *peer) MakeJoin(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID, _ []string) (remote.Template, error) {
	return p.propose(ctx, "make_join", id.String(), user, room.Join)
}

func (p *peer) MakeLeave(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID) (remote.Template, error) {
	return p.propose(ctx, "make_leave", id.String(), user, room.Leave)
}

func (p *peer) MakeKnock(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID, _ []string) (remote.Template, error) {
	return p.propose(ctx, "make_knock", id.String(), user, room.Knock)
}

// signed takes what another server has signed.
func (p *peer) signed(ctx context.Context, id string, pdu jsontext.Value) (r *room.Room, e *event.Event, err error) {
	if r, err = p.room(id); err != nil {
		return nil, nil, err
	}
	if e, err = r.Version().Parse(pdu); err != nil {
		return nil, nil, err
	}
	return r, e, p.server.in.Accept(ctx, id, e)
}

func (p *peer) SendJoin(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string, pdu jsontext.Value) (j remote.Joined, err error) {
	if err := p.hears(ctx, "send_join"); err != nil {
		return j, err
	}
	r, e, err := p.signed(ctx, id.String(), pdu)
	if err != nil {
		return j, err
	}
	j.State, j.AuthChain, err = p.stateBefore(ctx, r, e.ID())
	j.Event = e.JSON()
	if lie, err, lies := p.lie("send_join"); lies {
		return lie.(func(remote.Joined) remote.Joined)(j), err
	}
	return j, err
}

func (p *peer) SendLeave(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, _ string, pdu jsontext.Value) error {
	if err := p.hears(ctx, "send_leave"); err != nil {
		return err
	}
	_, _, err := p.signed(ctx, id.String(), pdu)
	return err
}

func (p *peer) SendKnock(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, _ string, pdu jsontext.Value) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "send_knock"); err != nil {
		return nil, err
	}
	_, _, err := p.signed(ctx, id.String(), pdu)
	return []jsontext.Value{jsontext.Value(`{"type":"m.room.name","state_key":"","sender":"@erin:far.test","content":{"name":"Far"}}`)}, err
}

func (p *peer) Invite(ctx context.Context, _ matrix.ServerName, i remote.Invitation) (jsontext.Value, error) {
	if err := p.hears(ctx, "invite"); err != nil {
		return nil, err
	}
	if _, err, lies := p.lie("invite"); lies {
		return nil, err
	}
	return p.server.in.ReceiveInvite(ctx, p.server.far.server.name, inbound.Invited{RoomID: i.Room.String(), EventID: i.EventID, Version: i.RoomVersion, Event: i.Event, State: i.State})
}

// stateBefore is the state before an event, and all events that it may rest on.
func (p *peer) stateBefore(ctx context.Context, r *room.Room, eventID string) (state, auth []jsontext.Value, err error) {
	ids, authIDs, err := p.idsBefore(ctx, r, eventID)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		state = append(state, p.json(ctx, id))
	}
	for _, id := range authIDs {
		auth = append(auth, p.json(ctx, id))
	}
	return state, auth, nil
}

func (p *peer) json(ctx context.Context, eventID string) jsontext.Value {
	if e := p.extra[eventID]; e != nil {
		return e.JSON()
	}
	r, err := p.server.rooms.RoomOfEvent(ctx, eventID)
	if err != nil {
		return nil
	}
	held, _ := p.server.rooms.Held(ctx, r, []string{eventID})
	return held[0].JSON()
}

func (p *peer) idsBefore(ctx context.Context, r *room.Room, eventID string) (state, auth []string, err error) {
	if e := p.extra[eventID]; e != nil { // it says that it was sent in the state of now
		ends, _, err := p.server.rooms.Extremities(ctx, r.ID())
		if err != nil {
			return nil, nil, err
		}
		held, err := p.server.rooms.Held(ctx, r, ends)
		if err != nil {
			return nil, nil, err
		}
		places, err := p.server.rooms.GroupIDs(ctx, r, held[0].StateGroup())
		for _, id := range places {
			state = append(state, id)
		}
		return state, p.chain(ctx, r, state), err
	}
	held, err := p.server.rooms.Held(ctx, r, []string{eventID})
	if err != nil || len(held) == 0 {
		return nil, nil, notFound
	}
	before, err := p.server.rooms.IDsBefore(ctx, r, held[0])
	for _, id := range before {
		state = append(state, id)
	}
	return state, p.chain(ctx, r, append(slices.Clone(state), held[0].AuthEvents()...)), err
}

func (p *peer) chain(ctx context.Context, r *room.Room, of []string) (ids []string) {
	seen := map[string]bool{}
	for next := of; len(next) > 0; {
		held, _ := p.server.rooms.Held(ctx, r, next)
		next = nil
		for _, s := range held {
			if !seen[s.ID()] {
				seen[s.ID()] = true
				ids = append(ids, s.ID())
				next = append(next, s.AuthEvents()...)
			}
		}
	}
	return ids
}

func (p *peer) StateIDs(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (s remote.StateIDs, err error) {
	if err := p.hears(ctx, "state_ids"); err != nil {
		return s, err
	}
	if v, err, lies := p.lie("state_ids"); lies {
		return v.(remote.StateIDs), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return s, err
	}
	s.State, s.AuthChain, err = p.idsBefore(ctx, r, eventID)
	return s, err
}

func (p *peer) State(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (s remote.State, err error) {
	if err := p.hears(ctx, "state"); err != nil {
		return s, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return s, err
	}
	s.State, s.AuthChain, err = p.stateBefore(ctx, r, eventID)
	return s, err
}

func (p *peer) Event(ctx context.Context, _ matrix.ServerName, eventID string) (jsontext.Value, error) {
	if err := p.hears(ctx, "event"); err != nil {
		return nil, err
	}
	if _, err, lies := p.lie(eventID); lies {
		return nil, err
	}
	if e := p.json(ctx, eventID); e != nil {
		return e, nil
	}
	return nil, notFound
}

func (p *peer) EventAuth(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (chain []jsontext.Value, err error) {
	if err := p.hears(ctx, "event_auth"); err != nil {
		return nil, err
	}
	if v, err, lies := p.lie("event_auth"); lies {
		return v.([]jsontext.Value), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	e, err := r.Version().Parse(p.json(ctx, eventID))
	if err != nil {
		return nil, notFound
	}
	for _, id := range p.chain(ctx, r, e.AuthEvents()) {
		chain = append(chain, p.json(ctx, id))
	}
	return chain, nil
}

// past is what precedes some events, these too, the newest first.
func (p *peer) past(ctx context.Context, r *room.Room, from []string, limit int, stop []string) (found []jsontext.Value) {
	seen := map[string]bool{}
	for next := from; len(next) > 0 && len(found) < limit; {
		id := next[0]
		next = next[1:]
		raw := p.json(ctx, id)
		if raw == nil || seen[id] || slices.Contains(stop, id) {
			continue
		}
		seen[id] = true
		found = append(found, raw)
		if e, err := r.Version().Parse(raw); err == nil {
			next = append(next, e.PrevEvents()...)
		}
	}
	return found
}

func (p *peer) Backfill(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, from []string, limit int) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "backfill"); err != nil {
		return nil, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	return p.past(ctx, r, from, limit, nil), nil
}

func (p *peer) MissingEvents(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, m remote.Missing) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "get_missing_events"); err != nil {
		return nil, err
	}
	if v, err, lies := p.lie("get_missing_events"); lies {
		return v.([]jsontext.Value), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	var from []string
	for _, latest := range m.Latest {
		if e, err := r.Version().Parse(p.json(ctx, latest)); err == nil {
			from = append(from, e.PrevEvents()...)
		}
	}
	return p.past(ctx, r, from, m.Limit, m.Earliest), nil
}

func (p *peer) TimestampToEvent(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, near time.Time, back bool) (c remote.Closest, err error) {
	if err := p.hears(ctx, "timestamp_to_event"); err != nil {
		return c, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return c, err
	}
	s, err := p.server.rooms.Near(ctx, r, near.UnixMilli(), back, 0)
	if err != nil {
		return c, notFound
	}
	return remote.Closest{EventID: s.ID(), Time: time.UnixMilli(s.OriginServerTS())}, nil
}
