package fedapi

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// keysLife is how far ahead the answer is valid: others ask again after half of
// it, so that a rotated key is known everywhere within the day.
const keysLife = 24 * time.Hour

type verifyKey struct {
	Key string `json:"key"`
}

type oldVerifyKey struct {
	Key       string `json:"key"`
	ExpiredTS int64  `json:"expired_ts"` // milliseconds
}

type serverKeysAnswer struct {
	ServerName    matrix.ServerName             `json:"server_name"`
	VerifyKeys    map[matrix.KeyID]verifyKey    `json:"verify_keys"`
	OldVerifyKeys map[matrix.KeyID]oldVerifyKey `json:"old_verify_keys"`
	ValidUntilTS  int64                         `json:"valid_until_ts"` // milliseconds
}

// GET /_matrix/key/v2/server
func (a *API) serverKeys(c echo.Context) error {
	ctx := c.Request().Context()
	signing, err := a.Keys.Current(ctx)
	if err != nil {
		return err
	}
	all, err := a.Keys.List(ctx)
	if err != nil {
		return err
	}
	signed, err := signing.SignValue(a.ServerName, serverKeysAnswer{
		ServerName:    a.ServerName,
		VerifyKeys:    map[matrix.KeyID]verifyKey{signing.ID: {matrix.EncodeBase64(signing.Public())}},
		OldVerifyKeys: retired(all, signing.ID),
		ValidUntilTS:  a.Now().Add(keysLife).UnixMilli(),
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}

// retired is the keys that sign no longer. The one that signs this answer is not
// among them even if it was retired a moment ago: the answer describes the moment
// before.
func retired(all []keyring.Key, signing matrix.KeyID) map[matrix.KeyID]oldVerifyKey {
	old := map[matrix.KeyID]oldVerifyKey{}
	for _, k := range all {
		if !k.Retired.IsZero() && k.ID != signing {
			old[k.ID] = oldVerifyKey{matrix.EncodeBase64(k.Public), k.Retired.UnixMilli()}
		}
	}
	return old
}
