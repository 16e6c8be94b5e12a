package discovery_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup/discovery"
)

// world is a database, what accounts have earned, and two replicas.
type world struct {
	*testing.T
	db     *store.DB
	vault  *seal.Vault
	clock  *clocktest.Clock
	earned map[matrix.UserID]discovery.Earned
	a, b   *discovery.Discovery
	epoch  int64
	limits map[string]int // as an operator has set them
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "quota", "discovery"}, func(t *testing.T, db *store.DB) {
		clock := clocktest.New()
		w := &world{T: t, db: db, clock: clock, vault: sealtest.Vault(t, db, clock.Now), earned: map[matrix.UserID]discovery.Earned{}, epoch: 1}
		w.a, w.b = w.replica(), w.replica()
		story(w)
	})
}

// replica is a process that has just started.
func (w *world) replica() *discovery.Discovery {
	w.Helper()
	budgets, err := quota.Override(discovery.Budgets(false), w.limits)
	if err != nil {
		w.Fatal(err)
	}
	q, err := quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: budgets, Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	d, err := discovery.New(w.Context(), discovery.Options{DB: w.db, Vault: w.vault, Quota: q, Now: w.clock.Now,
		Earned: func(_ context.Context, user matrix.UserID) (discovery.Earned, error) { return w.earned[user], nil },
		Own:    map[matrix.ServerName]bool{"own.example": true}})
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// by is an account that asks from a network of its own.
func by(user matrix.UserID) discovery.Asker {
	sum := sha256.Sum256([]byte(user))
	return discovery.Asker{Account: user, Homeserver: user.Server(), Client: netip.AddrFrom4([4]byte(sum[:4]))}
}

// ids are those of addresses, from the first to before the end.
func (w *world) ids(first, end int) (all []discovery.ID) {
	for n := first; n < end; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", w.epoch, n))
		all = append(all, discovery.ID(sum[:16]))
	}
	return all
}

// ask returns how many are told about, and those that are not.
func (w *world) ask(d *discovery.Discovery, who discovery.Asker, ids []discovery.ID) (told int, others []discovery.ID, err error) {
	w.Helper()
	answer, err := d.Ask(w.Context(), discovery.Question{Asker: who, Epoch: w.epoch, IDs: ids})
	for at, allowed := range answer.Allowed {
		if !allowed {
			others = append(others, ids[at])
		}
	}
	told = len(answer.Allowed) - len(others)
	if err == nil && told+answer.Refused != len(ids) {
		w.Errorf("of %d, %d are allowed and %d refused", len(ids), told, answer.Refused)
	}
	return told, others, err
}

// want expects to be told about so many. Of many, a filter may know one or two that were
// not asked for, by its key.
func (w *world) want(d *discovery.Discovery, who discovery.Asker, ids []discovery.ID, want int) {
	w.Helper()
	if told, _, err := w.ask(d, who, ids); told < want || told > want+len(ids)/250 || err != nil {
		w.Errorf("told about %d of %d, %v; want %d", told, len(ids), err, want)
	}
}

// refused expects to be told to wait, and returns for how long. What the filter knows of many
// is left out.
func (w *world) refused(d *discovery.Discovery, who discovery.Asker, ids []discovery.ID) time.Duration {
	w.Helper()
	told, others, err := w.ask(d, who, ids)
	if err == nil && told <= len(ids)/50 {
		told, _, err = w.ask(d, who, others)
	}
	limit, ok := errors.AsType[matrix.LimitExceeded](err)
	if !ok || told != 0 || limit.RetryAfter <= 0 {
		w.Errorf("told about %d of %d, %v; want to be told to wait", told, len(ids), err)
	}
	return limit.RetryAfter
}
