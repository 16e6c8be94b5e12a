package notice

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/lookup/notice/words"
)

// kinds are the changes that owners are told of.
var kinds = map[lookup.Kind]words.Kind{
	lookup.Bound:   words.Bound,
	lookup.Rebound: words.Rebound,
	lookup.Unbound: words.Unbound,
	lookup.Expired: words.Expired,
}

// maxOthers is how many other addresses of a user are told: enough to reach somebody, and not
// a flood that one change sets off.
const maxOthers = 3

// Told puts the notices of a change into its transaction.
func (n *Notices) Told(ctx context.Context, tx *store.Tx, c lookup.Change) error {
	kind, tells := kinds[c.Kind]
	if !tells || c.Quiet || c.Moved {
		return nil
	}
	key := strconv.FormatInt(c.Position, 10)
	l := letter{Position: c.Position, Kind: kind, User: c.User.String(), Former: c.Former.String()}
	if err := n.put(ctx, tx, key, c.Address, l); err != nil {
		return err
	}
	if c.Kind != lookup.Rebound {
		return nil
	}
	return n.tellFormer(ctx, tx, key, c)
}

// tellFormer tells the one whose place was taken, where else they are found. Whose address
// it is now is not theirs to know.
func (n *Notices) tellFormer(ctx context.Context, tx *store.Tx, key string, c lookup.Change) error {
	others, err := n.Directory.EmailsOf(ctx, tx, c.Former, maxOthers)
	if err != nil {
		return err
	}
	l := letter{Position: c.Position, Kind: words.Lost, User: c.Former.String(), About: c.Address.Redacted()}
	for i, other := range others {
		if err := n.put(ctx, tx, fmt.Sprintf("%s former %d", key, i), other, l); err != nil {
			return err
		}
	}
	return nil
}

// Remind puts reminders of bindings that will end. It is one step of a sweep.
func (n *Notices) Remind(ctx context.Context) error {
	return n.Directory.Remind(ctx, func(ctx context.Context, tx *store.Tx, e lookup.Ending) error {
		return n.put(ctx, tx, e.Key, e.Address, letter{Kind: words.Ending, User: e.User.String(), NotAfter: e.NotAfter.UnixMilli()})
	})
}

// put puts a notice to an address into the outbox, if notices go that way.
func (n *Notices) put(ctx context.Context, tx *store.Tx, key string, to threepid.Address, l letter) error {
	return n.putAt(ctx, tx, key, to, l, n.Now())
}

// putAt is put of a notice that is not sent before a time.
func (n *Notices) putAt(ctx context.Context, tx *store.Tx, key string, to threepid.Address, l letter, due time.Time) error {
	kind := emailKind
	switch {
	case to.Medium() == threepid.MSISDN && n.SMS != nil:
		kind = smsKind
	case to.Medium() != threepid.Email || n.Email == nil:
		return nil
	}
	payload, err := json.Marshal(l.to(to))
	if err != nil {
		return fmt.Errorf("writing a notice's payload: %w", err)
	}
	_, err = n.Outbox.Put(ctx, tx, outbox.Work{Kind: kind, Key: key, Payload: payload, Due: due, Expires: n.Now().Add(life)})
	return err
}
