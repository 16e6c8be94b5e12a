package invite

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
)

// The kind of outbox work that tells a homeserver of invitations, and its patience.
const (
	onbindKind       = "invite.onbind"
	onbindSlots      = 8
	onbindFirstRetry = time.Second
	onbindLastRetry  = time.Hour
	onbindLife       = 7 * day
)

// onbindPath is where a homeserver listens (server-server API, PUT /3pid/onbind).
const onbindPath = "/_matrix/federation/v1/3pid/onbind"

// notice is the payload of what a homeserver is told. The outbox keeps it sealed.
type notice struct {
	Batch   string        `json:"batch"`
	User    matrix.UserID `json:"user"`
	Medium  string        `json:"medium"`
	Address string        `json:"address"`
	Invites []told        `json:"invites"`
}

// told is one invitation of a notice.
type told struct {
	ID     string        `json:"id"`
	Token  string        `json:"token"`
	Room   matrix.RoomID `json:"room"`
	Sender matrix.UserID `json:"sender"`
	// ServerKey is the one that the servers of the room know; empty if an older release
	// made the invitation.
	ServerKey []byte `json:"server_key,omitempty"`
}

// onbind is the body of the call, and boundInvite an invitation in it.
type onbind struct {
	Address string        `json:"address"`
	Medium  string        `json:"medium"`
	MXID    matrix.UserID `json:"mxid"`
	Invites []boundInvite `json:"invites"`
}

type boundInvite struct {
	Address string         `json:"address"`
	Medium  string         `json:"medium"`
	MXID    matrix.UserID  `json:"mxid"`
	Room    matrix.RoomID  `json:"room_id"`
	Sender  matrix.UserID  `json:"sender"`
	Signed  jsontext.Value `json:"signed"`
}

// signed is what the server's long-term key signs of an invitation (client-server API,
// m.room.member, "signed").
type signed struct {
	MXID  matrix.UserID `json:"mxid"`
	Token string        `json:"token"`
}

// notify tells the homeserver. That it was told is written down before the outbox learns
// of it; a process that dies between the answer and that says the same once more, in the
// same words.
func (i *Invites) notify(ctx context.Context, job outbox.Job) error {
	n, err := readNotice(job)
	if err != nil {
		return err
	}
	ids, err := selectUntold(ctx, i.DB, n.Batch)
	if err != nil {
		return fmt.Errorf("reading what a homeserver was told: %w", err)
	}
	// What was erased meanwhile is told to nobody.
	n.Invites = slices.DeleteFunc(n.Invites, func(t told) bool { return !slices.Contains(ids, t.ID) })
	if len(n.Invites) == 0 {
		return nil
	}
	body, err := i.bodyOf(ctx, n)
	if err != nil {
		return err
	}
	if err := i.tell(ctx, n.User.Server(), body); err != nil {
		return err
	}
	if err := markTold(ctx, i.DB, n.Batch, i.Now()); err != nil {
		return fmt.Errorf("writing down that a homeserver was told: %w", err)
	}
	return nil
}

func readNotice(job outbox.Job) (n notice, err error) {
	if err := json.Unmarshal(job.Payload, &n); err != nil {
		return n, fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	return n, nil
}

// bodyOf signs each invitation by the key that stands in its room (client-server API,
// m.room.third_party_invite, "public_keys"), also when that was retired since.
func (i *Invites) bodyOf(ctx context.Context, n notice) ([]byte, error) {
	b := onbind{Address: n.Address, Medium: n.Medium, MXID: n.User}
	for _, t := range n.Invites {
		s, err := i.Signer.SignBy(ctx, t.ServerKey, signed{MXID: n.User, Token: t.Token})
		if err != nil {
			return nil, fmt.Errorf("signing an invitation: %w", err)
		}
		b.Invites = append(b.Invites, boundInvite{Address: n.Address, Medium: n.Medium, MXID: n.User, Room: t.Room, Sender: t.Sender, Signed: s})
	}
	return json.Marshal(b)
}

// tell asks by the method that the server took the last time, else as the specification
// says: PUT. One that knows no such call may listen for the other, as servers in the
// field do, and that is remembered.
func (i *Invites) tell(ctx context.Context, server matrix.ServerName, body []byte) error {
	first, err := selectMethod(ctx, i.DB, server)
	if err != nil {
		return fmt.Errorf("reading how a homeserver listens: %w", err)
	}
	status, err := i.ping(ctx, server, first, body)
	if err != nil || status/100 == 2 {
		return err
	}
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return answered(status)
	}
	second := other(first)
	if status, err = i.ping(ctx, server, second, body); err != nil {
		return err
	}
	if status/100 != 2 {
		return answered(status)
	}
	if err := putMethod(ctx, i.DB, server, second, i.Now()); err != nil {
		return fmt.Errorf("remembering how a homeserver listens: %w", err)
	}
	return nil
}

func other(method string) string {
	if method == http.MethodPut {
		return http.MethodPost
	}
	return http.MethodPut
}

// ping makes the call, unsigned as the specification has it: what counts is signed inside.
func (i *Invites) ping(ctx context.Context, server matrix.ServerName, method string, body []byte) (status int, err error) {
	answer, err := i.Federation.Do(ctx, fedclient.Request{Server: server, Method: method, Path: onbindPath, Body: body})
	return answer.Status, err
}

func answered(status int) error {
	return fmt.Errorf("the homeserver answered 3pid/onbind with status %d", status)
}

// notNotified tells the operator that a homeserver was not told in a week, and nothing of
// whom.
func (i *Invites) notNotified(_ context.Context, _ *store.Tx, job outbox.Job) error {
	n, err := readNotice(job)
	if err != nil {
		i.Log.Error("a notice of accepted invitations cannot be read, so no homeserver was told")
		return nil
	}
	i.Log.Error("a homeserver was not told of accepted invitations within a week; its users have to be invited again",
		"server", n.User.Server(), "invitations", len(n.Invites))
	return nil
}
