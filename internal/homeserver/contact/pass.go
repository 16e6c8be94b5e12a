package contact

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
)

const (
	// passLife is how long a CAPTCHA that somebody has solved to sign up counts for a message,
	// which is as long as identity servers of ours remember it.
	passLife = 10 * time.Minute
	// maxPasses is how many are tried for one message, of the people of one network.
	maxPasses = 3
)

// Passed remembers where a challenge of this homeserver's was met to sign up: it covers one
// message that is asked for from there, as people do whose client knows of no challenge.
func (c *Contacts) Passed(ctx context.Context, client netip.Addr, challenge string) error {
	if !client.IsValid() {
		return nil
	}
	if err := insertPass(ctx, c.DB, c.network(client), challenge, c.Now().Add(passLife)); err != nil {
		return fmt.Errorf("remembering a CAPTCHA that was solved: %w", err)
	}
	return nil
}

// network is a tag of the network that a subscriber has.
func (c *Contacts) network(client netip.Addr) []byte {
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	network, _ := client.Prefix(bits) // fails for no address, and for more bits than it has
	return c.networks.Of(network.String())
}

// send has a code sent. Where the identity server wants a CAPTCHA first, and none is named,
// those are that were solved to sign up where the person is. That server alone knows whether one
// was used up, so it is forgotten by what that says.
func (c *Contacts) send(ctx context.Context, at idclient.Server, w Wish, owner matrix.UserID) (sid string, err error) {
	sid, err = c.Identity.RequestToken(ctx, at, idclient.Homeserver, w.validation(owner))
	if w.Purpose != idclient.Register || w.Challenge != "" || !needsCaptcha(err) {
		return sid, err
	}
	passes, failed := c.passes(ctx, w.Client)
	if failed != nil {
		return "", failed
	}
	for _, w.Challenge = range passes {
		sid, err = c.Identity.RequestToken(ctx, at, idclient.Homeserver, w.validation(owner))
		if err != nil && !needsCaptcha(err) {
			return "", err
		}
		if failed := deletePass(ctx, c.DB, c.network(w.Client), w.Challenge); failed != nil {
			return "", fmt.Errorf("forgetting a CAPTCHA that was solved: %w", failed)
		}
		if err == nil {
			return sid, nil
		}
	}
	return "", err
}

func needsCaptcha(err error) bool {
	_, needed := errors.AsType[idclient.CaptchaNeeded](err)
	return needed
}

// passes are the challenges that were met where a client is, the latest first.
func (c *Contacts) passes(ctx context.Context, client netip.Addr) ([]string, error) {
	if !client.IsValid() {
		return nil, nil
	}
	passes, err := selectPasses(ctx, c.DB, c.network(client), c.Now())
	if err != nil {
		return nil, fmt.Errorf("reading which CAPTCHAs were solved: %w", err)
	}
	return passes, nil
}
