package e2ee

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// DeviceID names a device among those of its user.
type DeviceID string

// Device is a device of a user.
type Device struct {
	User matrix.UserID
	ID   DeviceID
}

// KnownDevice is a device as its user's account has it.
type KnownDevice struct {
	ID          DeviceID
	DisplayName string
}

// Directory knows the devices of this server's users, whether they have keys or not.
type Directory interface {
	// Devices are the user's, as q sees them; none of a user who is not there.
	Devices(ctx context.Context, q store.Queryer, user matrix.UserID) ([]KnownDevice, error)
}

// Rooms knows who is joined to the same rooms as whom.
type Rooms interface {
	// Sharing are the others with whom the user shares a room now.
	Sharing(ctx context.Context, user matrix.UserID) ([]matrix.UserID, error)
	// Moved are the others with whom the user came to share a room, or shared one no
	// longer, after since and up to to. Those may be among them who share another room.
	Moved(ctx context.Context, user matrix.UserID, since, to stream.Pos) (met, parted []matrix.UserID, err error)
	// Servers are the other servers in the user's rooms.
	Servers(ctx context.Context, user matrix.UserID) ([]matrix.ServerName, error)
	// JoinedRooms are the ids of the rooms that a user of this server is in.
	JoinedRooms(user matrix.UserID) []string
	// OtherServers are the other servers in a room.
	OtherServers(ctx context.Context, room string) ([]matrix.ServerName, error)
}

// Options is what encryption stands on.
type Options struct {
	DB         *store.DB
	Stream     *stream.Committer // which must not run yet
	ServerName matrix.ServerName
	Now        func() time.Time
	Devices    Directory
	Rooms      Rooms    // nil: nobody shares a room
	Remote     Remote   // nil: no other server is reached
	Outgoing   Outgoing // nil: nothing is sent to other servers
	// Active tells whether a user has an account that has not ended, as q sees it; nil: all
	// have.
	Active func(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error)
	// Hears tells whether messages of another server's user reach the devices of one of this; nil:
	// they do.
	Hears func(ctx context.Context, user, sender matrix.UserID) (bool, error)
	// CrossSigned, if set, is told of new cross-signing keys of a user in the transaction that
	// stores them, which an error undoes. It may be called again.
	CrossSigned func(ctx context.Context, tx *store.Tx, user matrix.UserID) error
}

// Encryption is the server's side of end-to-end encryption. It is safe for concurrent use.
type Encryption struct {
	Options
	listed     atomic.Int64 // no list of devices has changed after it
	reconciled atomic.Bool  // nothing is left of devices that the accounts do not have

	came *stream.Lane[struct{}]
	ring chan struct{} // has a token when Run has to look again
}

// New opens it in a database that has been migrated, and its lane in the stream.
func New(ctx context.Context, o Options) (*Encryption, error) {
	if o.Rooms == nil {
		o.Rooms = noRooms{}
	}
	e := &Encryption{Options: o, ring: make(chan struct{}, 1)}
	e.came = stream.NewPassingLane(o.Stream, bell{e})
	last, err := selectLastListed(ctx, o.DB)
	if err != nil {
		return nil, fmt.Errorf("opening encryption: %w", err)
	}
	e.listed.Store(int64(last))
	return e, nil
}

// What the verbs of this package refuse; signedkey says what is wrong with a key.
var (
	ErrTooMany      = errors.New("the request names too many keys, users or devices")
	ErrTooManyKeys  = errors.New("the device has too many one-time keys that nobody has claimed")
	ErrKeyConflict  = errors.New("another key of that name was uploaded before")
	ErrKeyIDInUse   = errors.New("a device and a cross-signing key may not have the same name")
	ErrNoDevice     = errors.New("the device has been logged out")
	ErrNoDeviceKeys = errors.New("one-time keys need the keys of their device, which are not there")
	ErrNoMaster     = errors.New("there is no master signing key")
	ErrNoKey        = errors.New("there is no such key")
	ErrOtherKey     = errors.New("the key is not the one that was uploaded")
	ErrNotSignable  = errors.New("only devices and keys of one's own can be signed, and the master keys of others")
	ErrID           = errors.New("not a valid id")
	ErrContent      = errors.New("the content is not an object, or is too large")
)

// commit stores by write in the order of the stream, and wakes users.
func (e *Encryption) commit(ctx context.Context, users []matrix.UserID, write func(tx *store.Tx, pos stream.Pos) error) error {
	_, err := e.Stream.Commit(ctx, users, write)
	return err
}

// errUnchanged is why an operation that would change nothing is not stored.
var errUnchanged = errors.New("nothing changes")

// unlessUnchanged is the error of an operation that may have had nothing to do.
func unlessUnchanged(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// local tells whether the user is one of this server's.
func (e *Encryption) local(user matrix.UserID) bool { return user.Server() == e.ServerName }

// admit lets a transaction write what a user keeps beside devices. The error is ErrNoDevice.
func (e *Encryption) admit(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if e.Active == nil {
		return nil
	}
	active, err := e.Active(ctx, tx, user)
	if err != nil {
		return fmt.Errorf("looking for an account: %w", err)
	}
	if !active {
		return stream.Refuse(ErrNoDevice)
	}
	return nil
}

// hasDevice tells whether the accounts know the device, as tx sees them.
func (e *Encryption) hasDevice(ctx context.Context, tx *store.Tx, d Device) (bool, error) {
	known, err := e.Devices.Devices(ctx, tx, d.User)
	if err != nil {
		return false, fmt.Errorf("reading a user's devices: %w", err)
	}
	for _, k := range known {
		if k.ID == d.ID {
			return true, nil
		}
	}
	return false, nil
}

// noRooms is the Rooms of a server that has none.
type noRooms struct{}

func (noRooms) Sharing(context.Context, matrix.UserID) ([]matrix.UserID, error) { return nil, nil }
func (noRooms) Moved(context.Context, matrix.UserID, stream.Pos, stream.Pos) (met, parted []matrix.UserID, err error) {
	return nil, nil, nil
}
func (noRooms) Servers(context.Context, matrix.UserID) ([]matrix.ServerName, error) { return nil, nil }
func (noRooms) JoinedRooms(matrix.UserID) []string                                  { return nil }
func (noRooms) OtherServers(context.Context, string) ([]matrix.ServerName, error)   { return nil, nil }
