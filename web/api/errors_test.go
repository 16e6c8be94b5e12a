package api_test

import (
	"testing"

	"signet/internal/mxhttp/answerstest"
)

// withoutAnswer are the errors that no table has, by the reason.
var withoutAnswer = map[string][]string{
	"it is answered without a table":        {"caller.ErrBlocked", "caller.ErrStale"},
	"its handler deals with it":             {"people.ErrHeldDown"},
	"a person gets it, on a page":           {"captcha.ErrTooOften", "invite.ErrNoLink", "verify.ErrNoLink"},
	"an operator gets it":                   {"caller.ErrNotBlocked", "caller.ErrPublicSuffix", "caller.ErrReason", "caller.ErrBlockEnds", "fraud.ErrCountry", "fraud.ErrReason", "fraud.ErrScope", "fraud.ErrNoPause", "fraud.ErrMoney", "locale.ErrPhrase", "log.ErrConfig", "log.ErrOptions", "notary.ErrNoConflict", "notary.ErrReason"},
	"whoever looks at a proof gets it":      {"proof.*", "value.ErrOther", "value.ErrServerKey", "entry.ErrObject", "entry.ErrEntry"},
	"a package between makes another of it": {"matrix.ErrBase64", "matrix.ErrSignature", "matrix.ErrXMatrix"},
	"it is a fault of this server's":        {"log.ErrInvariant", "log.ErrSuperseded", "people.ErrDamaged"},
}

// Whoever gives a package below a new error has to say here what it means to a client: what nobody
// names is a fault of this server's.
func TestEveryErrorHasItsAnswer(t *testing.T) { answerstest.Check(t, withoutAnswer) }
