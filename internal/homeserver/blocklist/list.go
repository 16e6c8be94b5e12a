package blocklist

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Asker asks an identity server for its policy, as idclient.Client does.
type Asker interface {
	Policy(ctx context.Context, at idclient.Server) (idclient.Policy, error)
}

// Options is what a List stands on.
type Options struct {
	DB    *store.DB
	Asker Asker
	At    idclient.Server
	Now   func() time.Time
	Log   *slog.Logger
}

// List is whom an identity server turns away. It is safe for concurrent use. nil turns nobody
// away.
type List struct {
	Options
	rules atomic.Pointer[rules]
}

// Open makes a List, which begins with the policy that was read last.
//
// One that cannot be read any more turns nobody away, as before the first: who else is meant
// nobody knows, and all others would be kept out with them, for as long as the identity server is
// away. It is asked when Run begins, and no policy older than the lost one is believed.
func Open(ctx context.Context, o Options) (*List, error) {
	l := &List{Options: o}
	l.rules.Store(newRules(idclient.Policy{}))
	kept, at, err := selectPolicy(ctx, o.DB, o.At.Name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return l, nil
	case err != nil:
		return nil, fmt.Errorf("reading the block-list: %w", err)
	}
	p, err := idclient.ParsePolicy(kept)
	if err != nil {
		l.Log.ErrorContext(ctx, "the block-list that was kept cannot be read: nobody is turned away until its identity server is asked", "server", o.At.Name, "error", err)
		p = idclient.Policy{At: at}
	}
	l.rules.Store(newRules(p))
	return l, nil
}

// pause is how long the identity server is left alone between two questions.
const pause = time.Minute

// Run keeps the list as new as the identity server's until ctx ends.
func (l *List) Run(ctx context.Context) error {
	next := time.NewTicker(pause)
	defer next.Stop()
	reached := true
	for {
		err := l.Refresh(ctx)
		if err != nil && reached && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "the block-list stays as it is: its identity server does not answer", "server", l.At.Name, "error", err)
		}
		reached = err == nil
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
	}
}

// Refresh reads the policy again. Whatever the error, the list is as it was.
func (l *List) Refresh(ctx context.Context) error {
	p, err := l.Asker.Policy(ctx, l.At)
	if err != nil {
		return err
	}
	if p.At.Before(l.rules.Load().at) {
		return fmt.Errorf("the policy of %q is older than the last one", l.At.Name)
	}
	if err := upsertPolicy(ctx, l.DB, l.At.Name, p); err != nil {
		return fmt.Errorf("keeping the block-list: %w", err)
	}
	l.rules.Store(newRules(p))
	return nil
}

// Refuse is a Refusal of a server that is turned away.
func (l *List) Refuse(server matrix.ServerName) error {
	if l == nil {
		return nil
	}
	rule, found := l.rules.Load().of(server, l.Now())
	if !found {
		return nil
	}
	return Refusal{By: l.At.Name, Position: rule.Position}
}

// Refusal is the error of a server that is turned away.
type Refusal struct {
	By       matrix.ServerName // the identity server
	Position int64             // of the reason in its log of servers; 0: not there yet
}

func (r Refusal) Error() string {
	if r.Position == 0 {
		return fmt.Sprintf("the homeserver is blocked here: by the policy of %s, https://%s/_signet/v1/policy", r.By, r.By)
	}
	return fmt.Sprintf("the homeserver is blocked here: by entry %d of the log of servers of %s", r.Position, r.By)
}
