package clientapi

import (
	"context"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
)

// beginning is a time after somebody has registered in which the budgets of their account are
// small: an account is soon made, and what a machine makes it for is sent at once.
type beginning struct {
	suffix  string // of the names of its budgets
	until   time.Duration
	percent int // of the usual limit
}

// beginnings are in their order. Accounts that the operator has made have none.
var beginnings = []beginning{
	{".day1", 24 * time.Hour, 10},
	{".week1", 7 * 24 * time.Hour, 30},
}

// growing are the paces that begin small: what reaches people.
var growing = []pace{bySend, byInvite}

// of is the budget that an account has beside the usual one in its beginning.
func (b beginning) of(p pace) budget { return p.user + budget(b.suffix) }

// beginnersBudgets are those of all beginnings.
func beginnersBudgets() (all []quota.Budget) {
	for _, p := range growing {
		for _, b := range beginnings {
			all = b.of(p).add(all, paces[p].limit*b.percent/100, paces[p].per)
		}
	}
	return all
}

// beginner is the charge for a new account, if it has to be made for one.
func (a *API) beginner(ctx context.Context, p pace, user matrix.UserID) ([]quota.Charge, error) {
	if a.Meter == nil || !slices.Contains(growing, p) {
		return nil, nil
	}
	since, err := a.Accounts.Newcomer(ctx, user)
	if err != nil || since.IsZero() {
		return nil, err
	}
	age := a.Now().Sub(since)
	for _, b := range beginnings {
		if age < b.until {
			return []quota.Charge{{Budget: string(b.of(p)), Subject: user.String()}}, nil
		}
	}
	return nil, nil
}
