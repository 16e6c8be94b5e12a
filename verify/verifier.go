package verify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/captcha"
	"signet/verify/fraud"
	"signet/verify/message"
)

// EmailSender sends one e-mail. A nil error means that the other side has taken
// it. Errors are deliver's.
type EmailSender interface {
	SendEmail(ctx context.Context, m deliver.Email) error
}

// SMSSender sends one text message, by whichever of several ways was not tried for this
// session yet; sms.Chain is one. It calls mark before it tries one and sends nothing if
// that fails. Errors are deliver's.
type SMSSender interface {
	Send(ctx context.Context, m deliver.SMS, tried []sms.Tried, mark sms.Mark) error
}

// Options are what a Verifier needs. A nil sender means that the medium is not
// served.
type Options struct {
	DB     *store.DB
	Vault  *seal.Vault
	Outbox *outbox.Outbox
	Quota  *quota.Quota // of Budgets
	// Captcha is asked for as When says; nil is Never.
	Captcha *captcha.Captcha
	When    When
	// Fraud, if set, says which numbers a text message may go to.
	Fraud *fraud.Guard
	// Acquaintance, if set, tells since when callers are known; without, all are known.
	Acquaintance Acquaintance
	// OwnHomeservers are the operator's: no newcomers, and named in text messages.
	OwnHomeservers map[matrix.ServerName]bool
	// SuspectNetworks are where machines live rather than people, which counts as a
	// signal.
	SuspectNetworks []netip.Prefix
	// Disposable are the mail domains whose addresses prove nothing.
	Disposable map[string]bool
	Email      EmailSender
	SMS        SMSSender
	// Resolver, if set, is asked whether a domain can receive mail.
	Resolver deliver.MXResolver
	Words    *message.Words
	Now      func() time.Time
	Sleep    func(ctx context.Context, d time.Duration) error
	Rand     io.Reader // codes and link tokens come from it
	Log      *slog.Logger
	// Patience is how long Request waits for its own message.
	Patience time.Duration
	// LinkURL is the address of the page that confirms a link's token, StopURL that of
	// the page that ends a session which its owner has not asked for.
	LinkURL, StopURL func(token string) string
}

// Verifier holds the sessions of one database. It is safe for concurrent use, and
// any number of replicas share the sessions.
type Verifier struct {
	Options
	addresses seal.Box
	index     seal.Index
	mac       seal.MAC
	paces     paces
}

// New opens the sessions of a database and takes on their messages in the outbox.
func New(ctx context.Context, o Options) (*Verifier, error) {
	if o.Captcha == nil {
		o.When = Never
	}
	v := &Verifier{Options: o}
	var errs [3]error
	v.addresses, errs[0] = o.Vault.Box(ctx, "verify address")
	v.index, errs[1] = o.Vault.Index(ctx, "verify address")
	v.mac, errs[2] = o.Vault.MAC(ctx, "verify codes")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	o.Outbox.Handle(outbox.Kind{Name: emailKind, Slots: emailSlots, Attempt: v.deliverEmail})
	o.Outbox.Handle(outbox.Kind{Name: smsKind, Slots: smsSlots, Attempt: v.deliverSMS, Died: v.died})
	return v, nil
}

// suspect tells whether a client comes from where machines live.
func (v *Verifier) suspect(client netip.Addr) bool {
	return slices.ContainsFunc(v.SuspectNetworks, func(p netip.Prefix) bool { return p.Contains(client.Unmap()) })
}

// Media are those to whose addresses codes are sent, whether or not the operator has switched
// text messages off for a while.
func (v *Verifier) Media() []threepid.Medium {
	media := []threepid.Medium{}
	if v.Email != nil {
		media = append(media, threepid.Email)
	}
	if v.SMS != nil {
		media = append(media, threepid.MSISDN)
	}
	return media
}
