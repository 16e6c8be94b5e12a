package keycheck

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/matrix"
	"signet/keys/value"
)

// Directory is the key directory, as keydirectory.Directory is.
type Directory interface {
	// Lookup is what stands there now for a label, proven. The error is a keydirectory.Alarm of
	// a proof that fails, and one of fedclient where the directory does not answer.
	Lookup(ctx context.Context, label string) (keydirectory.Found, error)
}

// ErrAway is the error of a directory that does not answer, or refuses to, or erases just now
// what is asked for; and of one that has named nothing yet by which it could be believed.
var ErrAway = errors.New("the key directory cannot be asked now")

const (
	// fresh is how long a look-up is kept after the log was sealed that it shows: a client that
	// verifies it believes an hour.
	fresh = 55 * time.Minute
	// most is how many look-ups are kept; one has some 10 KiB.
	most = 1000
)

// Checks keeps what was looked up. It is safe for concurrent use.
type Checks struct {
	directory Directory
	now       func() time.Time

	mu   sync.Mutex // guards what follows
	kept map[matrix.UserID]keydirectory.Found
	// forgotten counts the calls of Forget, so that what was asked before is not kept after.
	forgotten int
}

// New makes Checks of a directory.
func New(d Directory, now func() time.Time) *Checks {
	return &Checks{directory: d, now: now, kept: map[matrix.UserID]keydirectory.Found{}}
}

// Lookup is what the directory has proven of a user less than an hour ago. Errors: ErrAway,
// *keydirectory.Alarm, keydirectory.ErrLabel, ErrNotInForce and ErrNoDirectory.
func (c *Checks) Lookup(ctx context.Context, user matrix.UserID) (keydirectory.Found, error) {
	if f, there := c.AtHand(user); there {
		return f, nil
	}
	before := c.times()
	f, err := c.directory.Lookup(ctx, "mxid:"+user.String())
	if _, alarm := errors.AsType[*keydirectory.Alarm](err); alarm {
		c.Forget()
	}
	if err != nil {
		return keydirectory.Found{}, away(err)
	}
	c.keep(user, f, before)
	return f, nil
}

// away marks the error of a directory that was asked in vain.
func away(err error) error {
	_, refused := errors.AsType[fedclient.Refusal](err)
	for _, theirs := range []error{keydirectory.ErrErasing, keydirectory.ErrBusy, keydirectory.ErrRoot, fedclient.ErrUnreachable, fedclient.ErrBadAnswer, fedclient.ErrTooLarge, context.DeadlineExceeded} {
		refused = refused || errors.Is(err, theirs)
	}
	if refused && !errors.Is(err, keydirectory.ErrNoDirectory) {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// AtHand is what was looked up of a user and is fresh.
func (c *Checks) AtHand(user matrix.UserID) (keydirectory.Found, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, there := c.kept[user]
	return f, there && c.isFresh(f)
}

func (c *Checks) isFresh(f keydirectory.Found) bool { return c.now().Before(f.Sealed.Add(fresh)) }

// Forget forgets all look-ups: the directory has shown something that does not hold.
func (c *Checks) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.kept)
	c.forgotten++
}

func (c *Checks) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forgotten
}

// keep keeps a look-up, unless all were forgotten since it was asked for. Where there is no room
// those go first that are fresh no more, and then any.
func (c *Checks) keep(user matrix.UserID, f keydirectory.Found, asked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgotten != asked {
		return
	}
	if len(c.kept) >= most {
		for other, kept := range c.kept {
			if !c.isFresh(kept) {
				delete(c.kept, other)
			}
		}
	}
	for other := range c.kept {
		if len(c.kept) < most {
			break
		}
		delete(c.kept, other)
	}
	c.kept[user] = f
}

// State is how what stands in the directory compares with what a server shows.
type State string

// The states of a user's keys.
const (
	Same      State = "same"
	Different State = "different"
	None      State = "none"    // nothing stands there, or no more
	Revoked   State = "revoked" // without new keys
)

// Shown is the cross-signing keys of a user as their server shows them, in unpadded base64; empty
// ones are not shown, as the user-signing key is to its owner alone.
type Shown struct{ Master, SelfSigning, UserSigning string }

// Compare holds what stands in the directory against what is shown.
func Compare(f keydirectory.Found, s Shown) State {
	keys, is := f.Value.(*value.User)
	switch {
	case !f.Present || !is:
		return None
	case keys.Revoked != "":
		return Revoked
	case s.Master == "" || !shows(keys, value.Master, s.Master) || !shows(keys, value.SelfSigning, s.SelfSigning):
		return Different
	case s.UserSigning != "" && !shows(keys, value.UserSigning, s.UserSigning):
		return Different
	}
	return Same
}

func shows(keys *value.User, id value.KeyID, shown string) bool {
	return matrix.EncodeBase64(keys.Keys[id]) == shown
}
