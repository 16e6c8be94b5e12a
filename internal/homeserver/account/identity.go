package account

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// ErrIdentityServer says that a stage cannot be passed for now, whatever the person does.
var ErrIdentityServer = errors.New("the identity server cannot be asked now; nothing is lost, try again in a while")

// away is what it means that an identity server does not answer, or answers this homeserver
// something else than it was asked: ErrIdentityServer, or matrix.LimitExceeded.
func away(err error) error {
	if refusal, ok := errors.AsType[fedclient.Refusal](err); ok && refusal.Status == http.StatusTooManyRequests {
		return matrix.LimitExceeded{RetryAfter: max(refusal.RetryAfter, time.Second)}
	}
	return fmt.Errorf("%w: %w", ErrIdentityServer, err)
}
