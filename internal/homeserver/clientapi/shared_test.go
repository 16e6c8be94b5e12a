package clientapi_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"testing"
)

const sharedPath = "/_synapse/admin/v1/register"

// sharedBody is a registration by the secret, as operators' tools send it.
func (w *world) sharedBody(name, secret string, admin bool) string {
	w.Helper()
	nonce := w.do("GET", sharedPath, "").str("nonce")
	h := hmac.New(sha1.New, []byte(secret))
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s", nonce, name, password, map[bool]string{true: "admin", false: "notadmin"}[admin])
	return fmt.Sprintf(`{"nonce":%q,"username":%q,"password":%q,"admin":%v,"mac":%q}`, nonce, name, password, admin, hex.EncodeToString(h.Sum(nil)))
}

func TestSharedSecret(t *testing.T) {
	eachWith(t, nil, func(w *world) {
		body := w.sharedBody("Operator", sharedSecret, true)
		a := w.do("POST", sharedPath, body)
		w.wantJSON("registering", a, fmt.Sprintf(`{"user_id":"@operator:hs.test","access_token":%q,"device_id":%q,"home_server":"hs.test"}`, a.str("access_token"), a.str("device_id")))
		w.want("the token", w.do("GET", v3+"/account/whoami", "", bearer(a.str("access_token"))), 200, "")
		w.want("again", w.do("POST", sharedPath, body), 400, "M_UNKNOWN")
		w.want("another secret", w.do("POST", sharedPath, w.sharedBody("alice", "guess", false)), 403, "M_FORBIDDEN")
		w.want("symbols", w.do("POST", sharedPath, w.sharedBody("us,er", sharedSecret, false)), 400, "M_INVALID_USERNAME")
		w.want("a taken name", w.do("POST", sharedPath, w.sharedBody("operator", sharedSecret, false)), 400, "M_USER_IN_USE")
		for body, code := range map[string]string{``: "M_NOT_JSON", `[]`: "M_BAD_JSON", `{"nonce":1}`: "M_BAD_JSON", `{}`: "M_UNKNOWN", `{"admin":"yes"}`: "M_BAD_JSON"} {
			w.want("with "+body, w.do("POST", sharedPath, body), 400, code)
		}
		w.api.Accounts.SharedSecret = nil
		w.want("a nonce without a secret", w.do("GET", sharedPath, ""), 404, "M_UNRECOGNIZED")
		w.want("registering without a secret", w.do("POST", sharedPath, body), 404, "M_UNRECOGNIZED")
	})
}
