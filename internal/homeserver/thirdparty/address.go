package thirdparty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Address is whom somebody wants to invite, and the identity server that is to be asked who
// that is, with the token that they have brought for it.
type Address struct {
	Address threepid.Address
	At      idclient.Server
	Token   string
}

// Invitation is the wish to invite whoever has an address.
type Invitation struct {
	Address
	Room     string
	Sender   matrix.UserID
	Reason   string
	Language string // of the message; empty where that is not known
}

// Invite invites whoever has an address: the user who is behind it, or else by a message to
// it and an m.room.third_party_invite. Nobody is asked before it is known that the sender may
// invite. Errors: those of room.MaySend and of inbound.Invite, ErrToken, ErrTerms, ErrRefused,
// matrix.LimitExceeded, ErrIdentity. After one nothing stands in the room, though a message
// may have been sent.
func (i *Invites) Invite(ctx context.Context, n Invitation) error {
	if err := i.mayInvite(ctx, n); err != nil {
		return err
	}
	user, err := i.behind(ctx, n.Address)
	switch {
	case err != nil:
		return err
	case user == "":
		return i.store(ctx, n)
	}
	return i.inviteUser(ctx, n, user)
}

// InviteUnknown is Invite for an address behind which nobody is, as Behind has said. Whoever
// is by now is invited.
func (i *Invites) InviteUnknown(ctx context.Context, n Invitation) error {
	if err := i.mayInvite(ctx, n); err != nil {
		return err
	}
	return i.store(ctx, n)
}

func (i *Invites) mayInvite(ctx context.Context, n Invitation) error {
	trial := "trial"
	return i.Rooms.MaySend(ctx, room.Sending{Room: n.Room, Sender: n.Sender, Type: room.ThirdPartyInvite, StateKey: &trial, Content: []byte(`{}`)})
}

func (i *Invites) inviteUser(ctx context.Context, n Invitation, user matrix.UserID) error {
	return i.Inviter.Invite(ctx, room.Membership{Room: n.Room, Sender: n.Sender, Target: user, Reason: n.Reason})
}

// behind is the user behind an address, empty if nobody is.
func (i *Invites) behind(ctx context.Context, a Address) (matrix.UserID, error) {
	found, err := i.Behind(ctx, []Address{a})
	return found[0], err
}

// Behind are the users behind addresses, each in its place, empty where nobody is. Errors:
// ErrToken, ErrTerms, ErrRefused, matrix.LimitExceeded, ErrIdentity.
func (i *Invites) Behind(ctx context.Context, addresses []Address) ([]matrix.UserID, error) {
	type asked struct {
		name  matrix.ServerName
		token string
	}
	users, places := make([]matrix.UserID, len(addresses)), map[asked][]int{}
	for n, a := range addresses {
		who := asked{a.At.Name, a.Token}
		places[who] = append(places[who], n)
	}
	for who, all := range places {
		var sought []threepid.Address
		for _, n := range all {
			sought = append(sought, addresses[n].Address)
		}
		found, err := i.Identity.Lookup(ctx, addresses[all[0]].At, idclient.Account(who.token), sought)
		if err != nil {
			return users, identityError(err)
		}
		for _, n := range all {
			users[n] = found[addresses[n].Address]
		}
	}
	return users, nil
}

// store has a message sent to an address behind which nobody is, and says so in the room.
func (i *Invites) store(ctx context.Context, n Invitation) error {
	named, err := i.named(ctx, n)
	if err != nil {
		return err
	}
	stored, err := i.Identity.StoreInvite(ctx, n.At, idclient.Account(n.Token), named)
	if refusal, is := errors.AsType[fedclient.Refusal](err); is && refusal.Errcode == matrix.ThreepidInUse {
		return i.again(ctx, n)
	}
	if err != nil {
		return identityError(err)
	}
	if !i.usable(stored) {
		return fmt.Errorf("%w: its invitation cannot stand in a room", ErrIdentity)
	}
	_, err = i.Rooms.Send(ctx, room.Sending{Room: n.Room, Sender: n.Sender, Type: room.ThirdPartyInvite, StateKey: &stored.Token, Content: contentOf(stored, n.Address.Address)})
	return err
}

// again is Invite for an address that somebody has bound since it was looked up.
func (i *Invites) again(ctx context.Context, n Invitation) error {
	user, err := i.behind(ctx, n.Address)
	switch {
	case err != nil:
		return err
	case user == "":
		return ErrRefused
	}
	return i.inviteUser(ctx, n, user)
}

// usable tells whether what an identity server has stored can be exchanged later.
func (i *Invites) usable(s idclient.Stored) bool {
	for _, key := range s.PublicKeys {
		if i.Identity.CheckValidityURL(key.ValidityURL) != nil {
			return false
		}
	}
	return len(s.Token) <= maxToken && !strings.ContainsRune(s.Token, 0)
}

// contentOf is the content of an m.room.third_party_invite, whose first key stands in two
// places for those who read only one.
func contentOf(s idclient.Stored, a threepid.Address) []byte {
	name := s.DisplayName
	if name == "" || strings.Contains(strings.ToLower(name), strings.ToLower(a.String())) {
		name = a.Redacted() // everybody in the room reads it
	}
	content, err := json.Marshal(struct {
		DisplayName string               `json:"display_name"`
		ValidityURL string               `json:"key_validity_url"`
		PublicKey   string               `json:"public_key"`
		PublicKeys  []idclient.PublicKey `json:"public_keys"`
	}{name, s.PublicKeys[0].ValidityURL, s.PublicKeys[0].Key, s.PublicKeys})
	if err != nil {
		panic("thirdparty: " + err.Error()) // texts that were read of JSON
	}
	return content
}

// named is an invitation with what its message may tell of the room and the sender.
func (i *Invites) named(ctx context.Context, n Invitation) (v idclient.Invitation, err error) {
	v = idclient.Invitation{Address: n.Address.Address, Room: matrix.RoomID(n.Room), Sender: n.Sender, Language: n.Language}
	r, err := i.Rooms.Room(n.Room)
	if err != nil {
		return v, err
	}
	for _, w := range []struct {
		into            *string
		typ, key, field string
	}{
		{&v.RoomName, "m.room.name", "", "name"},
		{&v.RoomAlias, "m.room.canonical_alias", "", "alias"},
		{&v.RoomType, "m.room.create", "", "type"},
		{&v.SenderName, "m.room.member", n.Sender.String(), "displayname"},
	} {
		e, err := i.Rooms.Current(ctx, r, event.Key{Type: w.typ, StateKey: w.key})
		if errors.Is(err, room.ErrUnknownEvent) {
			continue
		}
		if err != nil {
			return v, fmt.Errorf("reading what a room is called: %w", err)
		}
		*w.into, _ = e.Field(w.field).Text()
	}
	return v, nil
}

// identityError is what the error of an identity server means to the user on whose behalf it
// was asked. Its own words, which may quote the address, are nobody's to read.
func identityError(err error) error {
	refusal, is := errors.AsType[fedclient.Refusal](err)
	if !is {
		return fmt.Errorf("%w: %v", ErrIdentity, err)
	}
	meaning := ErrIdentity
	switch {
	case refusal.Status == http.StatusTooManyRequests:
		return matrix.LimitExceeded{RetryAfter: refusal.RetryAfter}
	case refusal.Status == http.StatusUnauthorized, refusal.Errcode == matrix.UnknownToken:
		meaning = ErrToken
	case refusal.Errcode == matrix.TermsNotSigned:
		meaning = ErrTerms
	case refusal.Status == http.StatusBadRequest, refusal.Status == http.StatusForbidden:
		meaning = ErrRefused
	}
	return fmt.Errorf("%w: it answers %d %s", meaning, refusal.Status, refusal.Errcode)
}
