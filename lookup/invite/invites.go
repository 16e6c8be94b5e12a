package invite

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup/invite/message"
	"signet/verify/fraud"
)

// Bindings tells who is behind an address.
type Bindings interface {
	// UserOf is the user that the address is bound to now; false if it is to nobody.
	UserOf(ctx context.Context, a threepid.Address) (matrix.UserID, bool, error)
}

// Discovery is the budget of all who learn whether addresses are bound.
type Discovery interface {
	// Ask charges one answer about an address. The error is matrix.LimitExceeded.
	Ask(ctx context.Context, asker matrix.UserID, client netip.Addr, a threepid.Address) error
}

// Owners knows which addresses are sent nothing.
type Owners interface {
	// Suppressed tells whether an address is sent nothing now: its owner wants no messages of
	// any kind, or a mail server has said lately that it knows no such mailbox.
	Suppressed(ctx context.Context, a threepid.Address) (bool, error)
	// NoMailbox is told that a mail server knows no such mailbox.
	NoMailbox(ctx context.Context, a threepid.Address) error
}

// Acquaintance tells since when homeservers are known, as caller.Gate does.
type Acquaintance interface {
	// FirstSeen is when a homeserver was first heard of; false if never.
	FirstSeen(ctx context.Context, server matrix.ServerName) (time.Time, bool, error)
}

// Signer signs with the server's long-term keys.
type Signer interface {
	// SignBy returns the canonical JSON of value with the server's signature, by the key with
	// that public half, or by the current one if that may not be believed any more.
	SignBy(ctx context.Context, public ed25519.PublicKey, value any) ([]byte, error)
	// Current is the public half of the key that signs today.
	Current(ctx context.Context) (ed25519.PublicKey, error)
}

// Federation asks other servers, as *fedclient.Client does.
type Federation interface {
	// Do asks a server once. Errors are fedclient's, which name nobody but the server.
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
}

// EmailSender sends one e-mail. A nil error means that the other side has taken it.
// Errors are deliver's.
type EmailSender interface {
	SendEmail(ctx context.Context, m deliver.Email) error
}

// SMSSender sends one text message, by whichever of several ways was not tried yet;
// sms.Chain is one. Errors are deliver's.
type SMSSender interface {
	Send(ctx context.Context, m deliver.SMS, tried []sms.Tried, mark sms.Mark) error
}

// Links are the addresses of the pages that messages lead to.
type Links struct {
	// Page shows an invitation. Its token and private key stand in the fragment, which
	// browsers tell no server.
	Page func(token, key string) string
	// Short is Page for a text message.
	Short func(token, key string) string
	// Never is the page of those who want no invitations, which takes a POST without a
	// question too (RFC 8058).
	Never func(token string) string
}

// Options are what Invites need. A nil sender means that the medium is not served.
type Options struct {
	DB         *store.DB
	Vault      *seal.Vault
	Outbox     *outbox.Outbox
	Quota      *quota.Quota // of Budgets
	Bindings   Bindings
	Federation Federation
	Signer     Signer
	Words      *message.Words
	// Discovery, if set, is charged before it is told that an address is bound.
	Discovery Discovery
	// Owners, if set, keeps messages from those who want none at all, and who are not there.
	Owners Owners
	// Acquaintance, if set, tells which homeservers are newcomers; without, none is.
	Acquaintance Acquaintance
	// OwnHomeservers are the operator's, which are no newcomers.
	OwnHomeservers map[matrix.ServerName]bool
	// Fraud, if set, says which numbers a text message may go to.
	Fraud *fraud.Guard
	Email EmailSender
	SMS   SMSSender
	Links Links
	// Name is the server's, under which an ephemeral key signs too.
	Name matrix.ServerName
	// ExpireAfter is how long an invitation is good.
	ExpireAfter time.Duration
	Now         func() time.Time
	Rand        io.Reader // tokens and keys come from it
	Log         *slog.Logger
}

// Invites holds the invitations of one database. It is safe for concurrent use, and any
// number of replicas share them.
type Invites struct {
	Options
	box   seal.Box
	index seal.Index
	mac   seal.MAC
}

// New opens the invitations of a database and takes on their messages and notices in the
// outbox.
func New(ctx context.Context, o Options) (*Invites, error) {
	i := &Invites{Options: o}
	var errs [3]error
	i.box, errs[0] = o.Vault.Box(ctx, "invite")
	i.index, errs[1] = o.Vault.Index(ctx, "invite")
	i.mac, errs[2] = o.Vault.MAC(ctx, "invite tokens")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	o.Outbox.Handle(outbox.Kind{Name: emailKind, Slots: emailSlots, Attempt: i.deliverEmail})
	o.Outbox.Handle(outbox.Kind{Name: smsKind, Slots: smsSlots, Attempt: i.deliverSMS, Died: i.smsDied})
	o.Outbox.Handle(outbox.Kind{Name: onbindKind, Slots: onbindSlots, Attempt: i.notify, Died: i.notNotified,
		FirstRetry: onbindFirstRetry, LastRetry: onbindLastRetry})
	return i, nil
}

// serves tells whether messages are sent to that kind of address.
func (i *Invites) serves(m threepid.Medium) bool {
	return m == threepid.Email && i.Email != nil || m == threepid.MSISDN && i.SMS != nil
}

func (i *Invites) addressTag(a threepid.Address) []byte {
	return i.index.Of("address", string(a.Medium()), a.String())
}

// inboxTag is by what a refusal finds an address: what is sent to alice+shop@ reaches
// alice@, who wants it or not.
func (i *Invites) inboxTag(a threepid.Address) []byte {
	return i.index.Of("inbox", string(a.Medium()), a.Inbox())
}

func (i *Invites) userTag(u matrix.UserID) []byte { return i.index.Of("user", u.String()) }

func (i *Invites) keyTag(k ed25519.PublicKey) []byte { return i.index.Of("key", string(k)) }
