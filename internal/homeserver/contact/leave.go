package contact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Leaver is the account.Leaver by which the addresses of an account end. It writes down that
// nobody is to find the user any more at the identity servers that it names, and wherever else
// an address was bound; Fulfil has it done.
type Leaver struct {
	Trusted idclient.Trusted
	Now     func() time.Time
}

// Leave takes all addresses from a user.
func (l Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, _ bool) error {
	for _, at := range l.Trusted {
		if err := bindAll(ctx, tx, user, at.Name); err != nil {
			return fmt.Errorf("leaving an identity server: %w", err)
		}
		if err := insertWish(ctx, tx, user, at.Name, l.Now()); err != nil {
			return fmt.Errorf("leaving an identity server: %w", err)
		}
	}
	if err := insertWishesOfBindings(ctx, tx, user, l.Now()); err != nil {
		return fmt.Errorf("leaving the identity servers: %w", err)
	}
	if err := deleteOfUser(ctx, tx, user); err != nil {
		return fmt.Errorf("deleting the addresses of an account: %w", err)
	}
	return nil
}

const (
	// everyMinute is how often wishes are looked for of which nobody has told.
	everyMinute = time.Minute
	// lingering is how long after the first time an identity server is told again: a request
	// to bind that was under way when the account ended may have come to its end since.
	lingering = 10 * time.Minute
	// atOnce bounds how many wishes are looked at in a round.
	atOnce = 500
)

// wish is that a user whose account has ended is found at an identity server no more.
type wish struct {
	user   matrix.UserID
	server matrix.ServerName
	told   bool // once
	tries  int  // that have failed since
}

// Run fulfils wishes until ctx ends. What fails goes to report, and is tried again ever more
// rarely.
func (c *Contacts) Run(ctx context.Context, report func(error)) error {
	next := time.NewTicker(everyMinute)
	defer next.Stop()
	return c.run(ctx, next.C, report)
}

func (c *Contacts) run(ctx context.Context, next <-chan time.Time, report func(error)) error {
	if err := c.hasten(ctx); err != nil && ctx.Err() == nil {
		report(err)
	}
	for {
		if err := c.Fulfil(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-next:
		case <-c.woken:
		}
	}
}

// Fulfil tells identity servers whom nobody is to find there any more, or by which address, and
// who is to be found, where that is due. The error is of all that failed. A server that fails is
// asked once; one that refuses what one user wishes may do what others wish.
func (c *Contacts) Fulfil(ctx context.Context) error {
	all, err := c.due(ctx)
	if err != nil {
		return fmt.Errorf("reading whom nobody is to find: %w", err)
	}
	var errs []error
	away := map[matrix.ServerName]bool{}
	for _, d := range all {
		if away[d.server] || ctx.Err() != nil {
			continue
		}
		if err := d.do(); err != nil {
			away[d.server] = !fedclient.Final(err) && !errors.Is(err, ErrNoSupport)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// duty is what an identity server is to be told.
type duty struct {
	server matrix.ServerName
	do     func() error
}

// due are the duties of a round.
func (c *Contacts) due(ctx context.Context) (all []duty, err error) {
	wishes, err := selectDueWishes(ctx, c.DB, c.Now(), atOnce)
	if err != nil {
		return nil, err
	}
	for _, w := range wishes {
		all = append(all, duty{w.server, func() error { _, err := c.fulfil(ctx, w); return err }})
	}
	unbindings, err := selectDueUnbindings(ctx, c.DB, c.box, c.Now(), atOnce)
	if err != nil {
		return nil, err
	}
	for _, u := range unbindings {
		all = append(all, duty{u.server, func() error { return c.carryOut(ctx, u) }})
	}
	findings, err := c.selectDueFindings(ctx, c.Now(), atOnce)
	for _, f := range findings {
		all = append(all, duty{f.server, func() error { return c.attemptFinding(ctx, f) }})
	}
	return all, err
}

// Farewell fulfils the wishes of one user, whose account has just ended, at all servers at the
// same time, and tells whether nobody finds them any more. The error is of all that failed, which is tried again.
func (c *Contacts) Farewell(ctx context.Context, user matrix.UserID) (gone bool, err error) {
	wishes, err := selectWishesOf(ctx, c.DB, user)
	if err != nil {
		return false, fmt.Errorf("reading where nobody is to find somebody: %w", err)
	}
	unbound, errs := make([]bool, len(wishes)), make([]error, len(wishes))
	var telling sync.WaitGroup
	for i, w := range wishes {
		telling.Go(func() { unbound[i], errs[i] = c.fulfil(ctx, w) })
	}
	telling.Wait()
	return !slices.Contains(unbound, false), errors.Join(errs...)
}

// Waiting is how many identity servers have yet to be told of how many users and addresses,
// together.
func (c *Contacts) Waiting(ctx context.Context) (int, error) {
	n, err := countWishes(ctx, c.DB)
	if err != nil {
		return 0, fmt.Errorf("counting wishes: %w", err)
	}
	return n, nil
}

// fulfil tells one server, and writes down what has become of that. Unbound is false where the
// server fails, or does not let anybody be unbound.
func (c *Contacts) fulfil(ctx context.Context, w wish) (unbound bool, err error) {
	err = c.unbindUser(ctx, w)
	stored := context.WithoutCancel(ctx)
	switch {
	case errors.Is(err, ErrNoSupport), w.tries == fedclient.Hope, err == nil && w.told:
		if storing := c.DB.Tx(stored, func(tx *store.Tx) error { return deleteWish(stored, tx, w) }); storing != nil {
			return false, fmt.Errorf("ending a wish: %w", storing)
		}
		return err == nil, err
	case err == nil:
		w.told, w.tries = true, 0
		err = updateWish(stored, c.DB, w, c.Now().Add(lingering))
		return true, err
	}
	w.tries++
	return false, errors.Join(fmt.Errorf("having nobody find %s: %w", w.user, err), updateWish(stored, c.DB, w, c.Now().Add(fedclient.Pause(w.tries))))
}

// unbindUser unbinds all addresses of a user at a server: at once or, where it has no such call,
// those one by one that were bound there or may have been. The error is ErrNoSupport where the
// server does neither.
func (c *Contacts) unbindUser(ctx context.Context, w wish) error {
	at, err := c.known(w.server)
	if err != nil {
		return ErrNoSupport
	}
	err = c.Identity.UnbindUser(ctx, at, w.user)
	if refused, is := errors.AsType[fedclient.Refusal](err); !is || !refused.Unrecognized() {
		return err
	}
	bound, err := selectBindings(ctx, c.DB, c.box, w)
	if err != nil {
		return fmt.Errorf("reading what is bound: %w", err)
	}
	for _, address := range bound {
		err := c.Identity.Unbind(ctx, at, w.user, address)
		refused, is := errors.AsType[fedclient.Refusal](err)
		switch {
		case is && refused.Errcode == matrix.Unrecognized:
			return ErrNoSupport
		case err != nil && (!is || refused.Errcode != matrix.NotFound):
			return err
		}
	}
	return nil
}
