package invite

import (
	"errors"
	"fmt"

	"signet/internal/matrix"
)

// What may be wrong with a call.
var (
	// ErrMedium says that this server sends nothing to addresses of that kind.
	ErrMedium = errors.New("this server takes no invitations for this kind of address")
	// ErrDestination says that a text message may not go to the number.
	ErrDestination = errors.New("invitations cannot be sent to this number")
	// ErrToken says that no living invitation has the token, or not with that key.
	ErrToken = errors.New("the token is not known, or the key is not that of its invitation")
	// ErrKey is the error of text that is no private key.
	ErrKey = errors.New("a private key is 32 octets in base64")
	// ErrNone says that the sender has no such invitation.
	ErrNone = errors.New("there is no such invitation")
	// ErrOver says that an invitation was accepted or has ended, so nothing can be changed.
	ErrOver = errors.New("the invitation is over")
	// ErrOften says that an invitation was sent as often as one may be.
	ErrOften = fmt.Errorf("an invitation is sent %d times at most", maxMessages)
	// ErrNoLink is the error of a link that is none of ours.
	ErrNoLink = errors.New("the link is not known")
)

// InUse is the error of an invitation for an address that is bound: it carries the user
// who can be invited instead.
type InUse struct{ User matrix.UserID }

func (InUse) Error() string { return "the address is bound to a Matrix user" }
