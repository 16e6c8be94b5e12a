package clientapi

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
)

// budget is a limit on what a subject may ask for, whatever comes of it.
type budget string

// Of each, the suffix tells whose it is: a user's, or a network's, which is an IPv4
// address or an IPv6 /64 (mxhttp.ClientNetwork); siteSuffix is the IPv6 /48 around it,
// which one subscriber may have whole, with eight times as many.
const (
	byRegister budget = "register.network" // registrations, each stage one
	byLogin    budget = "login.network"
	byRefresh  budget = "refresh.network"
	byGuess    budget = "guess.network" // of names and registration tokens, and pages of stages
	byCode     budget = "code.network"  // messages with codes to addresses
	byCodeOf   budget = "code.user"
	byAddress  budget = "address.user"    // what identity servers are asked to bind and unbind
	byPoll     budget = "poll.network"    // of those who wait for a stage to be passed elsewhere
	byCaptcha  budget = "captcha.network" // CAPTCHAs that are made
	byReset    budget = "reset.network"   // of passwords, each stage one
	byConfirm  budget = "confirm.user"    // what must be authenticated again
	byGrant    budget = "grant.user"      // login tokens, the question and the answer each one
	byWrite    budget = "write.user"      // what else is stored
	byReport   budget = "report.user"     // what is kept for the operators to read
	byLookup   budget = "lookup.network"  // of what other servers have to be asked for
	byFind     budget = "find.user"       // addresses that people are searched by
	byFindOf   budget = "find.network"
	byCheck    budget = "check.user" // look-ups in the key directory
	byCheckOf  budget = "check.network"

	siteSuffix = ".site"
	siteTimes  = 8
)

// pace is how fast a user may go on, and how fast all users of a network.
type pace struct{ user, network budget }

// The paces are kept in memory (quota.Meter): events are sent more often than a database
// should be asked, and those of this process are all there are.
var (
	bySend   = pace{"send.user", "send.network"}     // events into rooms
	byJoin   = pace{"join.user", "join.network"}     // knocks too
	byInvite = pace{"invite.user", "invite.network"} // each user who is invited
	byCreate = pace{"create.user", "create.network"} // rooms, by upgrades too
	bySignal = pace{"signal.user", "signal.network"} // receipts and typing
	byAsk    = pace{"ask.user", "ask.network"}       // each user whose keys are asked for
	bySearch = pace{"search.user", "search.network"} // people, with each letter that is typed
	byFill   = pace{"fill.user", "fill.network"}     // each KiB of messages that is kept for devices
)

var paces = map[pace]struct {
	limit, network int
	per            time.Duration
}{
	bySend:   {6000, 60_000, 10 * time.Minute},
	byJoin:   {300, 3000, time.Hour},
	byInvite: {300, 3000, time.Hour},
	byCreate: {100, 1000, time.Hour},
	bySignal: {6000, 60_000, 10 * time.Minute},
	byAsk:    {60_000, 600_000, 10 * time.Minute}, // a large room a dozen times
	bySearch: {600, 6000, 10 * time.Minute},
	byFill:   {64 << 10, 640 << 10, 10 * time.Minute},
}

// limits are the sizes of the other budgets. Those of above 1,000 an hour are leased, so that
// they cost no write each (internal/quota).
var limits = map[budget]struct {
	limit int
	per   time.Duration
}{
	byRegister: {200, time.Hour},
	byLogin:    {300, time.Hour},
	byRefresh:  {1000, 10 * time.Minute},
	byGuess:    {600, time.Hour},
	byCode:     {120, time.Hour},
	byCodeOf:   {30, time.Hour},
	byAddress:  {120, time.Hour},
	byPoll:     {6000, time.Hour},
	byCaptcha:  {30, time.Hour},
	byReset:    {100, time.Hour},
	byConfirm:  {120, time.Hour},
	byGrant:    {60, time.Hour},
	byWrite:    {1000, 10 * time.Minute},
	byReport:   {100, time.Hour},
	byLookup:   {1000, 10 * time.Minute},
	byFind:     {30, time.Hour},
	byFindOf:   {120, time.Hour},
	byCheck:    {300, time.Hour},
	byCheckOf:  {1000, time.Hour},
}

func (b budget) ofNetwork() bool { return strings.HasSuffix(string(b), ".network") }

// Budgets are the limits of the API, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) (all []quota.Budget) {
	for b, l := range limits {
		all = b.add(all, l.limit, l.per)
	}
	return dry(all, dryRun)
}

// Paces are the limits of the API, for the meter that it charges.
func Paces(dryRun bool) (all []quota.Budget) {
	for p, l := range paces {
		all = p.user.add(all, l.limit, l.per)
		all = p.network.add(all, l.network, l.per)
	}
	return dry(append(all, beginnersBudgets()...), dryRun)
}

// add adds a budget, with that of the site around a network.
func (b budget) add(all []quota.Budget, limit int, per time.Duration) []quota.Budget {
	all = append(all, quota.Budget{Name: string(b), Limit: limit, Per: per})
	if b.ofNetwork() {
		all = append(all, quota.Budget{Name: string(b) + siteSuffix, Limit: siteTimes * limit, Per: per})
	}
	return all
}

func dry(budgets []quota.Budget, dryRun bool) []quota.Budget {
	for i := range budgets {
		budgets[i].DryRun = dryRun
	}
	return budgets
}

// ofClient are charges for the client's network. A client of unknown address is charged
// nothing: there is no telling whom it would be for.
func (b budget) ofClient(c echo.Context, n int) (charges []quota.Charge) {
	network := mxhttp.ClientNetwork(c)
	if !network.IsValid() {
		return nil
	}
	charges = append(charges, quota.Charge{Budget: string(b), Subject: network.String(), N: n})
	if network.Addr().Is6() {
		site := netip.PrefixFrom(network.Addr(), 48).Masked()
		charges = append(charges, quota.Charge{Budget: string(b) + siteSuffix, Subject: site.String(), N: n})
	}
	return charges
}

// limited charges the client's network before a handler is called.
func (a *API) limited(b budget, handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.chargeNetwork(c, b); err != nil {
			return err
		}
		return handle(c)
	}
}

func (a *API) chargeNetwork(c echo.Context, b budget) error {
	return a.charge(c, b.ofClient(c, 1)...)
}

// limitedTo charges the user before a handler is called.
func (a *API) limitedTo(b budget, handle deviceHandler) echo.HandlerFunc {
	return a.authenticated(func(c echo.Context, by account.Device) error {
		if err := a.charge(c, quota.Charge{Budget: string(b), Subject: by.User.String(), N: 1}); err != nil {
			return err
		}
		return handle(c, by)
	})
}

// paced has a user go at a pace before a handler is called.
func (a *API) paced(p pace, handle deviceHandler) echo.HandlerFunc {
	return a.authenticated(func(c echo.Context, by account.Device) error {
		if err := a.step(c, p, by.User, 1); err != nil {
			return err
		}
		return handle(c, by)
	})
}

// step tells whether a user may go so many steps on. Without a meter there are no limits.
func (a *API) step(c echo.Context, p pace, user matrix.UserID, n int) error {
	return a.steps(c, p, user)(n)
}

// steps is step for what is known later: it may be called when the request is over.
func (a *API) steps(c echo.Context, p pace, user matrix.UserID) func(n int) error {
	beginner, err := a.beginner(c.Request().Context(), p, user)
	charges := slices.Concat(p.network.ofClient(c, 1), []quota.Charge{{Budget: string(p.user), Subject: user.String()}}, beginner)
	return func(n int) error {
		if a.Meter == nil || n == 0 || err != nil {
			return err
		}
		for i := range charges {
			charges[i].N = n
		}
		return a.Meter.Charge(charges...)
	}
}

// charge tells whether the budgets have enough. Without a quota there are no limits.
func (a *API) charge(c echo.Context, charges ...quota.Charge) error {
	if a.Quota == nil || len(charges) == 0 {
		return nil
	}
	return a.Quota.Charge(c.Request().Context(), charges...)
}
