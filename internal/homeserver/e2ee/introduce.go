package e2ee

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// A user who comes into a room is introduced to the servers there that did not follow the
// user's devices yet (server-server API, "Device Management"). That they are to be is written
// down with the join, and it is forgotten with the queueing: neither gets lost by a crash, and
// nobody who joins waits for it.

const (
	// maxIntroduced is how many devices of a user a server is told of. One that has not the
	// whole list asks for it at the first: it knows nothing of the update before.
	maxIntroduced = 20
	// introducedAtOnce is how many servers are told before somebody else may write: the stream
	// waits for a row of each device for each of them.
	introducedAtOnce = 25
	// everyMinute is how often newcomers are looked for of whom nobody has told.
	everyMinute = time.Minute
)

// Came writes down, in the transaction of the join, that a user of this server has come into
// a room in which other servers are. It waits for nothing, and may run again.
func (e *Encryption) Came(ctx context.Context, tx *store.Tx, pos stream.Pos, user matrix.UserID, room matrix.RoomID) error {
	if err := putNewcomer(ctx, tx, pos, user, room); err != nil {
		return fmt.Errorf("writing down a newcomer: %w", err)
	}
	// It arrives when the join is visible. Where the stream takes nothing in, the next look finds it.
	_, _ = e.came.Add(struct{}{}, 1)
	return nil
}

// bell is the Publisher of newcomers.
type bell struct{ *Encryption }

func (b bell) Publish([]stream.Placed[struct{}], func(matrix.UserID)) {
	select {
	case b.ring <- struct{}{}:
	default:
	}
}

// Run introduces newcomers until ctx ends. What fails goes to report, and is tried again.
func (e *Encryption) Run(ctx context.Context, report func(error)) error {
	next := time.NewTicker(everyMinute)
	defer next.Stop()
	for {
		if err := e.Introduce(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.ring:
		case <-next.C:
		}
	}
}

// Introduce introduces all newcomers. The error is of all that failed, which is tried again
// the next time.
func (e *Encryption) Introduce(ctx context.Context) error {
	newcomers, err := selectNewcomers(ctx, e.DB)
	if err != nil {
		return fmt.Errorf("reading newcomers: %w", err)
	}
	var errs []error
	for _, user := range newcomers {
		if err := e.introduce(ctx, user); err != nil {
			errs = append(errs, fmt.Errorf("introducing %s: %w", user, err))
		}
	}
	return errors.Join(errs...)
}

func (e *Encryption) introduce(ctx context.Context, user matrix.UserID) error {
	joined := e.Rooms.JoinedRooms(user) // first: what was joined by then and is new has its row
	into, err := selectArrivals(ctx, e.DB, user)
	if err != nil {
		return fmt.Errorf("reading the rooms of a newcomer: %w", err)
	}
	servers, err := e.strangers(ctx, joined, into)
	if err != nil {
		return err
	}
	for len(servers) > introducedAtOnce {
		if err := e.queueDevices(ctx, user, servers[:introducedAtOnce], nil); err != nil {
			return err
		}
		servers = servers[introducedAtOnce:]
	}
	return e.queueDevices(ctx, user, servers, into)
}

// strangers are the other servers in the rooms that a user has come into and in none that the
// user was in.
func (e *Encryption) strangers(ctx context.Context, joined []string, into arrivals) ([]matrix.ServerName, error) {
	var before []string
	met := map[matrix.ServerName]bool{}
	for _, room := range joined {
		if _, isNew := into[matrix.RoomID(room)]; !isNew {
			before = append(before, room)
			continue
		}
		if err := e.eachServer(ctx, room, func(server matrix.ServerName) { met[server] = true }); err != nil {
			return nil, err
		}
	}
	for _, room := range before {
		if len(met) == 0 {
			break
		}
		if err := e.eachServer(ctx, room, func(server matrix.ServerName) { delete(met, server) }); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(met)), nil
}

func (e *Encryption) eachServer(ctx context.Context, room string, do func(matrix.ServerName)) error {
	servers, err := e.Rooms.OtherServers(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the servers of a room: %w", err)
	}
	for _, server := range servers {
		do(server)
	}
	return nil
}

// queueDevices tells servers of a user's devices, and forgets that it was to be done.
func (e *Encryption) queueDevices(ctx context.Context, user matrix.UserID, servers []matrix.ServerName, done arrivals) error {
	return e.commit(ctx, nil, func(tx *store.Tx, _ stream.Pos) error {
		if len(servers) > 0 {
			updates, err := e.introductions(ctx, tx, user)
			if err != nil {
				return err
			}
			for _, u := range updates {
				if err := e.queue(ctx, tx, servers, EDUDeviceListUpdate, u); err != nil {
					return err
				}
			}
		}
		if err := deleteArrivals(ctx, tx, user, done); err != nil {
			return fmt.Errorf("forgetting a newcomer: %w", err)
		}
		return nil
	})
}

// introductions are updates that say of devices what they are, those with keys first. Nothing
// has changed by them: they stand where the list stands and follow on it. So a server that has
// the list asks nothing, one that has not asks for all of it, and both are in step with the
// update that comes next.
func (e *Encryption) introductions(ctx context.Context, tx *store.Tx, user matrix.UserID) ([]deviceListUpdate, error) {
	pos, err := selectListed(ctx, tx, "", user)
	if err != nil {
		return nil, fmt.Errorf("reading a list of devices: %w", err)
	}
	names, err := e.displayNames(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	keys, err := signedDevices(ctx, tx, user)
	if err != nil {
		return nil, fmt.Errorf("reading device keys: %w", err)
	}
	var updates []deviceListUpdate
	for _, id := range keyedFirst(names, keys)[:min(len(names), maxIntroduced)] {
		updates = append(updates, deviceListUpdate{
			User: user, Device: id, DisplayName: names[id], Stream: int64(pos), Previous: []int64{int64(pos)}, Keys: keys[id],
		})
	}
	return updates, nil
}

// signedDevices are the keys of a user's devices as other servers see them.
func signedDevices(ctx context.Context, tx *store.Tx, user matrix.UserID) (map[DeviceID]jsontext.Value, error) {
	devices, err := selectDevices(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	signatures, err := selectSignatures(ctx, tx, user, "")
	if err != nil {
		return nil, err
	}
	signed := make(map[DeviceID]jsontext.Value, len(devices))
	for id, device := range devices {
		device.Signatures = signatures[string(id)]
		signed[id] = device.JSON()
	}
	return signed, nil
}

func keyedFirst(names map[DeviceID]string, keys map[DeviceID]jsontext.Value) []DeviceID {
	bare := func(id DeviceID) int {
		if keys[id] == nil {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b DeviceID) int {
		return cmp.Or(bare(a)-bare(b), cmp.Compare(a, b))
	})
}
