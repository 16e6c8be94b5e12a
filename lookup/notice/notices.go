package notice

import (
	"context"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/lookup/notice/words"
	"signet/verify/fraud"
)

// The kinds of outbox work that carry a notice, and how many of each one process sends at
// the same time: few, since nobody waits for them.
const (
	emailKind  = "lookup.notice"
	emailSlots = 8
	smsKind    = "lookup.notice.sms"
	smsSlots   = 2
)

// life is how long a notice is of use.
const life = 3 * 24 * time.Hour

// destination is the budget of an address. Whoever binds and unbinds one again and again
// fills no mailbox: of what is over it one notice tells, by the budget more.
const (
	destination = "lookup.notice.destination"
	more        = "lookup.notice.more"
)

// recoveries is the budget of an address for notices of keys that wait: no flood of others may
// keep those away.
const recoveries = "lookup.notice.recovery"

// Budgets are the limits of Notices, for the quota that they charge. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	return append(accountBudgets(dryRun), []quota.Budget{
		{Name: destination, Limit: 6, Per: 24 * time.Hour, DryRun: dryRun},
		{Name: recoveries, Limit: 6, Per: 24 * time.Hour, DryRun: dryRun},
		{Name: more, Limit: 1, Per: 24 * time.Hour, DryRun: dryRun},
	}...)
}

// EmailSender sends one e-mail. Errors are deliver's.
type EmailSender interface {
	SendEmail(ctx context.Context, m deliver.Email) error
}

// SMSSender sends one text message by the first of several ways that takes it. It calls
// mark before it tries one and sends nothing if that fails. Errors are deliver's.
type SMSSender interface {
	Send(ctx context.Context, m deliver.SMS, tried []sms.Tried, mark sms.Mark) error
}

// Owners knows which addresses are sent nothing.
type Owners interface {
	// Suppressed tells whether an address is sent nothing now: its owner wants no messages of
	// any kind, or a mail server has said lately that it knows no such mailbox.
	Suppressed(ctx context.Context, a threepid.Address) (bool, error)
	// Missing tells of the second alone.
	Missing(ctx context.Context, a threepid.Address) (bool, error)
	// ShownTo tells whether the owner has shown control of an address to a homeserver, lately
	// enough, in order to have an account there.
	ShownTo(ctx context.Context, server matrix.ServerName, a threepid.Address) (bool, error)
	// NoMailbox is told that a mail server knows no such mailbox.
	NoMailbox(ctx context.Context, a threepid.Address) error
}

// Options are what Notices need. A nil sender means that no notice goes that way.
type Options struct {
	Directory *lookup.Directory
	Outbox    *outbox.Outbox
	Quota     *quota.Quota // of Budgets
	Owners    Owners
	Keys      Keys // nil where no keys are published; may be set before the outbox runs
	Words     *words.Words
	Email     EmailSender
	SMS       SMSSender
	Fraud     *fraud.Guard    // says which text messages are worth their price; needed with SMS
	Language  locale.Language // of notices where nobody knows which the owner reads
	// Own are the operator's homeservers, which may be named in a text message.
	Own     map[matrix.ServerName]bool
	PageURL string // of the owner's page; empty for none
	Now     func() time.Time
}

// Notices are put by Told and Remind, and sent by the outbox. They are safe for concurrent
// use.
type Notices struct{ Options }

// New takes on the sending of notices in the outbox. Nobody is told of a change before
// Told is among those whom the directory tells.
func New(o Options) *Notices {
	n := &Notices{o}
	o.Outbox.Handle(outbox.Kind{Name: emailKind, Slots: emailSlots, Attempt: n.sendEmail})
	o.Outbox.Handle(outbox.Kind{Name: smsKind, Slots: smsSlots, Attempt: n.sendSMS})
	return n
}
