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
	signing, old, err := a.Keys.Published(c.Request().Context())
	if err != nil {
		return err
	}
	signed, err := signing.SignValue(a.ServerName, serverKeysAnswer{
		ServerName:    a.ServerName,
		VerifyKeys:    map[matrix.KeyID]verifyKey{signing.ID: {matrix.EncodeBase64(signing.Public())}},
		OldVerifyKeys: retired(old),
		ValidUntilTS:  a.Now().Add(keysLife).UnixMilli(),
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}

// retired is the keys that sign no longer. A revoked one is not among them, so that
// nobody learns it any more; those who know it forget it when their copy ends.
func retired(keys []keyring.Key) map[matrix.KeyID]oldVerifyKey {
	old := map[matrix.KeyID]oldVerifyKey{}
	for _, k := range keys {
		old[k.ID] = oldVerifyKey{matrix.EncodeBase64(k.Public), k.Retired.UnixMilli()}
	}
	return old
}
