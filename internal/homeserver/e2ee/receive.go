package e2ee

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// What is wrong with what another server sends or asks for.
var (
	ErrEDU    = errors.New("the EDU is not of the form that the specification gives it")
	ErrOrigin = errors.New("the EDU speaks of users of another server")
	ErrNoUser = errors.New("there is no such user")
)

// maxMessageID is how many code points the id of an m.direct_to_device may have.
const maxMessageID = 32

// ReceiveToDevice delivers the content of an m.direct_to_device, once, to devices of this
// server. The error is ErrEDU, ErrOrigin, or one of Send.
func (e *Encryption) ReceiveToDevice(ctx context.Context, origin matrix.ServerName, content []byte) error {
	var edu directToDevice
	if err := json.Unmarshal(content, &edu); err != nil || !matrix.ValidID(edu.Type) || !matrix.ValidID(edu.MessageID) || len([]rune(edu.MessageID)) > maxMessageID {
		return ErrEDU
	}
	if err := from(origin, edu.Sender); err != nil {
		return err
	}
	if err := edu.Messages.check(); err != nil {
		return err
	}
	here, err := e.heard(ctx, edu)
	if err != nil {
		return err
	}
	return e.deliver(ctx, here, message{sender: edu.Sender, kind: edu.Type}, transaction{
		sender: Device{User: edu.Sender}, kind: edu.Type, id: edu.MessageID,
	})
}

// heard are the messages of an m.direct_to_device that reach users of this server.
func (e *Encryption) heard(ctx context.Context, edu directToDevice) (Messages, error) {
	here := Messages{}
	for user, devices := range edu.Messages {
		if !e.local(user) {
			continue
		}
		if e.Hears != nil {
			if hears, err := e.Hears(ctx, user, edu.Sender); err != nil {
				return nil, fmt.Errorf("finding out who hears a message: %w", err)
			} else if !hears {
				continue
			}
		}
		here[user] = devices
	}
	return here, nil
}

// ReceiveListUpdate takes the content of an m.device_list_update or m.signing_key_update:
// who shares a room with the user is told to ask again. Keys are not taken from it: the
// user's server is asked for them each time, so that none of them is out of date. The
// error is ErrEDU or ErrOrigin.
func (e *Encryption) ReceiveListUpdate(ctx context.Context, origin matrix.ServerName, content []byte) error {
	var edu struct {
		User matrix.UserID `json:"user_id"`
	}
	if err := json.Unmarshal(content, &edu); err != nil {
		return ErrEDU
	}
	if err := from(origin, edu.User); err != nil {
		return err
	}
	told, err := e.toldOf(ctx, edu.User, true)
	if err != nil || len(told.users) == 1 { // nobody here follows that user
		return err
	}
	return e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		return e.list(ctx, tx, pos, edu.User, told, nil)
	})
}

// from checks that a server speaks of a user of its own.
func from(origin matrix.ServerName, user matrix.UserID) error {
	parsed, err := matrix.ParseUserID(user.String())
	switch {
	case err != nil || !matrix.ValidID(user.String()):
		return ErrEDU
	case parsed.Server() != origin:
		return ErrOrigin
	}
	return nil
}

// DeviceList is all devices of a user, as other servers keep them.
type DeviceList struct {
	User        matrix.UserID
	Stream      stream.Pos // of the last change; updates that come later name it
	Devices     []ListedDevice
	Master      jsontext.Value // nil where there is none
	SelfSigning jsontext.Value
}

// ListedDevice is a device that has keys.
type ListedDevice struct {
	ID          DeviceID
	DisplayName string
	Keys        jsontext.Value
}

// DevicesOf answers another server that asks for the devices of a user of this one
// (server-server API, /user/devices). The error is ErrNoUser.
func (e *Encryption) DevicesOf(ctx context.Context, user matrix.UserID) (DeviceList, error) {
	// What changes after this is told again, by an update that follows it.
	pos, err := selectListed(ctx, e.DB, "", user)
	if err != nil {
		return DeviceList{}, fmt.Errorf("reading a list of devices: %w", err)
	}
	keys, err := e.QueryHere(ctx, Query{user: {}})
	if err != nil {
		return DeviceList{}, err
	}
	devices, found := keys.Devices[user]
	if !found {
		return DeviceList{}, ErrNoUser
	}
	names, err := e.displayNames(ctx, e.DB, user)
	if err != nil {
		return DeviceList{}, err
	}
	list := DeviceList{User: user, Stream: pos, Master: keys.Master[user], SelfSigning: keys.SelfSigning[user]}
	for _, id := range slices.Sorted(maps.Keys(devices)) {
		list.Devices = append(list.Devices, ListedDevice{ID: id, DisplayName: names[id], Keys: devices[id]})
	}
	return list, nil
}
