package fedapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// published answers as the server that is asked, if it is one of the tests'.
type published struct{ *world }

func (p published) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	if r.Server != remote || r.Sign != nil || r.Path != "/_matrix/key/v2/server" {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	key := keyOf(remote)
	body, err := key.SignValue(remote, map[string]any{
		"server_name": remote, "valid_until_ts": p.clock.Now().UnixMilli() + 1e6, "old_verify_keys": map[string]any{},
		"verify_keys": map[matrix.KeyID]any{key.ID: map[string]string{"key": matrix.EncodeBase64(key.Public())}},
	})
	return fedclient.Response{Status: 200, Body: body}, err
}

// Who cannot ask a server for its keys can ask this one, and need not sign that.
func TestNotary(t *testing.T) {
	each(t, func(w *world) {
		const query = "/_matrix/key/v2/query"
		post := func(body string) answer {
			return w.read(http.Post(w.http.URL+query, "application/json", strings.NewReader(body)))
		}
		status, got := w.get(query + "/remote.test?minimum_valid_until_ts=5")
		for what, a := range map[string]answer{"GET": {status, got}, "POST": post(`{"server_keys":{"remote.test":{"ed25519:k":{"minimum_valid_until_ts":5}},"gone.test":{}}}`)} {
			keys, _ := a.json()["server_keys"].([]any)
			if a.status != 200 || len(keys) != 1 {
				w.Fatalf("%s = %d %s", what, a.status, a.body)
			}
			us, err := w.keys.Current(w.Context())
			w.ok(err)
			if matrix.Verify(remote, "ed25519:k", keyOf(remote).Public(), encode(keys[0])) != nil || matrix.Verify(server, us.ID, us.Public(), encode(keys[0])) != nil {
				w.Errorf("%s: the document lacks a signature: %s", what, a.body)
			}
		}
		if status, got := w.get(query + "/gone.test"); status != 200 || string(got) != `{"server_keys":[]}` {
			w.Errorf("a server that is gone = %d %s", status, got)
		}
		if a := post(`{"server_keys":{"hs.test":{}}}`); !strings.Contains(string(a.body), `"server_name":"hs.test"`) {
			w.Errorf("our own keys = %d %s", a.status, a.body)
		}
		w.want(query+"/a%20b", 400, matrix.InvalidParam)
		w.want(query+"/remote.test?minimum_valid_until_ts=x", 400, matrix.InvalidParam)
		w.wants("no server", post(`{}`), 400, matrix.MissingParams)
		w.wants("a name that is none", post(`{"server_keys":{"a b":{}}}`), 400, matrix.InvalidParam)
		w.wants("too many", post(`{"server_keys":{`+many(21)+`}}`), 400, matrix.InvalidParam)
	})
}

// many are so many servers in a query.
func many(n int) string {
	var names []string
	for i := range n {
		names = append(names, `"s`+strings.Repeat("x", i)+`.test":{}`)
	}
	return strings.Join(names, ",")
}
