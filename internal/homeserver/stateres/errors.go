package stateres

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTooLarge says that the auth chains hold more events than the limit, or
	// more links between them than so many events may have.
	ErrTooLarge = errors.New("the auth chains are too large to resolve")
	// ErrCycle says that an event is in its own auth chain. It takes a room version
	// whose event IDs are names and not hashes.
	ErrCycle = errors.New("the auth events run in a circle")
	// ErrForeignEvent says that the auth chains lead into another room.
	ErrForeignEvent = errors.New("the auth chains lead into another room")
)

// MissingEvents is the error of a resolution whose source lacks events. It names
// all that the walk came upon, in order; what they cite may be missing too.
type MissingEvents struct{ IDs []string }

func (m MissingEvents) Error() string {
	const named = 5
	if more := len(m.IDs) - named; more > 0 {
		return fmt.Sprintf("events are missing: %s and %d more", strings.Join(m.IDs[:named], ", "), more)
	}
	return "events are missing: " + strings.Join(m.IDs, ", ")
}
