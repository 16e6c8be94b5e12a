package clientapi

import (
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
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
	byGuess    budget = "guess.network"  // of names and registration tokens, and pages of stages
	byConfirm  budget = "confirm.user"   // what must be authenticated again
	byWrite    budget = "write.user"     // what else is stored
	byLookup   budget = "lookup.network" // of what other servers have to be asked for
	bySignal   budget = "signal.user"    // receipts and typing

	siteSuffix = ".site"
	siteTimes  = 8
)

// limits are the sizes of the budgets. Those of above 1,000 an hour are leased, so that
// they cost no write each (internal/quota).
var limits = map[budget]struct {
	limit int
	per   time.Duration
}{
	byRegister: {200, time.Hour},
	byLogin:    {300, time.Hour},
	byRefresh:  {1000, 10 * time.Minute},
	byGuess:    {600, time.Hour},
	byConfirm:  {120, time.Hour},
	byWrite:    {1000, 10 * time.Minute},
	byLookup:   {1000, 10 * time.Minute},
	bySignal:   {3000, 10 * time.Minute},
}

func (b budget) ofNetwork() bool { return strings.HasSuffix(string(b), ".network") }

// Budgets are the limits of the API, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for b, l := range limits {
		all = append(all, quota.Budget{Name: string(b), Limit: l.limit, Per: l.per, DryRun: dryRun})
		if b.ofNetwork() {
			all = append(all, quota.Budget{Name: string(b) + siteSuffix, Limit: siteTimes * l.limit, Per: l.per, DryRun: dryRun})
		}
	}
	return all
}

// limited charges the client's network before a handler is called. A client of unknown
// address is charged nothing: there is no telling whom it would be for.
func (a *API) limited(b budget, handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.chargeNetwork(c, b); err != nil {
			return err
		}
		return handle(c)
	}
}

func (a *API) chargeNetwork(c echo.Context, b budget) error {
	var charges []quota.Charge
	if network := mxhttp.ClientNetwork(c); network.IsValid() {
		charges = append(charges, quota.Charge{Budget: string(b), Subject: network.String(), N: 1})
		if network.Addr().Is6() {
			site := netip.PrefixFrom(network.Addr(), 48).Masked()
			charges = append(charges, quota.Charge{Budget: string(b) + siteSuffix, Subject: site.String(), N: 1})
		}
	}
	return a.charge(c, charges...)
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

// charge tells whether the budgets have enough. Without a quota there are no limits.
func (a *API) charge(c echo.Context, charges ...quota.Charge) error {
	if a.Quota == nil || len(charges) == 0 {
		return nil
	}
	return a.Quota.Charge(c.Request().Context(), charges...)
}
