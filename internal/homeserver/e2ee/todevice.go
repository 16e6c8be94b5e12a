package e2ee

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// AllDevices stands for all devices of a user.
const AllDevices DeviceID = "*"

// Messages are contents of messages, JSON objects, by the device that they are for.
type Messages map[matrix.UserID]map[DeviceID]jsontext.Value

// Sending is messages of one type that a device sends at once.
type Sending struct {
	Sender   Device
	Type     string
	TxnID    string
	Messages Messages
	// Afford, if set, is asked before they are stored or queued whether the sender may have
	// so many octets kept for others, one copy for each device. Its error is that of Send. It
	// may be asked again.
	Afford func(octets int) error
}

const (
	// maxMessages is how many devices one request may send to.
	maxMessages = 2000
	// maxDelivered is how many octets it may have kept for devices here, as those that are
	// named in one request could have: a message for all devices of a user may be for very
	// many.
	maxDelivered = 2 << 20
	// maxContent is how many octets the content of a message may have, as of an event.
	maxContent = 64 << 10
	// transactionLife is how long a transaction is remembered.
	transactionLife = 24 * time.Hour
)

// Send delivers messages to devices of this server, and queues those for other servers.
// The same transaction of the same device again does nothing. A device that is not there
// gets nothing. The error is ErrID, ErrContent or ErrTooMany.
func (e *Encryption) Send(ctx context.Context, s Sending) error {
	if !matrix.ValidID(s.Type) || !matrix.ValidID(s.TxnID) {
		return ErrID
	}
	if err := s.Messages.check(); err != nil {
		return err
	}
	return e.deliver(ctx, s.Messages, message{sender: s.Sender.User, kind: s.Type}, transaction{
		sender: s.Sender, kind: s.Type, id: s.TxnID, afford: s.Afford,
	})
}

func (m Messages) check() error {
	if !validUsers(m) {
		return ErrID
	}
	n := 0
	for _, devices := range m {
		if n += len(devices); n > maxMessages {
			return ErrTooMany
		}
		for id, content := range devices {
			if !matrix.ValidID(string(id)) {
				return ErrID
			}
			if len(content) > maxContent || content.Kind() != '{' {
				return ErrContent
			}
		}
	}
	return nil
}

// transaction is by what a repeated request is known. The device is empty for another
// server.
type transaction struct {
	sender Device
	kind   string
	id     string
	afford func(octets int) error // nil: whatever it is
}

// message is what the messages that are sent at once have in common.
type message struct {
	sender matrix.UserID
	kind   string
}

// parcel is a message to one device.
type parcel struct {
	to      Device
	content jsontext.Value
}

// deliver stores a message for each device, with its content from all, once for the
// transaction.
func (e *Encryption) deliver(ctx context.Context, all Messages, m message, t transaction) error {
	var users []matrix.UserID
	elsewhere := map[matrix.ServerName]Messages{}
	for _, user := range slices.Sorted(maps.Keys(all)) {
		if e.local(user) {
			users = append(users, user)
			continue
		}
		if elsewhere[user.Server()] == nil {
			elsewhere[user.Server()] = Messages{}
		}
		elsewhere[user.Server()][user] = all[user]
	}
	err := e.commit(ctx, users, func(tx *store.Tx, pos stream.Pos) error {
		parcels, err := e.parcels(ctx, tx, users, all)
		if err != nil {
			return err
		}
		if t.afford != nil {
			if err := t.afford(octetsOf(parcels, elsewhere)); err != nil {
				return stream.Refuse(err)
			}
		}
		isNew, err := insertTransaction(ctx, tx, t, e.Now())
		if err != nil {
			return fmt.Errorf("recording a transaction: %w", err)
		}
		if !isNew {
			return stream.Refuse(errUnchanged)
		}
		if err := insertMessages(ctx, tx, pos, m, parcels); err != nil {
			return fmt.Errorf("storing messages to devices: %w", err)
		}
		return e.queueMessages(ctx, tx, pos, m, elsewhere)
	})
	return unlessUnchanged(err)
}

// parcels are the messages to those devices that are there. One that names its device is
// meant before one for all. ErrTooMany is marked for the stream.
func (e *Encryption) parcels(ctx context.Context, tx *store.Tx, users []matrix.UserID, all Messages) (parcels []parcel, err error) {
	octets := 0
	for _, user := range users {
		known, err := e.Devices.Devices(ctx, tx, user)
		if err != nil {
			return nil, fmt.Errorf("reading a user's devices: %w", err)
		}
		for _, k := range known {
			content, named := all[user][k.ID]
			if !named {
				content = all[user][AllDevices]
			}
			if content != nil {
				parcels = append(parcels, parcel{Device{user, k.ID}, content})
				octets += len(content)
			}
			if len(parcels) > maxMessages || octets > maxDelivered {
				return nil, stream.Refuse(ErrTooMany)
			}
		}
	}
	return parcels, nil
}

// octetsOf is how much is kept: of messages for other servers, all that was sent.
func octetsOf(parcels []parcel, elsewhere map[matrix.ServerName]Messages) (n int) {
	for _, p := range parcels {
		n += len(p.content)
	}
	for _, messages := range elsewhere {
		for _, devices := range messages {
			for _, content := range devices {
				n += len(content)
			}
		}
	}
	return n
}

// directToDevice is the content of an m.direct_to_device.
type directToDevice struct {
	Sender    matrix.UserID `json:"sender"`
	Type      string        `json:"type"`
	MessageID string        `json:"message_id"`
	Messages  Messages      `json:"messages"`
}

func (e *Encryption) queueMessages(ctx context.Context, tx *store.Tx, pos stream.Pos, m message, all map[matrix.ServerName]Messages) error {
	for _, server := range slices.Sorted(maps.Keys(all)) {
		content := directToDevice{Sender: m.sender, Type: m.kind, MessageID: strconv.FormatInt(int64(pos), 10), Messages: all[server]}
		if err := e.queue(ctx, tx, []matrix.ServerName{server}, EDUDirectToDevice, content); err != nil {
			return err
		}
	}
	return nil
}
