package notary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"signet/internal/matrix"
)

const (
	// MaxServers and MaxKeys bound what one query asks about: servers, and key ids of all of
	// them together.
	MaxServers = 500
	MaxKeys    = 2000
	// atOnce is how many servers of one query are worked on at once.
	atOnce = 8
	// queryLife is how long a query waits for servers; those that have not answered then are
	// answered for with what is known.
	queryLife = 15 * time.Second
	// crowdedFor is how long those who find no room are told to wait.
	crowdedFor = time.Second
)

// ErrTooMany is the error of a query about too much.
var ErrTooMany = errors.New("too many servers or key ids in one query")

// Query is what somebody asks the notary.
type Query struct {
	Servers map[matrix.ServerName]Wanted
	Network netip.Prefix // where it comes from; zero when unknown
}

// Answer is the documents of the servers that are known, each with the notary's signature.
type Answer struct {
	// Objects are in canonical JSON, by server; of one server the newest is the last, and
	// those before it have keys that it does not.
	Objects [][]byte
	// Refused are the servers that are blocked here.
	Refused []Blocked

	room *room
}

// Release gives back the room that the answer takes, which is bounded for all answers together.
// Whoever has asked calls it when the answer is sent.
func (a Answer) Release() { a.room.release() }

// Blocked says that nothing is told of a server, because of the block of Name. Position is
// that of the record in the servers' log that says why; 0 as long as it is not logged.
type Blocked struct {
	Server, Name matrix.ServerName
	Position     int64
}

// Error names the place where the reason stands.
func (b Blocked) Error() string {
	place := "not logged yet"
	if b.Position > 0 {
		place = fmt.Sprintf("entry %d of the servers' log", b.Position)
	}
	return fmt.Sprintf("the keys of %s are not served: %s is blocked here, %s", b.Server, b.Name, place)
}

// Query answers with the keys of servers, which are asked where it needs to be. Those that
// cannot be reached and of which nothing is known are left out. An answer without an error is to
// be released. Errors: ErrTooMany, and matrix.LimitExceeded when a budget of the network is used
// up, or too much is asked for it, or by all, at once.
func (n *Notary) Query(ctx context.Context, q Query) (Answer, error) {
	if err := q.check(); err != nil {
		return Answer{}, err
	}
	if err := n.charge(ctx, q, len(q.Servers), askNetwork, askSite); err != nil {
		return Answer{}, err
	}
	answer := Answer{room: &room{within: &n.answering, network: q.Network}}
	if err := n.answer(ctx, q, &answer); err != nil {
		answer.Release()
		return Answer{}, err
	}
	return answer, nil
}

// answer answers, in the room of the answer.
func (n *Notary) answer(ctx context.Context, q Query, answer *Answer) error {
	names := slices.Sorted(maps.Keys(q.Servers))
	all := make([]inquiry, len(names))
	for i, name := range names {
		all[i] = inquiry{notary: n, server: name, wanted: q.Servers[name], network: q.Network}
	}
	if err := each(ctx, all, (*inquiry).look); err != nil {
		return err
	}
	if err := n.fetchStale(ctx, q, all); err != nil {
		return err
	}
	signing, err := n.Keys.Current(ctx)
	if err != nil {
		return err
	}
	load := func(i *inquiry, ctx context.Context) error {
		if err := i.load(ctx, signing); err != nil {
			return err
		}
		return answer.room.grow(i.octets())
	}
	if err := each(ctx, all, load); err != nil {
		return err
	}
	answer.collect(all)
	return nil
}

func (q Query) check() error {
	ids := 0
	for _, w := range q.Servers {
		ids += len(w.Keys)
	}
	if len(q.Servers) > MaxServers || ids > MaxKeys {
		return ErrTooMany
	}
	return nil
}

func (n *Notary) charge(ctx context.Context, q Query, units int, network, site budget) error {
	all := charges(q.Network, units, network, site)
	if n.Quota == nil || len(all) == 0 {
		return nil
	}
	return n.Quota.Charge(ctx, all...)
}

// fetchStale asks the servers that have to be asked.
func (n *Notary) fetchStale(ctx context.Context, q Query, all []inquiry) error {
	var stale []*inquiry
	for i := range all {
		if all[i].stale {
			stale = append(stale, &all[i])
		}
	}
	if len(stale) == 0 {
		return nil
	}
	if err := n.charge(ctx, q, len(stale), fetchNetwork, fetchSite); err != nil {
		return err
	}
	if q.Network.IsValid() {
		if !n.requests.enter(q.Network.String(), 1, maxByNetwork) {
			return matrix.LimitExceeded{RetryAfter: crowdedFor}
		}
		defer n.requests.leave(q.Network.String(), 1)
	}
	ctx, cancel := context.WithTimeout(ctx, queryLife)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, i := range stale {
		group.Go(func() error { i.fetch(ctx); return nil })
	}
	return group.Wait()
}

// each does something for a few inquiries at a time.
func each(ctx context.Context, all []inquiry, do func(*inquiry, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range all {
		group.Go(func() error { return do(&all[i], ctx) })
	}
	return group.Wait()
}

func (a *Answer) collect(all []inquiry) {
	for _, i := range all {
		a.Objects = append(a.Objects, i.objects...)
		if i.blocked != nil {
			a.Refused = append(a.Refused, *i.blocked)
		}
	}
}
