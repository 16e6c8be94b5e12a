package caller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Errors of the block-list.
var (
	// ErrBlocked says that the homeserver that answers for a call is turned away.
	ErrBlocked = errors.New("this homeserver is blocked here")
	// ErrNotBlocked says that there is no block to lift.
	ErrNotBlocked = errors.New("this name is not blocked, at least not itself")
	// ErrPublicSuffix says that a block would cover strangers of each other.
	ErrPublicSuffix = errors.New("anybody can have a name below this one; block the names below it")
	// ErrReason says that a reason cannot be published.
	ErrReason = errors.New("a reason is 1 to 500 characters of printable text")
	// ErrBlockEnds says that a block would have ended already.
	ErrBlockEnds = errors.New("a block must end in the future")
)

const maxReason = 500

// Block is a homeserver that is turned away: its signatures, and the tokens and
// OpenID tokens of its users. It counts for its host on every port, as in server
// ACLs, and for every name below a domain: its holder chooses both for nothing, and
// they would be a way around. An IP address stands for itself.
type Block struct {
	Server  matrix.ServerName // without a port
	Reason  string            // published
	Created time.Time
	Until   time.Time // zero: no end
}

// Entities are the names that a block covers, as the globs of a policy list.
func (b Block) Entities() []string {
	name := b.Server.String()
	if _, literal := b.Server.IP(); literal {
		return []string{name}
	}
	return []string{name, "*." + name}
}

// Block turns a homeserver away from now on, on all replicas, until the moment, or
// for good where it is zero. A block that is there already is replaced. Errors:
// ErrReason, ErrBlockEnds, ErrPublicSuffix.
func (g *Gate) Block(ctx context.Context, server matrix.ServerName, reason string, until time.Time) (Block, error) {
	now := g.Now()
	if !validReason(reason) {
		return Block{}, ErrReason
	}
	if !until.IsZero() && !until.After(now) {
		return Block{}, ErrBlockEnds
	}
	if server.IsPublicSuffix() {
		return Block{}, ErrPublicSuffix
	}
	b := Block{Server: server.WithoutPort(), Reason: reason, Created: now, Until: until}
	err := g.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := upsertBlock(ctx, tx, b); err != nil {
			return err
		}
		return g.tell(ctx, tx, BlockChange{Block: b, At: now})
	})
	if err != nil {
		return Block{}, fmt.Errorf("blocking a homeserver: %w", err)
	}
	return b, nil
}

// BlockChange is a block that began, was replaced or, Lifted, was ended before its time.
// One that ends by itself changes nothing: when it does was said.
type BlockChange struct {
	Block  // of one that was lifted the name alone
	Lifted bool
	At     time.Time
}

// Told is told of a change in its own transaction, which an error of it undoes. It may be
// told of one again that was not committed.
type Told func(ctx context.Context, tx *store.Tx, c BlockChange) error

func (g *Gate) tell(ctx context.Context, tx *store.Tx, c BlockChange) error {
	for _, told := range g.Told {
		if err := told(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

func validReason(s string) bool {
	n := utf8.RuneCountInString(s)
	return strings.TrimSpace(s) != "" && n <= maxReason && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Unblock ends the block of a homeserver. The error is ErrNotBlocked, also where a
// block of a name above covers it.
func (g *Gate) Unblock(ctx context.Context, server matrix.ServerName) error {
	host, now := server.WithoutPort(), g.Now()
	err := g.DB.Tx(ctx, func(tx *store.Tx) error {
		known, err := deleteBlock(ctx, tx, host, now)
		if err != nil {
			return err
		}
		if !known {
			return ErrNotBlocked
		}
		return g.tell(ctx, tx, BlockChange{Block: Block{Server: host}, Lifted: true, At: now})
	})
	if err != nil && !errors.Is(err, ErrNotBlocked) {
		return fmt.Errorf("unblocking a homeserver: %w", err)
	}
	return err
}

// Blocks lists the blocks that have not ended, by name.
func (g *Gate) Blocks(ctx context.Context) ([]Block, error) {
	blocks, err := selectBlocks(ctx, g.DB, g.Now())
	if err != nil {
		return nil, fmt.Errorf("listing blocked homeservers: %w", err)
	}
	return blocks, nil
}

// BlockOf returns the block that covers a homeserver, if one does: of several, that of the
// shortest name.
func (g *Gate) BlockOf(ctx context.Context, server matrix.ServerName) (b Block, blocked bool, err error) {
	b, blocked, err = selectBlockOf(ctx, g.DB, covering(server.WithoutPort()), g.Now())
	if err != nil {
		return Block{}, false, fmt.Errorf("reading the block-list: %w", err)
	}
	return b, blocked, nil
}

// refuseBlocked is ErrBlocked for a homeserver that is turned away. It reads the
// database each time, so that a block holds at once on every replica.
func (g *Gate) refuseBlocked(ctx context.Context, server matrix.ServerName) error {
	blocked, err := selectBlocked(ctx, g.DB, covering(server.WithoutPort()), g.Now())
	if err != nil {
		return fmt.Errorf("reading the block-list: %w", err)
	}
	if blocked {
		return ErrBlocked
	}
	return nil
}

// covering are the names whose block covers a host: its own and, of a domain, the
// domains above it.
func covering(host matrix.ServerName) []matrix.ServerName {
	names := []matrix.ServerName{host}
	if _, literal := host.IP(); literal {
		return names
	}
	_, rest, found := strings.Cut(host.String(), ".")
	for ; found; _, rest, found = strings.Cut(rest, ".") {
		above := matrix.ServerName(rest)
		if _, literal := above.IP(); !literal {
			names = append(names, above)
		}
	}
	return names
}
