package caller

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Held is what is stored here about a user, as a document for that user. Times are
// milliseconds since 1970.
type Held struct {
	Since  int64       `json:"since_ts,omitzero"` // known here since; kept under a keyed hash of the user alone
	Tokens []HeldToken `json:"tokens"`
	Terms  []HeldTerms `json:"accepted_terms"`
}

// HeldToken is an access token, of which no more than this and its HMAC is stored.
type HeldToken struct {
	Created int64 `json:"created_ts"`
	Seen    int64 `json:"seen_ts"` // last used, within a day
}

// HeldTerms is a document that the user has accepted.
type HeldTerms struct {
	URL      string `json:"url"`
	Accepted int64  `json:"accepted_ts"`
}

// HeldBy is a Held of a user.
func (g *Gate) HeldBy(ctx context.Context, user matrix.UserID) (any, error) {
	since, _, err := g.AccountSince(ctx, user)
	if err != nil {
		return nil, err
	}
	tokens, err := g.Tokens(ctx, user)
	if err != nil {
		return nil, err
	}
	terms, err := selectAcceptances(ctx, g.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading accepted terms: %w", err)
	}
	h := Held{Since: store.Millis(since), Tokens: []HeldToken{}, Terms: append([]HeldTerms{}, terms...)}
	for _, t := range tokens {
		h.Tokens = append(h.Tokens, HeldToken{Created: t.Created.UnixMilli(), Seen: t.Seen.UnixMilli()})
	}
	return h, nil
}

// EraseUser forgets a user in tx: tokens, accepted terms, and since when the user is known.
func (g *Gate) EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, errTokens := deleteTokens(ctx, tx, user)
	err := errors.Join(errTokens, deleteAccepted(ctx, tx, user), deleteAccount(ctx, tx, g.accounts.Of(user.String())))
	if err != nil {
		return fmt.Errorf("forgetting an account: %w", err)
	}
	return nil
}
