package verify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"signet/internal/deliver"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/verify/message"
)

// EmailSender sends one e-mail. A nil error means that the other side has taken
// it. Errors are deliver's.
type EmailSender interface {
	SendEmail(ctx context.Context, m deliver.Email) error
}

// SMSSender sends one text message, under the same terms.
type SMSSender interface {
	SendSMS(ctx context.Context, m deliver.SMS) error
}

// Options are what a Verifier needs. A nil sender means that the medium is not
// served.
type Options struct {
	DB     *store.DB
	Vault  *seal.Vault
	Outbox *outbox.Outbox
	// Quota, if set, keeps the budgets of Budgets.
	Quota *quota.Quota
	Email EmailSender
	SMS   SMSSender
	// Resolver, if set, is asked whether a domain can receive mail.
	Resolver deliver.MXResolver
	Words    *message.Words
	Now      func() time.Time
	Rand     io.Reader // codes and link tokens come from it
	Log      *slog.Logger
	// Patience is how long Request waits for its own message.
	Patience time.Duration
	// LinkURL is the address of the page that confirms a link's token.
	LinkURL func(token string) string
}

// Verifier holds the sessions of one database. It is safe for concurrent use, and
// any number of replicas share the sessions.
type Verifier struct {
	Options
	addresses seal.Box
	index     seal.Index
	mac       seal.MAC
}

// New opens the sessions of a database and takes on their messages in the outbox.
func New(ctx context.Context, o Options) (*Verifier, error) {
	v := &Verifier{Options: o}
	var errs [3]error
	v.addresses, errs[0] = o.Vault.Box(ctx, "verify address")
	v.index, errs[1] = o.Vault.Index(ctx, "verify address")
	v.mac, errs[2] = o.Vault.MAC(ctx, "verify codes")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	o.Outbox.Handle(emailKind, emailSlots, v.deliverEmail)
	o.Outbox.Handle(smsKind, smsSlots, v.deliverSMS)
	return v, nil
}

// sweepEvery is how often sessions long past their end are forgotten.
const sweepEvery = time.Hour

// Run forgets old sessions until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := deleteSessions(ctx, v.DB, v.Now().Add(-sessionLife-sessionKept)); err != nil && ctx.Err() == nil {
			v.Log.Error("old verification sessions are not forgotten", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
