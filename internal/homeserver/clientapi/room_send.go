package clientapi

import (
	"bytes"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type eventIDAnswer struct {
	EventID string `json:"event_id"`
}

// PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}
func (a *API) sendMessage(c echo.Context, device account.Device) error {
	s, err := sending(c, device)
	if err != nil {
		return err
	}
	if s.Transaction, err = transaction(c, device); err != nil {
		return err
	}
	id, err := a.Rooms.Send(c.Request().Context(), s)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, eventIDAnswer{id})
}

// PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}
func (a *API) putState(c echo.Context, device account.Device) error {
	s, err := sending(c, device)
	if err != nil {
		return err
	}
	key, err := stateKey(c)
	if err != nil {
		return err
	}
	s.StateKey = &key
	s.BeforeInvite = func() error { return a.step(c, byInvite, device.User, 1) }
	id, err := a.Rooms.Send(c.Request().Context(), s)
	if err == nil && s.Type == tombstoneType && key == "" {
		err = a.replaced(c.Request().Context(), s.Room)
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, eventIDAnswer{id})
}

// stateKey is the last path segment, which may be left out with its slash or without.
func stateKey(c echo.Context) (string, error) {
	if c.Param("stateKey") == "" {
		return "", nil
	}
	return mxhttp.Segment(c, "stateKey")
}

func sending(c echo.Context, device account.Device) (s room.Sending, err error) {
	s.Sender = device.User
	if s.Room, err = mxhttp.Segment(c, "roomId"); err != nil {
		return s, err
	}
	if s.Type, err = mxhttp.Segment(c, "eventType"); err != nil {
		return s, err
	}
	s.Content, err = content(c)
	return s, err
}

// maxTransaction is how many octets a client may name its request by, as in other ids: it is
// kept with the event.
const maxTransaction = 255

// transaction is what the client names its request by, which goes through untouched.
func transaction(c echo.Context, device account.Device) (room.Transaction, error) {
	id, err := mxhttp.Segment(c, "txnId")
	if len(id) > maxTransaction {
		return room.Transaction{}, invalidParam("a transaction id has at most 255 octets")
	}
	return room.Transaction{Device: string(device.ID), ID: id}, err
}

// content is a body that is an event's content: a JSON object that is passed on as it is.
// That its inside is JSON, whoever builds the event sees.
func content(c echo.Context) ([]byte, error) {
	body, err := mxhttp.Body(c)
	if err != nil {
		return nil, err
	}
	switch trimmed := bytes.TrimLeft(body, " \t\r\n"); {
	case bytes.HasPrefix(trimmed, []byte("{")):
		return body, nil
	case jsontext.Value(trimmed).IsValid():
		return nil, mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.BadJSON, Message: "the request body must be a JSON object"}
	}
	return nil, mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.NotJSON, Message: "the request body is not valid JSON"}
}

// PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}
func (a *API) redact(c echo.Context, device account.Device) error {
	red := room.Redaction{Sender: device.User}
	var err error
	if red.Room, err = mxhttp.Segment(c, "roomId"); err != nil {
		return err
	}
	if red.EventID, err = mxhttp.Segment(c, "eventId"); err != nil {
		return err
	}
	if red.Transaction, err = transaction(c, device); err != nil {
		return err
	}
	var r membershipRequest
	if err := decodeIfAny(c, &r); err != nil {
		return err
	}
	red.Reason = r.Reason
	id, err := a.Rooms.Redact(c.Request().Context(), red)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, eventIDAnswer{id})
}
