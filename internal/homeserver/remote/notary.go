package remote

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// KeysFromNotary asks a notary for documents of a server's keys, one that was valid at a time
// among them (server-server API, POST /_matrix/key/v2/query). Nothing of them is checked yet:
// they must be signed by the server and by the notary. At most 64 are read.
func (c *Client) KeysFromNotary(ctx context.Context, notary, server matrix.ServerName, id matrix.KeyID, at time.Time) (documents []jsontext.Value, err error) {
	criteria := map[string]int64{"minimum_valid_until_ts": max(at.UnixMilli(), 0)}
	body := map[string]any{"server_keys": map[matrix.ServerName]any{server: map[matrix.KeyID]any{id: criteria}}}
	err = c.ask(ctx, call{server: notary, method: http.MethodPost, path: "/_matrix/key/v2/query", body: body},
		object(members{"server_keys": events(&documents, 64)}))
	return documents, err
}
