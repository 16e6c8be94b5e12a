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

// What is what has happened at an account, in the word that homeservers have for it.
type What string

// What owners are told of.
const (
	Login    What = "login"
	Password What = "password" // another one was set
	Added    What = "address_added"
	Removed  What = "address_removed"
)

// sort is what is particular to the notices of a What.
type sort struct {
	what       What
	kind, more words.Kind // of each, and of the one that tells of those that are not told one by one
	budgets    string     // what the names of their budgets begin with
}

var sorts = []sort{
	{Login, words.LoggedIn, words.Logins, ofLogins},
	{Password, words.Password, words.Passwords, ofPasswords},
	{Added, words.Added, words.Addresses, ofAddresses},
	{Removed, words.Removed, words.Addresses, ofAddresses},
}

// sortOf is the sort for which something is true.
func sortOf(is func(sort) bool) (sort, bool) {
	i := slices.IndexFunc(sorts, is)
	if i < 0 {
		return sort{}, false
	}
	return sorts[i], true
}

// The budgets of notices about accounts. Logins, passwords and addresses have their own of an
// address, so that a flood of the one hides nothing of the others: for those of one homeserver and
// of all together; of one whose owner wants no messages; of a number, whose messages cost money;
// and of the notice that tells that there is more. A homeserver has one for all.
const (
	ofLogins     = "lookup.notice.login"
	ofPasswords  = "lookup.notice.password"
	ofAddresses  = "lookup.notice.address"
	ofHomeserver = ofLogins + ".homeserver"
	ofOne        = ".destination"
	ofAll        = ".destinations"
	ofSilent     = ".refused"
	byText       = ".sms"
	ofMore       = ".more"
)

func accountBudgets(dryRun bool) []quota.Budget {
	all := []quota.Budget{{Name: ofHomeserver, Limit: 500, Per: time.Hour, DryRun: dryRun}}
	for _, of := range []string{ofLogins, ofPasswords, ofAddresses} {
		for _, b := range []struct {
			name  string
			limit int
		}{{ofOne, 6}, {ofAll, 20}, {ofSilent, 2}, {byText, 3}, {ofMore, 1}} {
			all = append(all, quota.Budget{Name: of + b.name, Limit: b.limit, Per: 24 * time.Hour, DryRun: dryRun})
		}
	}
	return all
}

// ErrNotShown says that control of the address was not shown to the homeserver, or too long
// ago.
var ErrNotShown = errors.New("the owner of this address has not shown control of it to this homeserver, or too long ago")

// ErrWhat says that nobody is told of such a thing.
var ErrWhat = errors.New("kind must be login, password, address_added or address_removed")

// ErrWhen says that nobody is told of what happened at that time.
var ErrWhen = errors.New("what is told of is of the last 30 days, by this server's clock")

const (
	// toldFor is how long ago it may be.
	toldFor = 30 * 24 * time.Hour
	// clocksDiffer is by how much a homeserver's clock may be ahead.
	clocksDiffer = 5 * time.Minute
)

// Incident is what somebody did at an account at a homeserver, which has its owner told.
type Incident struct {
	What       What
	Homeserver matrix.ServerName // whose word it is
	ID         string            // told again by the same one it is the same, within a day; empty: none
	At         time.Time         // zero: now
	User       matrix.UserID     // of that homeserver
	Address    threepid.Address
	Device     string     // what whoever did it calls theirs; may be empty
	Client     netip.Addr // where they were, if that is known
	Language   string     // what the owner reads (BCP 47), if that is known
}

// Happened puts a notice of it to the account's address, if notices go that way. Whether its
// owner reads it nobody learns. Errors: ErrNotShown, which is charged too, or homeservers could
// try out addresses; ErrWhat; ErrWhen; matrix.LimitExceeded.
func (n *Notices) Happened(ctx context.Context, in Incident) error {
	l, err := n.accountLetter(in)
	if err != nil {
		return err
	}
	err = n.Quota.Charge(ctx, quota.Charge{Budget: ofHomeserver, Subject: in.Homeserver.Owner(), N: 1})
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
		return n.put(ctx, tx, in.key(n.Now()), in.Address, l)
	})
	if err != nil {
		return fmt.Errorf("noting what happened at an account: %w", err)
	}
	return nil
}

// key is one for all that is told of it, as long as the outbox remembers it.
func (in Incident) key(now time.Time) string {
	if in.ID == "" {
		return string(in.What) + " " + store.NewID(now)
	}
	return string(in.What) + " " + in.Homeserver.String() + " " + in.ID
}

// accountLetter is what the owner is told. Errors: ErrWhat, ErrWhen.
func (n *Notices) accountLetter(in Incident) (letter, error) {
	s, known := sortOf(func(s sort) bool { return s.what == in.What })
	if !known {
		return letter{}, ErrWhat
	}
	now := n.Now()
	if in.At.IsZero() {
		in.At = now
	}
	if ago := now.Sub(in.At); ago > toldFor || ago < -clocksDiffer {
		return letter{}, ErrWhen
	}
	l := letter{
		Kind: s.kind, User: in.User.String(), Homeserver: in.Homeserver, At: in.At.UnixMilli(),
		Device: wording.Name(in.Device, words.MaxDevice),
	}
	if in.Client.IsValid() {
		l.Client = in.Client.String()
	}
	if in.Language != "" {
		l.Language = locale.Match(in.Language).String()
	}
	return l, nil
}

// accountSpared tells whether nobody is to be told of it any more: the owner has taken
// back, or erased, that the address was shown to the homeserver; or there is no such mailbox.
func (n *Notices) accountSpared(ctx context.Context, to threepid.Address, l letter) (bool, error) {
	shown, err := n.Owners.ShownTo(ctx, l.Homeserver, to)
	if err != nil || !shown {
		return true, err
	}
	return n.Owners.Missing(ctx, to)
}

// admitAccount charges an address for a notice of an account. Owners who want no messages are
// told of two of a sort a day: a stranger whose messages are a nuisance must not silence, by that,
// the alarm. What is over the share of one homeserver is told once a day, without its particulars.
func (n *Notices) admitAccount(ctx context.Context, to threepid.Address, l letter) (admitted, error) {
	silent, err := n.Owners.Suppressed(ctx, to)
	if err != nil {
		return admitted{}, err
	}
	of, _ := sortOf(func(s sort) bool { return s.kind == l.Kind })
	inbox := string(to.Medium()) + " " + to.Inbox()
	charges := []quota.Charge{{Budget: of.budgets + ofAll, Subject: inbox, N: 1}}
	if to.Medium() == threepid.MSISDN {
		charges = append(charges, quota.Charge{Budget: of.budgets + byText, Subject: inbox, N: 1})
	}
	if silent {
		charges = append(charges, quota.Charge{Budget: of.budgets + ofSilent, Subject: inbox, N: 1})
	}
	with := func(budget string) []quota.Charge {
		return append(slices.Clone(charges), quota.Charge{Budget: budget, Subject: inbox + " " + l.Homeserver.Owner(), N: 1})
	}
	a, short, err := n.afford(ctx, l, with(of.budgets+ofOne))
	if err != nil || !slices.Equal(short, []string{of.budgets + ofOne}) {
		return a, err
	}
	l.Kind = of.more
	a, _, err = n.afford(ctx, l, with(of.budgets+ofMore))
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
