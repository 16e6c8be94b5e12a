package e2ee

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Query is the devices whose keys are asked for; none of a user stands for all.
type Query map[matrix.UserID][]DeviceID

// Keys are public keys, signed, as they go to clients.
type Keys struct {
	Devices     map[matrix.UserID]map[DeviceID]jsontext.Value
	Master      map[matrix.UserID]jsontext.Value
	SelfSigning map[matrix.UserID]jsontext.Value
	UserSigning map[matrix.UserID]jsontext.Value // of who asks, at most
}

func newKeys() Keys {
	return Keys{
		Devices:     map[matrix.UserID]map[DeviceID]jsontext.Value{},
		Master:      map[matrix.UserID]jsontext.Value{},
		SelfSigning: map[matrix.UserID]jsontext.Value{},
		UserSigning: map[matrix.UserID]jsontext.Value{},
	}
}

// takeOver adds what another answer says of a user. Nobody but its owner has a
// user-signing key.
func (k Keys) takeOver(user matrix.UserID, from Keys) {
	if devices, there := from.Devices[user]; there {
		k.Devices[user] = devices
	}
	if key, there := from.Master[user]; there {
		k.Master[user] = key
	}
	if key, there := from.SelfSigning[user]; there {
		k.SelfSigning[user] = key
	}
}

// maxQueried is how many users may be asked for at once.
const maxQueried = 5000

// Query reads the keys of users with the signatures that the viewer may see: those that
// the owners of the keys have made themselves, and the viewer's own (client-server API,
// "Key and signature security"). Users and devices that are not there are missing from
// the answer; failures are the servers that could not be asked, or have not answered
// within wait. The error is ErrTooMany or ErrID.
func (e *Encryption) Query(ctx context.Context, viewer matrix.UserID, query Query, wait time.Duration) (Keys, Failures, error) {
	if len(query) > maxQueried {
		return Keys{}, nil, ErrTooMany
	}
	if !validUsers(query) {
		return Keys{}, nil, ErrID
	}
	here, elsewhere := Query{}, map[matrix.ServerName]Query{}
	for user, devices := range query {
		if e.local(user) {
			here[user] = devices
			continue
		}
		if elsewhere[user.Server()] == nil {
			elsewhere[user.Server()] = Query{}
		}
		elsewhere[user.Server()][user] = devices
	}
	keys, err := e.queryHere(ctx, viewer, here)
	if err != nil {
		return Keys{}, nil, err
	}
	failures := e.queryElsewhere(ctx, wait, elsewhere, keys)
	for _, query := range elsewhere {
		if err := e.addOwnSignatures(ctx, viewer, query, keys); err != nil {
			return Keys{}, nil, err
		}
	}
	return keys, failures, nil
}

// QueryHere is Query for another server, which sees no more than what owners have signed
// themselves. Users of other servers are missing from the answer.
func (e *Encryption) QueryHere(ctx context.Context, query Query) (Keys, error) {
	if len(query) > maxQueried {
		return Keys{}, ErrTooMany
	}
	return e.queryHere(ctx, "", query)
}

func (e *Encryption) queryHere(ctx context.Context, viewer matrix.UserID, query Query) (Keys, error) {
	keys := newKeys()
	for user, only := range query {
		if !e.local(user) || !matrix.ValidID(user.String()) {
			continue
		}
		if err := e.addKeys(ctx, e.DB, viewer, user, only, keys); err != nil {
			return Keys{}, fmt.Errorf("reading a user's keys: %w", err)
		}
	}
	return keys, nil
}

// addKeys adds the keys of one user, who is there if the accounts know a device, or if
// there is a cross-signing key: those outlive devices.
func (e *Encryption) addKeys(ctx context.Context, q store.Queryer, viewer, user matrix.UserID, only []DeviceID, keys Keys) error {
	names, err := e.displayNames(ctx, q, user)
	if err != nil {
		return err
	}
	cross, err := selectCrossSigning(ctx, q, user)
	if err != nil || len(names)+len(cross) == 0 {
		return err
	}
	devices, err := selectDevices(ctx, q, user)
	if err != nil {
		return err
	}
	signatures, err := selectSignatures(ctx, q, user, viewer)
	if err != nil {
		return err
	}
	wanted := map[DeviceID]bool{}
	for _, id := range only {
		wanted[id] = true
	}
	keys.Devices[user] = map[DeviceID]jsontext.Value{}
	for id, device := range devices {
		if _, known := names[id]; known && (len(only) == 0 || wanted[id]) {
			device.Signatures = signatures[string(id)]
			keys.Devices[user][id] = device.Named(names[id])
		}
	}
	for _, key := range cross {
		key.Signatures = signatures[key.Name]
		keys.addCrossSigning(viewer, user, key)
	}
	return nil
}

func (k Keys) addCrossSigning(viewer, user matrix.UserID, key signedkey.CrossSigning) {
	switch {
	case key.Usage == signedkey.Master:
		k.Master[user] = key.JSON()
	case key.Usage == signedkey.SelfSigning:
		k.SelfSigning[user] = key.JSON()
	case viewer == user:
		k.UserSigning[user] = key.JSON()
	}
}

// displayNames are the names of the devices that a user's account has.
func (e *Encryption) displayNames(ctx context.Context, q store.Queryer, user matrix.UserID) (map[DeviceID]string, error) {
	known, err := e.Devices.Devices(ctx, q, user)
	if err != nil {
		return nil, fmt.Errorf("reading a user's devices: %w", err)
	}
	names := make(map[DeviceID]string, len(known))
	for _, k := range known {
		names[k.ID] = k.DisplayName
	}
	return names, nil
}

// addOwnSignatures adds to the master keys of users elsewhere what the viewer has signed
// of them. A key of a form that nobody could have signed stays as it is.
func (e *Encryption) addOwnSignatures(ctx context.Context, viewer matrix.UserID, query Query, keys Keys) error {
	for user := range query {
		master, err := signedkey.ParseCrossSigning(keys.Master[user], user, signedkey.Master)
		if err != nil {
			continue
		}
		signatures, err := selectSignatures(ctx, e.DB, user, viewer)
		if err != nil {
			return fmt.Errorf("reading signatures: %w", err)
		}
		for by, text := range signatures[master.Name][viewer] {
			master.Signatures.Add(viewer, by, text)
		}
		keys.Master[user] = master.JSON()
	}
	return nil
}
