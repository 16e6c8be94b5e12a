package fedapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
)

// budget is a limit on what servers of one owner (matrix.ServerName.Owner) may ask for,
// whatever comes of it. The empty one is none.
type budget string

const (
	byInvite    budget = "federation.invite.server"    // of people here
	byInvited   budget = "federation.invite.user"      // of one person, by servers of one owner
	byHandshake budget = "federation.handshake.server" // memberships, proposed and taken
	byClaim     budget = "federation.claim.server"     // of one-time keys

	// byOnBind is that of the network of whoever says that addresses were bound: nobody signs
	// for that.
	byOnBind budget = "federation.onbind.network"
)

// limits are the sizes of the budgets, an hour. Those of above 1,000 are leased, so that
// they cost no write each (internal/quota).
var limits = map[budget]int{byInvite: 600, byInvited: 30, byHandshake: 6000, byClaim: 6000, byOnBind: 6000}

// Budgets are the limits of the API, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for b, limit := range limits {
		all = append(all, quota.Budget{Name: string(b), Limit: limit, Per: time.Hour, DryRun: dryRun})
	}
	return all
}

// charge tells whether a server has enough. Without a quota there are no limits.
func (a *API) charge(c echo.Context, b budget, origin matrix.ServerName) error {
	if a.Quota == nil || b == "" {
		return nil
	}
	return a.Quota.Charge(c.Request().Context(), quota.Charge{Budget: string(b), Subject: origin.Owner(), N: 1})
}

// chargeFor is charge of what is about one person: nobody else uses their budget up.
func (a *API) chargeFor(c echo.Context, b budget, origin matrix.ServerName, user matrix.UserID) error {
	if a.Quota == nil {
		return nil
	}
	return a.Quota.Charge(c.Request().Context(), quota.Charge{Budget: string(b), Subject: origin.Owner() + " " + user.String(), N: 1})
}

// ChargeInvitation charges an invitation that no endpoint was asked for: it came as an event of a
// room. The error is matrix.LimitExceeded.
func ChargeInvitation(ctx context.Context, q *quota.Quota, by, user matrix.UserID) error {
	owner := by.Server().Owner()
	return q.Charge(ctx, quota.Charge{Budget: string(byInvite), Subject: owner, N: 1}, quota.Charge{Budget: string(byInvited), Subject: owner + " " + user.String(), N: 1})
}

// chargeNetwork is charge for who has not signed.
func (a *API) chargeNetwork(c echo.Context, b budget, n int) error {
	network := mxhttp.ClientNetwork(c)
	if a.Quota == nil || n == 0 || !network.IsValid() {
		return nil
	}
	return a.Quota.Charge(c.Request().Context(), quota.Charge{Budget: string(b), Subject: network.String(), N: n})
}
