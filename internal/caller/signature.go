package caller

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// ErrSignature is the error of a request whose X-Matrix signature is missing,
// wrong, or meant for another server.
var ErrSignature = errors.New("the homeserver's signature is missing, wrong or for another server")

const (
	// maxSignatures bounds the checks that one request costs. A server signs with
	// one key, or with two while it changes them.
	maxSignatures = 4
	// maxAuthorization holds the longest header there can be: two server names, a
	// key id, a signature, and room.
	maxAuthorization = 2 << 10
)

// SignedCall is a request as a homeserver signed it.
type SignedCall struct {
	// Authorization is the values of the headers, a signature each, all of one
	// server.
	Authorization []string
	// Origin is the only server whose signature counts; empty, any server's does.
	Origin matrix.ServerName
	Method string
	URI    string // path and query, as sent
	// Body reads the JSON, as sent. It is called once, if the headers alone do not
	// refuse the call; its error is returned as it is.
	Body func() ([]byte, error)
	// Network is where the call comes from; zero when unknown.
	Network netip.Prefix
}

// Homeserver returns the server that signed the call. The signature has no clock
// and no nonce: a call that may not be repeated goes through Once too. Errors:
// ErrSignature, ErrBlocked, ErrHomeserverDown when its keys cannot be had, and
// matrix.LimitExceeded when too many wait for them, or come from that network, at once.
//
// Anybody can name any server: at most one server is asked for its keys, and none
// where the name alone refuses the call. Whose key is at hand does not wait.
func (g *Gate) Homeserver(ctx context.Context, c SignedCall) (matrix.ServerName, error) {
	signatures, err := c.signatures(g.Name)
	if err != nil {
		return "", err
	}
	origin := signatures[0].Origin
	if err := g.refuseBlocked(ctx, origin); err != nil {
		return "", err
	}
	body, err := c.Body()
	if err != nil {
		return "", err
	}
	r := matrix.SignedRequest{Method: c.Method, URI: c.URI, Origin: origin, Destination: g.Name, Content: body}
	if err := g.verifyAny(ctx, r, c.Network, signatures); err != nil {
		return "", err
	}
	return origin, g.meet(ctx, origin)
}

// signatures reads the headers that are meant for us, one at least. A key of an
// algorithm that we do not know is passed over; two servers, or a token beside a
// signature, leave open who calls and are refused.
func (c SignedCall) signatures(us matrix.ServerName) ([]matrix.XMatrix, error) {
	if len(c.Authorization) > maxSignatures {
		return nil, ErrSignature
	}
	var found []matrix.XMatrix
	origin := c.Origin
	for _, header := range c.Authorization {
		if len(header) > maxAuthorization || !matrix.IsXMatrix(header) {
			return nil, ErrSignature
		}
		x, err := matrix.ParseXMatrix(header)
		if err != nil {
			continue
		}
		if origin == "" {
			origin = x.Origin
		}
		if x.Origin != origin {
			return nil, ErrSignature
		}
		if x.Destination == "" || x.Destination == us {
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		return nil, ErrSignature
	}
	return found, nil
}

// verifyAny is nil when one signature holds.
func (g *Gate) verifyAny(ctx context.Context, r matrix.SignedRequest, from netip.Prefix, signatures []matrix.XMatrix) error {
	var err error
	for _, x := range signatures {
		var key ed25519.PublicKey
		if key, err = g.key(ctx, from, x); err != nil {
			continue
		}
		if err = r.Verify(x, key); err == nil {
			return nil
		}
		err = ErrSignature
	}
	return err
}

// key is the key that a signature names, asked for if it is not at hand.
func (g *Gate) key(ctx context.Context, from netip.Prefix, x matrix.XMatrix) (ed25519.PublicKey, error) {
	key, err := g.Federation.KeyAtHand(x.Origin, x.Key)
	if errors.Is(err, fedclient.ErrNotAtHand) {
		err = g.visit(ctx, from, x.Origin, func(ctx context.Context) (err error) {
			key, err = g.Federation.VerifyKey(ctx, x.Origin, x.Key)
			return err
		})
	}
	return key, g.keyError(x.Origin, err)
}

// keyError is what it means to a caller that a key cannot be had.
func (g *Gate) keyError(server matrix.ServerName, err error) error {
	_, crowded := errors.AsType[matrix.LimitExceeded](err)
	switch {
	case err == nil, crowded:
		return err
	case errors.Is(err, fedclient.ErrUnreachable):
		g.Log.Info("a homeserver's keys cannot be had", "homeserver", server, "error", err)
		return ErrHomeserverDown
	case errors.Is(err, fedclient.ErrUnknownKey), errors.Is(err, fedclient.ErrBadKeys),
		errors.Is(err, fedclient.ErrTooLarge), errors.Is(err, fedclient.ErrBadAnswer):
		return ErrSignature
	}
	return fmt.Errorf("checking a homeserver's signature: %w", err)
}
