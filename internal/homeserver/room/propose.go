package room

import (
	"context"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// MemberContent is the content of a membership that a user of this server gives themselves
// in a room of other servers: what they want to say, and how they call themselves.
func (rs *Rooms) MemberContent(ctx context.Context, m Membership, to string) ([]byte, error) {
	profile, err := rs.profile(ctx, m.Sender)
	if err != nil {
		return nil, err
	}
	if to == Leave {
		profile = nil
	}
	return m.content(to, object(profile...)), nil
}

// Proposal is an invitation that is not stored yet, since another server is to sign it.
type Proposal struct {
	Event *event.Event
	State []*Stored // by which the room may be known to the invited
}

// ProposeInvite makes an invitation that follows the room's end. Errors: those of Invite.
func (rs *Rooms) ProposeInvite(ctx context.Context, m Membership) (p Proposal, err error) {
	r, err := rs.about(m)
	if err == nil {
		err = rs.invitable(ctx, m.Sender, m.Target)
	}
	if err != nil {
		return p, err
	}
	signer, err := rs.Signer(ctx)
	if err != nil {
		return p, err
	}
	key := string(m.Target)
	d := draft{typ: memberType, stateKey: &key, sender: string(m.Sender), content: m.content(Invite, nil)}
	err = rs.again(ctx, func() (*stream.Ticket, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		l, err := rs.loadLocked(ctx, r)
		if err != nil {
			return nil, err
		}
		if err := l.tip.mayInvite(m); err != nil {
			return nil, err
		}
		s, _, err := rs.build(ctx, r, &l.tip, d, signer)
		if err == nil {
			p.Event = s.Event
		}
		return l.tip.last, err // what it follows is stored
	})
	if err != nil {
		return p, err
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return p, err
	}
	keys := []event.Key{{Type: memberType, StateKey: string(m.Sender)}}
	for _, typ := range stripped {
		keys = append(keys, event.Key{Type: typ})
	}
	if !rs.local(string(m.Sender)) { // whose server is not the one that asks: it is to be seen that they have invited
		token, _ := p.Event.Field("third_party_invite").Field("signed").Field("token").Text()
		keys = append(keys, event.Key{Type: ThirdPartyInvite, StateKey: token})
	}
	p.State, err = rs.places(ctx, r, l, keys...)
	return p, err
}
