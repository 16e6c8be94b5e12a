package clientapi

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var (
	errOtherThread = errors.New("the event is not in that thread")
	errUnthreaded  = errors.New("m.fully_read is for no thread")
)

// fullyRead is the kind of the marker that is no receipt.
const fullyRead receipt.Kind = "m.fully_read"

// mark is a user's wish to have read a room up to an event.
type mark struct {
	user   matrix.UserID
	room   *room.Room
	event  room.Seen
	kind   receipt.Kind
	thread string
}

type receiptRequest struct {
	ThreadID jsontext.Value `json:"thread_id"`
}

// POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}
func (a *API) sendReceipt(c echo.Context, by account.Device) error {
	kind, err := mxhttp.Segment(c, "receiptType")
	if err != nil {
		return err
	}
	id, err := mxhttp.Segment(c, "eventId")
	if err != nil {
		return err
	}
	var r receiptRequest
	if err := decodeOptional(c, &r); err != nil { // older clients send no body
		return err
	}
	in, err := a.joinedRoom(c, by)
	if err != nil {
		return err
	}
	m, err := a.markOf(c, mark{user: by.User, room: in, kind: receipt.Kind(kind)}, id)
	if err != nil {
		return err
	}
	if err := a.inThread(c, &m, r.ThreadID); err != nil {
		return err
	}
	return answer(c, empty{}, a.put(c, m))
}

// joinedRoom is the room in the path, which the caller has joined.
func (a *API) joinedRoom(c echo.Context, by account.Device) (*room.Room, error) {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return nil, err
	}
	return a.Rooms.Joined(by.User, id)
}

// markOf is a mark at an event, which its user must be able to see.
func (a *API) markOf(c echo.Context, m mark, eventID string) (mark, error) {
	if m.kind != receipt.Read && m.kind != receipt.Private && m.kind != fullyRead {
		return m, receipt.ErrKind
	}
	var err error
	m.event, err = a.Rooms.Event(c.Request().Context(), m.user, m.room.ID(), eventID)
	return m, err
}

// inThread puts a mark into the thread that a client names, if it names one. A thread's
// root and what relates to it, which are in the main timeline, may be read in its thread
// too: a receipt is refused whose event "is not related to the thread_id".
func (a *API) inThread(c echo.Context, m *mark, named jsontext.Value) error {
	if named == nil {
		return nil
	}
	thread, isText := event.Value(named).Text()
	switch {
	case m.kind == fullyRead:
		return errUnthreaded
	case !isText || thread == "":
		return receipt.ErrThread
	}
	m.thread = thread
	root, err := a.Rooms.Thread(c.Request().Context(), m.room, m.event.Stored)
	if err != nil {
		return err
	}
	if root == thread || thread == m.event.ID() || thread == receipt.Main && root == "" {
		return nil
	}
	related := false
	if root == "" {
		related, err = a.Rooms.Relates(c.Request().Context(), m.room, m.event.Stored, thread)
	}
	if err == nil && !related {
		err = errOtherThread
	}
	return err
}

// put sets a mark.
func (a *API) put(c echo.Context, m mark) error {
	ctx, in := c.Request().Context(), matrix.RoomID(m.room.ID())
	if m.kind == fullyRead {
		return a.Data.SetFullyRead(ctx, userdata.Place{User: m.user, Room: in}, m.event.ID())
	}
	return a.Receipts.Set(ctx, receipt.Receipt{Room: in, User: m.user, Kind: m.kind, Thread: m.thread, EventID: m.event.ID(), EventPos: m.event.Pos})
}

type readMarkersRequest struct {
	FullyRead string `json:"m.fully_read"`
	Read      string `json:"m.read"`
	Private   string `json:"m.read.private"`
}

// POST /_matrix/client/v3/rooms/{roomId}/read_markers
func (a *API) setReadMarkers(c echo.Context, by account.Device) error {
	var r readMarkersRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	in, err := a.joinedRoom(c, by)
	if err != nil {
		return err
	}
	var marks []mark
	for kind, id := range map[receipt.Kind]string{fullyRead: r.FullyRead, receipt.Read: r.Read, receipt.Private: r.Private} {
		if id == "" {
			continue
		}
		m, err := a.markOf(c, mark{user: by.User, room: in, kind: kind}, id)
		if err != nil {
			return err
		}
		marks = append(marks, m)
	}
	for _, m := range marks {
		if err := a.put(c, m); err != nil {
			return err
		}
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
