package e2ee

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Lists are the users whose devices and keys a client has to ask for again, and those
// whom it need not follow any more (client-server API, "Tracking the device list for a
// user").
type Lists struct {
	Changed []matrix.UserID
	Left    []matrix.UserID
}

// ListsBetween is what changed for a user after since and up to to. It may name users
// whose lists changed a little later, and never leaves out one.
func (e *Encryption) ListsBetween(ctx context.Context, user matrix.UserID, since, to stream.Pos) (Lists, error) {
	met, parted, err := e.Rooms.Moved(ctx, user, since, to)
	if err != nil {
		return Lists{}, fmt.Errorf("reading whom a user met: %w", err)
	}
	listed, own, err := e.listedSince(ctx, user, since)
	if err != nil {
		return Lists{}, fmt.Errorf("reading changed lists of devices: %w", err)
	}
	if len(met)+len(parted)+len(listed)+len(own) == 0 {
		return Lists{}, nil
	}
	sharing, err := e.Rooms.Sharing(ctx, user)
	if err != nil {
		return Lists{}, fmt.Errorf("reading who shares a room: %w", err)
	}
	return listsOf(user, sharing, append(met, listed...), parted, own), nil
}

// listedSince are the users whose lists changed for everybody, and those for the user
// alone. Where nothing has changed at all the database is not asked.
func (e *Encryption) listedSince(ctx context.Context, user matrix.UserID, since stream.Pos) (all, own []matrix.UserID, err error) {
	if since >= stream.Pos(e.listed.Load()) {
		return nil, nil, nil
	}
	if all, err = selectListedSince(ctx, e.DB, "", since); err != nil {
		return nil, nil, err
	}
	own, err = selectListedSince(ctx, e.DB, user, since)
	return all, own, err
}

// listsOf is the rule: whoever shares a room, and the user's own other devices, are told
// of changes; whoever shares none any more has left.
func listsOf(user matrix.UserID, sharing, changed, parted, own []matrix.UserID) Lists {
	shares := map[matrix.UserID]bool{user: true}
	for _, u := range sharing {
		shares[u] = true
	}
	for _, u := range changed {
		if shares[u] {
			own = append(own, u)
		}
	}
	left := slices.DeleteFunc(slices.Clone(parted), func(u matrix.UserID) bool { return shares[u] })
	return Lists{Changed: sorted(own), Left: sorted(left)}
}

// sorted has each user once.
func sorted(users []matrix.UserID) []matrix.UserID {
	slices.Sort(users)
	return slices.Compact(users)
}

// told is who is told of an operation.
type told struct {
	users   []matrix.UserID
	servers []matrix.ServerName
}

// toldOf is the user alone, or with listed also everybody who follows the user's devices.
func (e *Encryption) toldOf(ctx context.Context, user matrix.UserID, listed bool) (told, error) {
	t := told{users: []matrix.UserID{user}}
	if !listed {
		return t, nil
	}
	sharing, err := e.Rooms.Sharing(ctx, user)
	if err != nil {
		return told{}, fmt.Errorf("reading who shares a room: %w", err)
	}
	for _, u := range sharing {
		if e.local(u) {
			t.users = append(t.users, u)
		}
	}
	if e.Outgoing == nil || !e.local(user) {
		return t, nil
	}
	if t.servers, err = e.Rooms.Servers(ctx, user); err != nil {
		return told{}, fmt.Errorf("reading a user's servers: %w", err)
	}
	return t, nil
}

// update is what other servers are told of a device.
type update struct {
	Device
	keys    jsontext.Value
	deleted bool
}

func updateOf(d Device, keys signedkey.Device) *update { return &update{Device: d, keys: keys.JSON()} }

// list records that a user's list of devices changed at pos, and tells other servers what
// became of a device, unless u is nil.
func (e *Encryption) list(ctx context.Context, tx *store.Tx, pos stream.Pos, user matrix.UserID, t told, u *update) error {
	before, err := e.listFor(ctx, tx, pos, "", user)
	if err != nil || u == nil {
		return err
	}
	return e.queueUpdate(ctx, tx, pos, before, *u, t.servers)
}

// listFor records it for one viewer, or for all with an empty one, and returns when it
// changed before. That it raises listed too early, if the transaction fails, does no harm.
func (e *Encryption) listFor(ctx context.Context, tx *store.Tx, pos stream.Pos, viewer, user matrix.UserID) (before stream.Pos, err error) {
	for last := e.listed.Load(); last < int64(pos) && !e.listed.CompareAndSwap(last, int64(pos)); last = e.listed.Load() {
	}
	if before, err = selectListed(ctx, tx, viewer, user); err != nil {
		return 0, fmt.Errorf("reading a list of devices: %w", err)
	}
	if err := putListed(ctx, tx, viewer, user, pos); err != nil {
		return 0, fmt.Errorf("listing a change of devices: %w", err)
	}
	return before, nil
}

// DeviceRenamed tells of a device whose display name has changed in the accounts.
func (e *Encryption) DeviceRenamed(ctx context.Context, d Device) error {
	t, err := e.toldOf(ctx, d.User, true)
	if err != nil {
		return err
	}
	err = e.commit(ctx, t.users, func(tx *store.Tx, pos stream.Pos) error {
		keys, found, err := selectDevice(ctx, tx, d)
		switch {
		case err != nil:
			return fmt.Errorf("reading device keys: %w", err)
		case !found:
			return stream.Refuse(errUnchanged)
		}
		u, err := signedUpdate(ctx, tx, d, keys)
		if err != nil {
			return err
		}
		return e.list(ctx, tx, pos, d.User, t, u)
	})
	return unlessUnchanged(err)
}

// signedUpdate is a device with its stored signatures.
func signedUpdate(ctx context.Context, tx *store.Tx, d Device, keys signedkey.Device) (*update, error) {
	signatures, err := selectSignatures(ctx, tx, d.User, "")
	if err != nil {
		return nil, fmt.Errorf("reading signatures: %w", err)
	}
	keys.Signatures = signatures[string(d.ID)]
	return updateOf(d, keys), nil
}
