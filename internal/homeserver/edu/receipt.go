package edu

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/receipt"
	"signet/internal/matrix"
)

// maxReceipts is how many receipts one EDU is read for.
const maxReceipts = 1000

// read is what an m.receipt says of a user. The newest event is the last one of EventIDs,
// which has one in practice.
type read struct {
	EventIDs []string `json:"event_ids"`
	Data     struct {
		Thread string `json:"thread_id"`
	} `json:"data"`
}

// receipts takes the receipts that can be taken; the first error is that of the rest.
func (h *Handler) receipts(ctx context.Context, origin matrix.ServerName, content jsontext.Value) (failed error) {
	var rooms map[matrix.RoomID]map[receipt.Kind]map[matrix.UserID]read
	if json.Unmarshal(content, &rooms) != nil {
		return ErrContent
	}
	left := maxReceipts
	for in, kinds := range rooms {
		for user, said := range kinds[receipt.Read] {
			if left--; left < 0 {
				return ErrContent
			}
			err := h.receipt(ctx, origin, receipt.Receipt{Room: in, User: user, Kind: receipt.Read, Thread: said.Data.Thread}, said.EventIDs)
			if err = ignoring(err); err != nil && failed == nil {
				failed = err
			}
		}
	}
	return failed
}

func (h *Handler) receipt(ctx context.Context, origin matrix.ServerName, r receipt.Receipt, ids []string) (err error) {
	if len(ids) == 0 {
		return ErrContent
	}
	if err := h.admit(ctx, origin, r.Room, r.User); err != nil {
		return err
	}
	r.EventID = ids[len(ids)-1]
	if r.EventPos, err = h.Rooms.PosOf(ctx, r.Room.String(), r.EventID); err != nil {
		return err
	}
	if r.Thread != "" && r.Thread != receipt.Main { // one is kept for each: there are no more than events
		if _, err := h.Rooms.PosOf(ctx, r.Room.String(), r.Thread); err != nil {
			return err
		}
	}
	return h.Receipts.Set(ctx, r)
}
