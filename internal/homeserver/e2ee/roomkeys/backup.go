package roomkeys

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Backups are the backups of all users. They are safe for concurrent use.
type Backups struct {
	DB *store.DB
	// Active tells whether a user has an account that has not ended, as q sees it; nil: all
	// have.
	Active func(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error)
}

// Backup is a version of a user's backup. What the algorithm and its data say is between
// the user's clients.
type Backup struct {
	Version   string
	Algorithm string
	AuthData  jsontext.Value // an object
	State     State
}

// State tells clients whether another has changed the keys.
type State struct {
	ETag  string
	Count int64 // of keys
}

const (
	maxBackups  = 100 // versions of a user
	maxAuthData = 16 << 10
)

// What is wrong with a request for backups.
var (
	ErrNoBackup       = errors.New("there is no such backup")
	ErrNoKey          = errors.New("there is no such key in the backup")
	ErrTooManyBackups = errors.New("there are too many backups; delete an old one")
	ErrAlgorithm      = errors.New("the algorithm of a backup cannot be changed")
	ErrData           = errors.New("the data of a backup is not of the form that the specification gives it, or too large")
	ErrFull           = errors.New("the backup has no room for more keys")
	ErrTooMany        = errors.New("the request has too many keys")
	ErrEnded          = errors.New("the account has ended")
	ErrID             = errors.New("not the id of a room or session")
)

// WrongVersionError says that keys were for a version that is not the current one.
type WrongVersionError struct{ Current string }

func (WrongVersionError) Error() string { return "the version is not that of the current backup" }

// Create begins a new version, which is the current one from then on, and returns
// its number. The error is ErrData, ErrTooManyBackups or ErrEnded.
func (b *Backups) Create(ctx context.Context, user matrix.UserID, algorithm string, authData jsontext.Value) (version string, err error) {
	if !matrix.ValidID(algorithm) || !validObject(authData, maxAuthData) {
		return "", ErrData
	}
	var number int64
	err = b.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := b.admit(ctx, tx, user); err != nil {
			return err
		}
		n, err := countBackups(ctx, tx, user)
		if err != nil {
			return err
		}
		if n >= maxBackups {
			return ErrTooManyBackups
		}
		if number, err = nextNumber(ctx, tx, user); err != nil {
			return err
		}
		return insertBackup(ctx, tx, user, number, algorithm, authData)
	})
	if err != nil {
		return "", fmt.Errorf("creating a backup: %w", err)
	}
	return strconv.FormatInt(number, 10), nil
}

// admit lets a user who has an account have a backup.
func (b *Backups) admit(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if b.Active == nil {
		return nil
	}
	active, err := b.Active(ctx, tx, user)
	if err == nil && !active {
		err = ErrEnded
	}
	return err
}

func validObject(raw jsontext.Value, most int) bool { return len(raw) <= most && raw.Kind() == '{' }

// Current is the one that was made last. The error is ErrNoBackup.
func (b *Backups) Current(ctx context.Context, user matrix.UserID) (Backup, error) {
	number, err := selectCurrent(ctx, b.DB, user)
	if err != nil {
		return Backup{}, fmt.Errorf("finding the current backup: %w", err)
	}
	return b.read(ctx, user, number)
}

// Get is one by its version. The error is ErrNoBackup.
func (b *Backups) Get(ctx context.Context, user matrix.UserID, version string) (Backup, error) {
	number, err := parseVersion(version)
	if err != nil {
		return Backup{}, err
	}
	return b.read(ctx, user, number)
}

func (b *Backups) read(ctx context.Context, user matrix.UserID, number int64) (Backup, error) {
	row, err := selectBackup(ctx, b.DB, user, number)
	if err != nil {
		return Backup{}, fmt.Errorf("reading a backup: %w", err)
	}
	return Backup{
		Version: strconv.FormatInt(number, 10), Algorithm: row.algorithm, AuthData: row.authData, State: row.state(),
	}, nil
}

// parseVersion reads a version as it was given out: one that is written otherwise is
// nobody's.
func parseVersion(version string) (int64, error) {
	number, err := strconv.ParseInt(version, 10, 64)
	if err != nil || number < 1 || strconv.FormatInt(number, 10) != version {
		return 0, ErrNoBackup
	}
	return number, nil
}

// Update replaces the data of a backup. The error is ErrNoBackup, ErrData, or
// ErrAlgorithm.
func (b *Backups) Update(ctx context.Context, user matrix.UserID, version, algorithm string, authData jsontext.Value) error {
	if !validObject(authData, maxAuthData) {
		return ErrData
	}
	number, err := parseVersion(version)
	if err != nil {
		return err
	}
	err = b.DB.Tx(ctx, func(tx *store.Tx) error {
		row, err := selectBackup(ctx, tx, user, number)
		if err != nil {
			return err
		}
		if row.algorithm != algorithm {
			return ErrAlgorithm
		}
		return updateAuthData(ctx, tx, user, number, authData)
	})
	if err != nil {
		return fmt.Errorf("updating a backup: %w", err)
	}
	return nil
}

// Delete erases a version with its keys. One that was deleted before is no error;
// one that never was is ErrNoBackup.
func (b *Backups) Delete(ctx context.Context, user matrix.UserID, version string) error {
	number, err := parseVersion(version)
	if err != nil {
		return err
	}
	err = b.DB.Tx(ctx, func(tx *store.Tx) error {
		last, err := selectLast(ctx, tx, user)
		if err != nil {
			return err
		}
		if number > last {
			return ErrNoBackup
		}
		return markDeleted(ctx, tx, user, number)
	})
	if err != nil {
		return fmt.Errorf("deleting a backup: %w", err)
	}
	return b.purge(ctx, user, number)
}

// purge deletes the keys of a version that is marked as deleted, a part at a time,
// and then the version.
func (b *Backups) purge(ctx context.Context, user matrix.UserID, number int64) error {
	for more := true; more; {
		var err error
		if more, err = purgeKeys(ctx, b.DB, user, number, sweptAtOnce); err != nil {
			return fmt.Errorf("erasing the keys of a backup: %w", err)
		}
	}
	if err := purgeRow(ctx, b.DB, user, number); err != nil {
		return fmt.Errorf("erasing a backup: %w", err)
	}
	return nil
}

// Leave deletes all backups of a user in the transaction that deactivates the account, as
// account's Leaver; Sweep erases their keys. The last number stays.
func (*Backups) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, _ bool) error {
	if err := markAllDeleted(ctx, tx, user); err != nil {
		return fmt.Errorf("deleting backups: %w", err)
	}
	return nil
}

// sweptAtOnce is how many rows are deleted before somebody else may write.
const sweptAtOnce = 1000

// Sweep finishes what a crash has interrupted: it erases what is marked as deleted.
func (b *Backups) Sweep(ctx context.Context) error {
	deleted, err := selectDeleted(ctx, b.DB)
	if err != nil {
		return fmt.Errorf("finding deleted backups: %w", err)
	}
	for _, d := range deleted {
		if err := b.purge(ctx, d.user, d.number); err != nil {
			return err
		}
	}
	return nil
}
