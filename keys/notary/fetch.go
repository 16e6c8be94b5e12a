package notary

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/keys/entry"
)

const (
	keysPath = "/_matrix/key/v2/server"
	// maxMet and maxUnknown are the servers that one replica asks at once, those that have
	// answered before and others: names that strangers think of must not take all places, and
	// those of one owner not all of these (crowd.go).
	maxMet     = 64
	maxUnknown = 48
	// fetchLife is how long one may take, however slowly it answers.
	fetchLife = 10 * time.Second
)

// errBadAnswer is the error of an answer that is no key document.
var errBadAnswer = errors.New("the server does not answer with its keys")

// asking is a server that is to be asked, and for whom.
type asking struct {
	server  matrix.ServerName
	met     bool         // it has answered before
	network netip.Prefix // zero when unknown
}

// refresh asks a server, unless it has answered or failed since what is known was read.
// Whoever wants the same server at the same time shares one fetch, which runs on when one of
// them gives up; of one that has not answered before, whoever is of the same network: it waits for a
// place of that, which may have none left for long. It returns the number of the object that came of it and may be served, or 0:
// none did.
func (n *Notary) refresh(ctx context.Context, a asking, before known) int64 {
	flight := a.server.String()
	if !a.met {
		flight += " " + a.network.String()
	}
	shared := n.flight.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLife)
		defer cancel()
		return n.fetch(ctx, a, before), nil
	})
	select {
	case result := <-shared:
		number, _ := result.Val.(int64)
		return number
	case <-ctx.Done():
		return 0
	}
}

// fetch asks a server when there is a place, and stores what it says.
func (n *Notary) fetch(ctx context.Context, a asking, before known) int64 {
	leave, ok := n.place(ctx, a)
	if !ok {
		return 0
	}
	defer leave()
	if n.failures.waits(a.server, n.Now()) {
		return 0
	}
	if now, err := selectKnown(ctx, n.DB, a.server); err == nil && now.asked.After(before.asked) {
		return now.current.n
	}
	if n.Quota != nil {
		if err := n.Quota.Charge(ctx, fetchCharges(a.server, a.met)...); err != nil {
			n.say(a.server, "limited", err)
			return 0
		}
	}
	got, err := n.ask(ctx, a.server)
	n.judged(a.server, got, err)
	if err != nil || got.opinion == held {
		return 0
	}
	return got.n
}

// judged remembers whether the server is to be left alone for a while. What went wrong here is
// not held against it.
func (n *Notary) judged(server matrix.ServerName, got observed, err error) {
	outcome := got.opinion.String()
	switch {
	case err == nil && got.opinion != conflicting:
		n.failures.forget(server)
		n.Observe(outcome)
		return
	case err == nil:
		err = errConflict
	case errors.Is(err, serverkeys.ErrDocument), errors.Is(err, entry.ErrObject), errors.Is(err, errBadAnswer), errors.Is(err, errTooManyKeys),
		errors.Is(err, fedclient.ErrTooLarge):
		outcome = "bad"
	case errors.Is(err, fedclient.ErrUnreachable):
		outcome = "unreachable"
	default:
		n.say(server, "failed", err)
		return
	}
	n.failures.add(server, n.Now())
	n.say(server, outcome, err)
}

func (n *Notary) say(server matrix.ServerName, outcome string, err error) {
	n.Observe(outcome)
	n.Log.Debug("a server's keys cannot be had", "server", server, "outcome", outcome, "error", err)
}

func (n *Notary) ask(ctx context.Context, server matrix.ServerName) (observed, error) {
	answer, err := n.Federation.Do(ctx, fedclient.Request{Server: server, Method: http.MethodGet, Path: keysPath})
	if err != nil {
		return observed{}, err
	}
	if answer.Status != http.StatusOK {
		return observed{}, errBadAnswer
	}
	d, err := serverkeys.Parse(server, answer.Body)
	if err != nil {
		return observed{}, err
	}
	got, err := n.observe(ctx, d)
	if got.dropped {
		n.Log.Warn("a server contradicts itself once more, which is not recorded: the log has all the evidence about it that it takes", "server", server, "recorded", maxConflicts)
		n.Observe("unrecorded")
	}
	if err == nil && (got.opinion == held || got.opinion == conflicting) {
		n.Log.Warn("a server's keys have changed without the old ones", "server", server, "outcome", got.opinion.String())
	}
	return got, err
}
