package notice

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/internal/wording"
	"signet/lookup/notice/words"
)

// The budgets of notices about logins: of a homeserver; of an address, for those of one
// homeserver and of all together; of one whose owner wants no messages; of a number, whose
// messages cost money; and of the notice that tells that there is more.
const (
	loginsOfHomeserver = "lookup.notice.login.homeserver"
	loginsOfOne        = "lookup.notice.login.destination"
	loginsOfAll        = "lookup.notice.login.destinations"
	loginsRefused      = "lookup.notice.login.refused"
	loginsByText       = "lookup.notice.login.sms"
	moreLogins         = "lookup.notice.login.more"
)

func loginBudgets(dryRun bool) []quota.Budget {
	day := 24 * time.Hour
	return []quota.Budget{
		{Name: loginsOfHomeserver, Limit: 500, Per: time.Hour, DryRun: dryRun},
		{Name: loginsOfOne, Limit: 6, Per: day, DryRun: dryRun},
		{Name: loginsOfAll, Limit: 20, Per: day, DryRun: dryRun},
		{Name: loginsRefused, Limit: 2, Per: day, DryRun: dryRun},
		{Name: loginsByText, Limit: 3, Per: day, DryRun: dryRun},
		{Name: moreLogins, Limit: 1, Per: day, DryRun: dryRun},
	}
}

// ErrNotShown says that control of the address was not shown to the homeserver, or too long
// ago.
var ErrNotShown = errors.New("the owner of this address has not shown control of it to this homeserver, or too long ago")

// ErrWhen says that nobody is told of a login at that time.
var ErrWhen = errors.New("a login that is told of is of the last 30 days, by this server's clock")

const (
	// toldFor is how long ago a login may be.
	toldFor = 30 * 24 * time.Hour
	// clocksDiffer is by how much a homeserver's clock may be ahead.
	clocksDiffer = 5 * time.Minute
)

// Login is somebody's login to an account at a homeserver, which has its owner told.
type Login struct {
	Homeserver matrix.ServerName // whose word it is
	ID         string            // told again by the same one it is the same login, within a day; empty: none
	At         time.Time         // zero: now
	User       matrix.UserID     // of that homeserver
	Address    threepid.Address
	Device     string     // what whoever logged in calls it; may be empty
	Client     netip.Addr // where they were, if that is known
	Language   string     // what the owner reads (BCP 47), if that is known
}

// LoggedIn puts a notice of a login to the account's address, if notices go that way. Whether
// its owner reads it nobody learns. Errors: ErrNotShown, which is charged too, or homeservers
// could try out addresses; ErrWhen; matrix.LimitExceeded.
func (n *Notices) LoggedIn(ctx context.Context, in Login) error {
	if in.At.IsZero() {
		in.At = n.Now()
	}
	if ago := n.Now().Sub(in.At); ago > toldFor || ago < -clocksDiffer {
		return ErrWhen
	}
	err := n.Quota.Charge(ctx, quota.Charge{Budget: loginsOfHomeserver, Subject: in.Homeserver.Owner(), N: 1})
	if err != nil {
		return err
	}
	shown, err := n.Owners.ShownTo(ctx, in.Homeserver, in.Address)
	if err != nil {
		return err
	}
	if !shown {
		return ErrNotShown
	}
	err = n.Outbox.DB.Tx(ctx, func(tx *store.Tx) error {
		return n.put(ctx, tx, in.key(n.Now()), in.Address, n.loginLetter(in))
	})
	if err != nil {
		return fmt.Errorf("noting a login: %w", err)
	}
	return nil
}

// key is one for all that is told of a login, as long as the outbox remembers it.
func (in Login) key(now time.Time) string {
	if in.ID == "" {
		return "login " + store.NewID(now)
	}
	return "login " + in.Homeserver.String() + " " + in.ID
}

func (n *Notices) loginLetter(in Login) letter {
	l := letter{
		Kind: words.LoggedIn, User: in.User.String(), Homeserver: in.Homeserver, At: in.At.UnixMilli(),
		Device: wording.Name(in.Device, words.MaxDevice),
	}
	if in.Client.IsValid() {
		l.Client = in.Client.String()
	}
	if in.Language != "" {
		l.Language = locale.Match(in.Language).String()
	}
	return l
}

// loginSpared tells whether nobody is to be told of a login any more: the owner has taken
// back, or erased, that the address was shown to the homeserver; or there is no such mailbox.
func (n *Notices) loginSpared(ctx context.Context, to threepid.Address, l letter) (bool, error) {
	shown, err := n.Owners.ShownTo(ctx, l.Homeserver, to)
	if err != nil || !shown {
		return true, err
	}
	return n.Owners.Missing(ctx, to)
}

// admitLogin charges an address for the notice of a login. Owners who want no messages are
// told of two a day: a stranger whose messages are a nuisance must not silence, by that, the
// alarm of a login. What is over the share of one homeserver is told once a day, without its
// particulars.
func (n *Notices) admitLogin(ctx context.Context, to threepid.Address, l letter) (admitted, error) {
	silent, err := n.Owners.Suppressed(ctx, to)
	if err != nil {
		return admitted{}, err
	}
	inbox := string(to.Medium()) + " " + to.Inbox()
	charges := []quota.Charge{{Budget: loginsOfAll, Subject: inbox, N: 1}}
	if to.Medium() == threepid.MSISDN {
		charges = append(charges, quota.Charge{Budget: loginsByText, Subject: inbox, N: 1})
	}
	if silent {
		charges = append(charges, quota.Charge{Budget: loginsRefused, Subject: inbox, N: 1})
	}
	with := func(budget string) []quota.Charge {
		return append(slices.Clone(charges), quota.Charge{Budget: budget, Subject: inbox + " " + l.Homeserver.Owner(), N: 1})
	}
	a, short, err := n.afford(ctx, l, with(loginsOfOne))
	if err != nil || !slices.Equal(short, []string{loginsOfOne}) {
		return a, err
	}
	l.Kind = words.Logins
	a, _, err = n.afford(ctx, l, with(moreLogins))
	return a, err
}

// afford is a letter that is sent if all its charges can be made, or the budgets that had not
// enough.
func (n *Notices) afford(ctx context.Context, l letter, charges []quota.Charge) (a admitted, short []string, err error) {
	err = n.Quota.Charge(ctx, charges...)
	if exhausted, is := errors.AsType[quota.Exhausted](err); is {
		return admitted{}, exhausted.Short, nil
	}
	return admitted{l, err == nil, charges}, nil, err
}
