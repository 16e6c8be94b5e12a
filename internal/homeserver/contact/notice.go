package contact

import (
	"context"
	"errors"
	"net/netip"

	"signet/internal/idclient"
	"signet/internal/matrix"
)

// NewLogin is what the owner of an account is told of.
type NewLogin struct {
	User     matrix.UserID
	Device   string     // as whoever logged in calls it; empty where they do not
	Client   netip.Addr // where they were; zero where that is not known
	Language string     // of the notice (BCP 47); empty where that is not known
}

// maxTold is how many addresses of an account are told: those that were added first, which a
// thief cannot put before the owner's.
const maxTold = 4

// Tell has the owner of an account told of a login, at every address: who logged in by one of
// them may be who reads it. It asks the identity server once for each, and remembers nothing.
// The error is of all that failed, ErrNoIdentityServer among them, and names no address.
func (c *Contacts) Tell(ctx context.Context, n NewLogin) error {
	at, ok := c.Trusted.Default()
	if !ok {
		return ErrNoIdentityServer
	}
	all, err := c.Of(ctx, n.User)
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range all[:min(len(all), maxTold)] {
		errs = append(errs, c.Identity.Notify(ctx, at, idclient.Notice{
			Address: one.Address, User: n.User, Device: n.Device, Client: n.Client, Language: n.Language,
		}))
	}
	return errors.Join(errs...)
}
