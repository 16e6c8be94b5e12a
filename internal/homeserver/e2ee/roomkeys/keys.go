package roomkeys

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Key is the key of a session in a backup.
type Key struct {
	FirstMessageIndex int64
	ForwardedCount    int64
	IsVerified        bool
	SessionData       jsontext.Value // an object, encrypted
}

const (
	maxSessionData = 16 << 10
	// maxPut is how many keys may be stored at once.
	maxPut = 1000
	// maxKeys is how many keys a version may have, and maxOctets how many octets the data of
	// the keys of all versions of a user.
	maxKeys   = 100_000
	maxOctets = 256 << 20
)

// ParseKey reads a key as clients send it. The error is ErrData.
func ParseKey(raw []byte) (Key, error) {
	var key struct {
		FirstMessageIndex *int64         `json:"first_message_index"`
		ForwardedCount    *int64         `json:"forwarded_count"`
		IsVerified        *bool          `json:"is_verified"`
		SessionData       jsontext.Value `json:"session_data"`
	}
	if err := json.Unmarshal(raw, &key); err != nil || key.FirstMessageIndex == nil || key.ForwardedCount == nil || key.IsVerified == nil {
		return Key{}, ErrData
	}
	if *key.FirstMessageIndex < 0 || *key.ForwardedCount < 0 || !validObject(key.SessionData, maxSessionData) {
		return Key{}, ErrData
	}
	return Key{*key.FirstMessageIndex, *key.ForwardedCount, *key.IsVerified, key.SessionData}, nil
}

// replaces tells whether a key is to stand in the place of one that is there: one that is
// verified before one that is not, then one that opens more messages, then one that went
// through fewer hands.
func (k Key) replaces(old Key) bool {
	switch {
	case k.IsVerified != old.IsVerified:
		return k.IsVerified
	case k.FirstMessageIndex != old.FirstMessageIndex:
		return k.FirstMessageIndex < old.FirstMessageIndex
	}
	return k.ForwardedCount < old.ForwardedCount
}

// Keys are keys by room and session.
type Keys map[matrix.RoomID]map[string]Key

func (k Keys) check() error {
	n := 0
	for room, sessions := range k {
		if _, err := matrix.ParseRoomID(room.String()); err != nil || !matrix.ValidID(room.String()) {
			return ErrID
		}
		if n += len(sessions); n > maxPut {
			return ErrTooMany
		}
		for session := range sessions {
			if !matrix.ValidID(session) {
				return ErrID
			}
		}
	}
	return nil
}

// Put stores keys in the current backup, where none that is better is there
// already. The error is ErrNoBackup, a WrongVersionError, ErrID, ErrTooMany or
// ErrFull.
func (b *Backups) Put(ctx context.Context, user matrix.UserID, version string, keys Keys) (State, error) {
	if err := keys.check(); err != nil {
		return State{}, err
	}
	var after backupRow
	err := b.DB.Tx(ctx, func(tx *store.Tx) error {
		number, err := currentIs(ctx, tx, user, version)
		if err != nil {
			return err
		}
		if after, err = selectBackup(ctx, tx, user, number); err != nil {
			return err
		}
		now, changed, err := putKeys(ctx, tx, user, number, keys)
		if err != nil || !changed {
			return err
		}
		after.etag, after.keys, after.octets = after.etag+1, after.keys+now.keys, after.octets+now.octets
		if err := updateState(ctx, tx, user, number, after); err != nil {
			return err
		}
		return room(ctx, tx, user, after, now)
	})
	if err != nil {
		return State{}, fmt.Errorf("storing keys in a backup: %w", err)
	}
	return after.state(), nil
}

// room tells whether there is room for what a backup has become. The error is ErrFull, which
// undoes it.
func room(ctx context.Context, tx *store.Tx, user matrix.UserID, after backupRow, more grown) error {
	all, err := sumOctets(ctx, tx, user)
	if err == nil && (after.keys > maxKeys || more.octets > 0 && all > maxOctets) {
		err = ErrFull
	}
	return err
}

// currentIs is the number of the current backup, if version is it.
func currentIs(ctx context.Context, tx *store.Tx, user matrix.UserID, version string) (int64, error) {
	number, err := selectCurrent(ctx, tx, user)
	if err != nil {
		return 0, err
	}
	if current := strconv.FormatInt(number, 10); current != version {
		return 0, WrongVersionError{Current: current}
	}
	return number, nil
}

// grown is how much more a backup has.
type grown struct{ keys, octets int64 }

func putKeys(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64, keys Keys) (now grown, changed bool, err error) {
	for room, sessions := range keys {
		for session, key := range sessions {
			at := keyPlace{user, number, room, session}
			old, octets, found, err := selectKey(ctx, tx, at)
			if err != nil {
				return grown{}, false, err
			}
			if found && !key.replaces(old) {
				continue
			}
			if err := putKey(ctx, tx, at, key); err != nil {
				return grown{}, false, err
			}
			changed = true
			now.octets += int64(len(key.SessionData)) - octets
			if !found {
				now.keys++
			}
		}
	}
	return now, changed, nil
}

// Selection is which keys of a backup are meant: all, those of a room, or one.
type Selection struct {
	Room    matrix.RoomID
	Session string
}

// PlacedKey is a key with where it stands in a backup.
type PlacedKey struct {
	Room    matrix.RoomID
	Session string
	Key
}

// keysAtOnce is how many keys are in memory at a time. A backup may have more than fit.
const keysAtOnce = 100

// Each calls each for the keys that are selected, room by room: all that are there from
// the beginning to the end, in the state in which they are met. There may be none; for a
// session that is ErrNoKey. Without the version the error is ErrNoBackup, and otherwise
// that of each, which ends the walk.
func (b *Backups) Each(ctx context.Context, user matrix.UserID, version string, s Selection, each func(PlacedKey) error) error {
	number, err := parseVersion(version)
	if err != nil {
		return err
	}
	if _, err := selectBackup(ctx, b.DB, user, number); err != nil {
		return fmt.Errorf("reading a backup: %w", err)
	}
	for after := (PlacedKey{}); ; {
		keys, err := selectKeys(ctx, b.DB, keyPlace{user, number, after.Room, after.Session}, s, keysAtOnce)
		switch {
		case err != nil:
			return fmt.Errorf("reading keys of a backup: %w", err)
		case s.Session != "" && len(keys) == 0:
			return ErrNoKey
		}
		for _, key := range keys {
			if err := each(key); err != nil {
				return err
			}
		}
		if len(keys) < keysAtOnce {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

// DeleteKeys erases the keys that are selected. The error is ErrNoBackup.
func (b *Backups) DeleteKeys(ctx context.Context, user matrix.UserID, version string, s Selection) (State, error) {
	number, err := parseVersion(version)
	if err != nil {
		return State{}, err
	}
	var after backupRow
	err = b.DB.Tx(ctx, func(tx *store.Tx) error {
		if after, err = selectBackup(ctx, tx, user, number); err != nil {
			return err
		}
		n, octets, err := deleteKeys(ctx, tx, user, number, s)
		if err != nil || n == 0 {
			return err
		}
		after.etag, after.keys, after.octets = after.etag+1, after.keys-n, after.octets-octets
		return updateState(ctx, tx, user, number, after)
	})
	if err != nil {
		return State{}, fmt.Errorf("deleting keys of a backup: %w", err)
	}
	return after.state(), nil
}
