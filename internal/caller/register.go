package caller

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Why an OpenID token does not register an account.
var (
	// ErrTokenType says that the token is not of the only kind the specification
	// knows.
	ErrTokenType = errors.New("token_type must be Bearer")
	// ErrOpenIDRefused says that the homeserver does not know the token.
	ErrOpenIDRefused = errors.New("the homeserver does not accept this OpenID token")
	// ErrOpenIDForged says that the homeserver's answer cannot be believed: it names
	// nobody, or somebody of another server.
	ErrOpenIDForged = errors.New("the homeserver's answer does not name one of its own users")
	// ErrHomeserverDown says that the homeserver did not answer.
	ErrHomeserverDown = errors.New("the homeserver cannot be reached")
)

// OpenID is the token that a homeserver gave its user for us (client-server API,
// POST /user/{userId}/openid/request_token). How long it holds is its homeserver's
// to say, when asked.
type OpenID struct {
	AccessToken string
	TokenType   string
	Homeserver  matrix.ServerName
	// Network is where the one who brings it comes from; zero when unknown.
	Network netip.Prefix
}

// Register asks the homeserver whose token this is and returns an access token of
// ours for that user. Besides the errors above: ErrBlocked, and
// matrix.LimitExceeded when too many wait for that homeserver, or come from that
// network, at once, or a budget is used up.
func (g *Gate) Register(ctx context.Context, o OpenID) (token string, err error) {
	if o.TokenType != "Bearer" {
		return "", ErrTokenType
	}
	if err := g.refuseBlocked(ctx, o.Homeserver); err != nil {
		return "", err
	}
	user, err := g.vouchedFor(ctx, o)
	if err != nil {
		return "", err
	}
	token = "sit_" + rand.Text() + rand.Text()
	if err := g.welcome(ctx, token, user); err != nil {
		return "", fmt.Errorf("storing an access token: %w", err)
	}
	return token, nil
}

// vouchedFor is chargedUserInfo for no more callers at once than there are places.
func (g *Gate) vouchedFor(ctx context.Context, o OpenID) (user matrix.UserID, err error) {
	newcomer, err := g.newcomer(ctx, o.Homeserver)
	if err != nil {
		return "", err
	}
	v := visitor{network: o.Network, server: o.Homeserver, newcomer: newcomer}
	err = g.visit(ctx, o.Network, o.Homeserver, func(ctx context.Context) error {
		user, err = g.chargedUserInfo(ctx, o, v)
		return err
	})
	return user, err
}

// chargedUserInfo is userInfo within the visitor's budgets. The homeserver's are given
// back if it does not vouch: anybody can name it.
func (g *Gate) chargedUserInfo(ctx context.Context, o OpenID, v visitor) (matrix.UserID, error) {
	theirs := v.charges(homeserverBudgets)
	if err := g.Quota.Charge(ctx, append(v.charges(networkBudgets), theirs...)...); err != nil {
		return "", err
	}
	user, err := g.userInfo(ctx, o)
	if err != nil {
		return "", errors.Join(err, g.Quota.Refund(ctx, theirs...))
	}
	return user, nil
}

// welcome stores the token, and since when the account and its homeserver are known.
func (g *Gate) welcome(ctx context.Context, token string, user matrix.UserID) error {
	if err := g.meet(ctx, user.Server()); err != nil {
		return err
	}
	now := g.Now()
	return g.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := insertToken(ctx, tx, g.tokens.Of(token), user, now); err != nil {
			return err
		}
		return upsertAccount(ctx, tx, g.accounts.Of(user.String()), now)
	})
}

// userInfo asks the homeserver (server-server API, GET /openid/userinfo).
func (g *Gate) userInfo(ctx context.Context, o OpenID) (matrix.UserID, error) {
	answer, err := g.Federation.Do(ctx, fedclient.Request{
		Server: o.Homeserver,
		Method: http.MethodGet,
		Path:   "/_matrix/federation/v1/openid/userinfo?" + url.Values{"access_token": {o.AccessToken}}.Encode(),
	})
	switch {
	case errors.Is(err, fedclient.ErrUnreachable):
		g.Log.Info("a homeserver cannot be reached for an OpenID token", "homeserver", o.Homeserver, "error", err)
		return "", ErrHomeserverDown
	case errors.Is(err, fedclient.ErrTooLarge), errors.Is(err, fedclient.ErrBadAnswer):
		return "", ErrOpenIDForged
	case err != nil:
		return "", fmt.Errorf("checking an OpenID token: %w", err)
	case answer.Status >= http.StatusInternalServerError:
		return "", ErrHomeserverDown
	case answer.Status >= http.StatusBadRequest:
		return "", ErrOpenIDRefused
	case answer.Status != http.StatusOK:
		return "", ErrOpenIDForged
	}
	var info struct {
		Sub string `json:"sub"`
	}
	if err := answer.Decode(&info); err != nil {
		return "", ErrOpenIDForged
	}
	user, err := matrix.ParseUserID(info.Sub)
	if err != nil || user.Server() != o.Homeserver {
		return "", ErrOpenIDForged
	}
	return user, nil
}
