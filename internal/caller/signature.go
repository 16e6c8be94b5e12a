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

// SignedCall is a request as a homeserver signed it.
type SignedCall struct {
	Authorization string // the header's value
	Method        string
	URI           string // path and query, as sent
	Body          []byte // JSON
}

// Homeserver returns the server that signed the call. The signature has no clock
// and no nonce: the calls it is accepted on may be repeated. Errors: ErrSignature,
// ErrHomeserverDown when its keys cannot be had.
func (g *Gate) Homeserver(ctx context.Context, c SignedCall) (matrix.ServerName, error) {
	x, err := matrix.ParseXMatrix(c.Authorization)
	if err != nil || x.Destination != "" && x.Destination != g.Name {
		return "", ErrSignature
	}
	key, err := g.Federation.VerifyKey(ctx, x.Origin, x.Key)
	switch {
	case errors.Is(err, fedclient.ErrUnreachable):
		g.Log.Info("a homeserver's keys cannot be had", "homeserver", x.Origin, "error", err)
		return "", ErrHomeserverDown
	case errors.Is(err, fedclient.ErrUnknownKey), errors.Is(err, fedclient.ErrBadKeys),
		errors.Is(err, fedclient.ErrTooLarge), errors.Is(err, fedclient.ErrBadAnswer):
		return "", ErrSignature
	case err != nil:
		return "", fmt.Errorf("checking a homeserver's signature: %w", err)
	}
	r := matrix.SignedRequest{Method: c.Method, URI: c.URI, Origin: x.Origin, Destination: g.Name, Content: c.Body}
	if err := r.Verify(x, key); err != nil {
		return "", ErrSignature
	}
	return x.Origin, nil
}
