package contact

import (
	"errors"
	"net/http"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// refuses tells whether an identity server, or what stands before it, has not done what it was
// asked. A gateway that gives up waiting does not know that.
func refuses(err error) bool {
	refused, is := errors.AsType[fedclient.Refusal](err)
	return is && refused.Status >= http.StatusBadRequest && refused.Status < http.StatusInternalServerError
}

// refusesForGood tells whether an identity server will have none of it the next time either:
// it says so in words of the protocol, as whatever stands before it does not.
func refusesForGood(err error) bool {
	refused, _ := errors.AsType[fedclient.Refusal](err)
	return refuses(err) && refused.Status != http.StatusTooManyRequests &&
		refused.Errcode != matrix.Unknown && refused.Errcode != matrix.LimitExceededCode
}
