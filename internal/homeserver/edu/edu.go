package edu

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Encryption takes what is for devices, as e2ee.Encryption does.
type Encryption interface {
	ReceiveToDevice(ctx context.Context, origin matrix.ServerName, content []byte) error
	ReceiveListUpdate(ctx context.Context, origin matrix.ServerName, content []byte) error
}

// Lists keeps the devices of users elsewhere, as devicelists.Lists does.
type Lists interface {
	// Update says that a user's devices or keys have changed, and tells whether that is news.
	Update(ctx context.Context, origin matrix.ServerName, content []byte) (news bool, err error)
}

// Receipts keeps receipts, as receipt.Receipts does.
type Receipts interface {
	Set(ctx context.Context, r receipt.Receipt) error
}

// Typing knows who is typing, as typing.Typing does.
type Typing interface {
	Start(ctx context.Context, in matrix.RoomID, user matrix.UserID, timeout time.Duration) error
	Stop(ctx context.Context, in matrix.RoomID, user matrix.UserID) error
}

// Rooms knows who is in a room, and its events, as room.Rooms does.
type Rooms interface {
	// IsJoined tells whether a user, of whatever server, is in a room now, and has not come into it
	// in spite of this server. The error is room.ErrUnknownRoom.
	IsJoined(ctx context.Context, roomID string, user matrix.UserID) (bool, error)
	// PosOf is where an event of a room stands. Errors: room.ErrUnknownRoom,
	// room.ErrUnknownEvent.
	PosOf(ctx context.Context, roomID, eventID string) (stream.Pos, error)
}

// Doors knows the server ACLs of rooms.
type Doors interface {
	// Allows tells whether a server may take part in a room that is known here.
	Allows(ctx context.Context, server matrix.ServerName, roomID string) (bool, error)
}

// Handler takes EDUs. It is safe for concurrent use.
type Handler struct {
	Encryption Encryption
	Lists      Lists    // nil: none are kept
	Receipts   Receipts // nil: receipts are passed over
	Typing     Typing   // nil: who is typing is passed over
	Rooms      Rooms
	Doors      Doors // nil: all are let in
}

// What is wrong with an EDU, beside what e2ee says of those for devices.
var (
	ErrContent = errors.New("the EDU is not of the form that the specification gives it")
	ErrOrigin  = errors.New("the EDU speaks of users of another server, or who are not in the room")
	ErrDenied  = errors.New("the room's server ACLs do not allow the server")
)

// The types of EDU that e2ee has no name for.
const (
	typeTyping  = "m.typing"
	typeReceipt = "m.receipt"
)

// HandleEDU takes an EDU of a server, which has signed it. A type that is not known is passed
// over, and m.presence is one of these. Errors: those of this package, of e2ee's Receive…, and
// of the stream.
func (h *Handler) HandleEDU(ctx context.Context, origin matrix.ServerName, typ string, content jsontext.Value) error {
	switch {
	case typ == e2ee.EDUDirectToDevice:
		return h.Encryption.ReceiveToDevice(ctx, origin, content)
	case typ == e2ee.EDUDeviceListUpdate, typ == e2ee.EDUSigningKeyUpdate:
		return h.listUpdate(ctx, origin, content)
	case typ == typeTyping && h.Typing != nil:
		return h.typing(ctx, origin, content)
	case typ == typeReceipt && h.Receipts != nil:
		return h.receipts(ctx, origin, content)
	}
	return nil
}

// listUpdate tells clients after the lists: then they ask. Of what the lists know clients know
// too, or are about to ask.
func (h *Handler) listUpdate(ctx context.Context, origin matrix.ServerName, content jsontext.Value) error {
	if h.Lists != nil {
		if news, err := h.Lists.Update(ctx, origin, content); err != nil || !news {
			return err
		}
	}
	return h.Encryption.ReceiveListUpdate(ctx, origin, content)
}

// typingLife is how long somebody elsewhere is typing whose server does not say so again: it
// has to before.
const typingLife = time.Minute

func (h *Handler) typing(ctx context.Context, origin matrix.ServerName, content jsontext.Value) error {
	var said struct {
		Room   matrix.RoomID `json:"room_id"`
		User   matrix.UserID `json:"user_id"`
		Typing bool          `json:"typing"`
	}
	if json.Unmarshal(content, &said) != nil {
		return ErrContent
	}
	if err := h.admit(ctx, origin, said.Room, said.User); err != nil {
		return ignoring(err)
	}
	if said.Typing {
		return h.Typing.Start(ctx, said.Room, said.User, typingLife)
	}
	return h.Typing.Stop(ctx, said.Room, said.User)
}

// admit lets a server speak of a user in a room. Errors: ErrOrigin, ErrDenied, and
// room.ErrUnknownRoom, where there is nobody to tell.
func (h *Handler) admit(ctx context.Context, origin matrix.ServerName, in matrix.RoomID, user matrix.UserID) error {
	parsed, err := matrix.ParseUserID(user.String())
	if err != nil {
		return ErrContent
	}
	if parsed.Server() != origin {
		return ErrOrigin
	}
	joined, err := h.Rooms.IsJoined(ctx, in.String(), user)
	if err != nil {
		return err
	}
	if !joined {
		return ErrOrigin
	}
	return h.enter(ctx, origin, in)
}

func (h *Handler) enter(ctx context.Context, origin matrix.ServerName, in matrix.RoomID) error {
	if h.Doors == nil {
		return nil
	}
	allowed, err := h.Doors.Allows(ctx, origin, in.String())
	if err == nil && !allowed {
		err = ErrDenied
	}
	return err
}

// ignoring is the error of an EDU about a room or an event that is not here, which is none.
func ignoring(err error) error {
	if errors.Is(err, room.ErrUnknownRoom) || errors.Is(err, room.ErrUnknownEvent) {
		return nil
	}
	return err
}
