package e2ee

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// The types of EDU (server-server API, "Device Management", "End-to-End Encryption",
// "Send-to-device messaging").
const (
	EDUDirectToDevice   = "m.direct_to_device"
	EDUDeviceListUpdate = "m.device_list_update"
	EDUSigningKeyUpdate = "m.signing_key_update"
)

// EDU is a message from server to server.
type EDU struct {
	Type    string
	Content jsontext.Value
}

// Outgoing takes what is for other servers.
type Outgoing interface {
	// Queue stores an EDU in the transaction of what it tells, to be sent to each of the
	// servers in the order in which it was queued. It sends nothing yet, and may run again.
	Queue(ctx context.Context, tx *store.Tx, to []matrix.ServerName, edu EDU) error
}

// deviceListUpdate is the content of an m.device_list_update.
type deviceListUpdate struct {
	User        matrix.UserID  `json:"user_id"`
	Device      DeviceID       `json:"device_id"`
	DisplayName string         `json:"device_display_name,omitempty"`
	Stream      int64          `json:"stream_id"`
	Previous    []int64        `json:"prev_id,omitempty"`
	Deleted     bool           `json:"deleted,omitzero"`
	Keys        jsontext.Value `json:"keys,omitempty"`
}

// queueUpdate tells servers of a device. One update follows another, so each names the
// one before it.
func (e *Encryption) queueUpdate(ctx context.Context, tx *store.Tx, pos, before stream.Pos, u update, servers []matrix.ServerName) error {
	if len(servers) == 0 {
		return nil
	}
	names, err := e.displayNames(ctx, tx, u.User)
	if err != nil {
		return err
	}
	content := deviceListUpdate{
		User: u.User, Device: u.ID, DisplayName: names[u.ID], Stream: int64(pos), Deleted: u.deleted, Keys: u.keys,
	}
	if before > 0 {
		content.Previous = []int64{int64(before)}
	}
	return e.queue(ctx, tx, servers, EDUDeviceListUpdate, content)
}

// signingKeyUpdate is the content of an m.signing_key_update.
type signingKeyUpdate struct {
	User        matrix.UserID  `json:"user_id"`
	Master      jsontext.Value `json:"master_key,omitempty"`
	SelfSigning jsontext.Value `json:"self_signing_key,omitempty"`
}

func (e *Encryption) queueSigningKeys(ctx context.Context, tx *store.Tx, user matrix.UserID, keys []signedkey.CrossSigning, servers []matrix.ServerName) error {
	content := signingKeyUpdate{User: user}
	for _, key := range keys {
		switch key.Usage {
		case signedkey.Master:
			content.Master = key.JSON()
		case signedkey.SelfSigning:
			content.SelfSigning = key.JSON()
		}
	}
	return e.queue(ctx, tx, servers, EDUSigningKeyUpdate, content)
}

// queue sends one content to all of the servers.
func (e *Encryption) queue(ctx context.Context, tx *store.Tx, servers []matrix.ServerName, kind string, content any) error {
	if e.Outgoing == nil || len(servers) == 0 {
		return nil
	}
	text, err := json.Marshal(content, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("writing an EDU: %w", err)
	}
	if err := e.Outgoing.Queue(ctx, tx, servers, EDU{Type: kind, Content: text}); err != nil {
		return fmt.Errorf("queueing an EDU: %w", err)
	}
	return nil
}
