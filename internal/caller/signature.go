package caller

import (
	"context"
	"errors"
	"fmt"

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
	Body   []byte // JSON, as sent
}

// Homeserver returns the server that signed the call. The signature has no clock
// and no nonce: a call that may not be repeated goes through Once too. Errors:
// ErrSignature, ErrBlocked, ErrHomeserverDown when its keys cannot be had.
//
// Anybody can name any server: at most one server is asked for its keys, and none
// where the name alone refuses the call.
func (g *Gate) Homeserver(ctx context.Context, c SignedCall) (matrix.ServerName, error) {
	signatures, err := c.signatures()
	if err != nil {
		return "", err
	}
	origin := signatures[0].Origin
	if err := g.refuseBlocked(ctx, origin); err != nil {
		return "", err
	}
	if err := g.verifyAny(ctx, c, signatures); err != nil {
		return "", err
	}
	return origin, g.meet(ctx, origin)
}

// signatures reads the headers, one at least. A key of an algorithm that we do not
// know is passed over; two servers, or a token beside a signature, leave open who
// calls and are refused.
func (c SignedCall) signatures() ([]matrix.XMatrix, error) {
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
		found = append(found, x)
	}
	if len(found) == 0 {
		return nil, ErrSignature
	}
	return found, nil
}

// verifyAny is nil when one signature holds.
func (g *Gate) verifyAny(ctx context.Context, c SignedCall, signatures []matrix.XMatrix) (err error) {
	for _, x := range signatures {
		if err = g.verify(ctx, c, x); err == nil {
			return nil
		}
	}
	return err
}

func (g *Gate) verify(ctx context.Context, c SignedCall, x matrix.XMatrix) error {
	if x.Destination != "" && x.Destination != g.Name {
		return ErrSignature
	}
	key, err := g.Federation.VerifyKey(ctx, x.Origin, x.Key)
	switch {
	case errors.Is(err, fedclient.ErrUnreachable):
		g.Log.Info("a homeserver's keys cannot be had", "homeserver", x.Origin, "error", err)
		return ErrHomeserverDown
	case errors.Is(err, fedclient.ErrUnknownKey), errors.Is(err, fedclient.ErrBadKeys),
		errors.Is(err, fedclient.ErrTooLarge), errors.Is(err, fedclient.ErrBadAnswer):
		return ErrSignature
	case err != nil:
		return fmt.Errorf("checking a homeserver's signature: %w", err)
	}
	r := matrix.SignedRequest{Method: c.Method, URI: c.URI, Origin: x.Origin, Destination: g.Name, Content: c.Body}
	if err := r.Verify(x, key); err != nil {
		return ErrSignature
	}
	return nil
}
