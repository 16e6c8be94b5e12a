package unread

import (
	"context"
	"fmt"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// MaxEvents is how many of a room's newest events are looked at, and so the most that is
// counted of it.
const MaxEvents = 1000

// Count is what somebody has not read.
type Count struct {
	Notifications int
	Highlights    int // of the notifications
}

// Counts is what a user has not read of a room. Clients that do not ask for threads are
// told the Sum.
type Counts struct {
	Main    Count
	Threads map[string]Count // by the event id of their root; those without any are left out
}

// Sum is what is unread in all timelines of the room together.
func (c Counts) Sum() Count {
	sum := c.Main
	for _, thread := range c.Threads {
		sum.add(thread)
	}
	return sum
}

func (c *Count) add(more Count) {
	c.Notifications += more.Notifications
	c.Highlights += more.Highlights
}

// Receipts tells how far somebody has read, as receipt.Receipts does.
type Receipts interface {
	// ReadUpTo is the furthest receipt of either kind by thread, that for the whole room
	// under "".
	ReadUpTo(ctx context.Context, room matrix.RoomID, user matrix.UserID) (map[string]stream.Pos, error)
	// AllReadUpTo is ReadUpTo for many rooms, those without receipts left out.
	AllReadUpTo(ctx context.Context, rooms []matrix.RoomID, user matrix.UserID) (map[matrix.RoomID]map[string]stream.Pos, error)
}

// Rules tells of what somebody wants to be notified, as userdata.Data does.
type Rules interface {
	// PushRules is what they have changed of their push rules.
	PushRules(ctx context.Context, user matrix.UserID) (push.Settings, error)
	// Ignored are the users of whom they want to see nothing, by their ids.
	Ignored(ctx context.Context, user matrix.UserID) (map[string]bool, error)
}

// wishes are somebody's, ready to be asked. They do not change.
type wishes struct {
	*push.Rules
	ignored map[string]bool
}

// Options is what counting stands on.
type Options struct {
	Rooms    *room.Rooms
	Receipts Receipts
	Rules    Rules
	// CacheBytes is about how much memory counts may take that are kept; 0 is 16 MiB.
	CacheBytes int
}

// Unread counts for the users of a server. It is safe for concurrent use.
type Unread struct {
	Options
	cache  *cache
	events events
}

const defaultCacheBytes = 16 << 20

// New has counted nothing yet.
func New(o Options) *Unread {
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	return &Unread{Options: o, cache: newCache(o.CacheBytes)}
}

// ReceiptMoves is to be called before a receipt of a user moves, and what it returns after
// that: meanwhile nothing is remembered of the two. It is receipt.Receipts' Moving.
func (u *Unread) ReceiptMoves(id matrix.RoomID, user matrix.UserID) (moved func()) {
	r, err := u.Rooms.Room(string(id))
	if err != nil {
		return func() {} // nothing is counted in a room that is not there
	}
	return u.cache.change(key{user, r})
}

// RulesChange is to be called before a user's push rules change, or whom they ignore, and
// what it returns after that. It is userdata.Options' RulesChange.
func (u *Unread) RulesChange(user matrix.UserID) (changed func()) {
	return u.cache.change(key{user: user})
}

// Counts is what a user of this server has not read of a room up to a position, which is
// visible: nothing unless they have joined it. Receipts and rules count as they are now.
func (u *Unread) Counts(ctx context.Context, user matrix.UserID, r *room.Room, to stream.Pos) (Counts, error) {
	if _, err := u.Rooms.Joined(user, r.ID()); err != nil {
		return Counts{}, nil
	}
	wishes, err := u.wishesOf(ctx, user)
	if err != nil {
		return Counts{}, fmt.Errorf("counting what is unread: %w", err)
	}
	i := u.cache.get(key{user, r})
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.tally
	if t == nil || t.wishes != wishes {
		t, err = u.begin(ctx, i, wishes)
	}
	if err == nil {
		err = u.extend(ctx, user, r, t, to)
	}
	if err != nil {
		i.tally = nil
		return Counts{}, fmt.Errorf("counting what is unread: %w", err)
	}
	i.tally = t
	u.cache.resize(i, t.weight())
	return t.counts(to), nil
}

// wishesOf are the wishes of a user.
func (u *Unread) wishesOf(ctx context.Context, user matrix.UserID) (*wishes, error) {
	i := u.cache.get(key{user: user})
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.wishes != nil {
		return i.wishes, nil
	}
	settings, err := u.Rules.PushRules(ctx, user)
	if err != nil {
		return nil, err
	}
	ignored, err := u.Rules.Ignored(ctx, user)
	if err != nil {
		return nil, err
	}
	ruleset := settings.Ruleset(user)
	i.wishes = &wishes{ruleset.Compile(user), ignored}
	u.cache.resize(i, weigh(ruleset)+ignoredWeight*len(ignored))
	return i.wishes, nil
}

// What wishes weigh in memory, about.
const (
	ruleWeight    = 500 // and as much for each condition
	ignoredWeight = 120
)

func weigh(rules push.Ruleset) (weight int) {
	for _, kind := range rules {
		weight += ruleWeight * len(kind)
		for _, r := range kind {
			if r.Conditions != nil {
				weight += ruleWeight * len(*r.Conditions)
			}
		}
	}
	return weight
}
