package inbound

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Wish is what a user of this server wants of a room that nobody here is in.
type Wish struct {
	room.Membership                     // of Sender
	Via             []matrix.ServerName // that may be in the room
}

// maxVia is how many servers are asked for one wish.
const maxVia = 10

// servers are whom to ask: who has invited the user, or made the invitation in that one's
// name, those named, and who was in the room when it was last known.
func (in *Inbound) servers(ctx context.Context, w Wish) (servers []matrix.ServerName) {
	add := func(server matrix.ServerName) {
		if server != "" && server != in.ServerName && !slices.Contains(servers, server) && len(servers) < maxVia {
			servers = append(servers, server)
		}
	}
	if own, err := in.Rooms.Membership(ctx, w.Sender, w.Room); err == nil {
		add(event.ServerOf(own.Sender()))
		for signer := range event.Value(own.JSON()).Field("signatures").Members() {
			if server, err := matrix.ParseServerName(signer); err == nil {
				add(server)
			}
		}
	}
	for _, server := range w.Via {
		add(server)
	}
	if r, err := in.Rooms.Room(w.Room); err == nil {
		joined, _ := in.Rooms.JoinedServers(ctx, r)
		for _, server := range joined {
			add(server)
		}
	}
	return servers
}

// versions are those of rooms that this server knows.
func versions() (known []string) {
	for _, v := range event.Versions() {
		known = append(known, v.String())
	}
	return known
}

// each asks one server after the other until one does what is wanted. The error is that which
// says most, of equal ones the last; ErrNoServer if none is there.
func each(ctx context.Context, servers []matrix.ServerName, ask func(matrix.ServerName) error) error {
	last := error(ErrNoServer)
	for _, server := range servers {
		err := ask(server)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if weightOf(err) >= weightOf(last) {
			last = err
		}
	}
	return last
}

// weightOf is how much the error of a server says about what was asked: a refusal says more
// than that it does not know the room, and that more than that it was not reached.
func weightOf(err error) int {
	switch refusal, refused := errors.AsType[fedclient.Refusal](err); {
	case !refused:
		return 0
	case refusal.Status == http.StatusNotFound || refusal.Status >= 500:
		return 1
	}
	return 2
}

// complete makes the event of a template: what it follows and cites is as the other server
// says, all else is ours.
func (in *Inbound) complete(ctx context.Context, w Wish, t remote.Template, membership string) (*event.Event, error) {
	v, err := event.ParseVersion(t.RoomVersion)
	if err != nil {
		return nil, err
	}
	canonical, err := event.Canonical(t.Event, false)
	if err != nil { // which is no fault of the client's: its text alone goes on
		return nil, fmt.Errorf("%w: %v", remote.ErrTemplate, err)
	}
	template := event.Value(canonical)
	content, err := in.Rooms.MemberContent(ctx, w.Membership, membership)
	if err != nil {
		return nil, err
	}
	if authoriser, named := template.Field("content").Field("join_authorised_via_users_server").Text(); named && membership == room.Join {
		if content, err = withText(content, "join_authorised_via_users_server", authoriser); err != nil {
			return nil, err
		}
	}
	key := string(w.Sender)
	p := event.Proto{RoomID: w.Room, Type: "m.room.member", StateKey: &key, Sender: key, Content: content,
		OriginServerTS: in.Now().UnixMilli(), Hashes: map[string][sha256.Size]byte{}}
	if p.Depth, err = integer(template.Field("depth")); err != nil {
		return nil, err
	}
	if p.AuthEvents, err = references(v, template.Field("auth_events"), p.Hashes); err != nil {
		return nil, err
	}
	if p.PrevEvents, err = references(v, template.Field("prev_events"), p.Hashes); err != nil {
		return nil, err
	}
	if v.EventIDInEvent() {
		p.EventID = "$" + strings.ToLower(rand.Text()) + ":" + in.ServerName.String()
	}
	signer, err := in.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	return v.Build(p, signer)
}
