package idclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// What an answer of a key directory takes at most, in octets. Nothing of one is checked here:
// keys/proof tells what may be believed.
const (
	maxKeyConfig  = 256 << 10
	maxServerKeys = 256 << 10
	maxRecords    = 2 << 20
	maxCheckpoint = 64 << 10
	maxLogTile    = 4_195_072 // a bundle of 256 entries
)

// KeyConfig is the trust root of its key directory that an identity server names now, as it came.
// The error is a fedclient.Refusal that is Unrecognized where there is none.
func (c *Client) KeyConfig(ctx context.Context, at Server) ([]byte, error) {
	answer, err := c.public(ctx, at, ours+"/keys/config", maxKeyConfig)
	return answer.Body, err
}

// KeyQuery is which keys a notary is asked for.
type KeyQuery struct {
	Server matrix.ServerName
	ID     matrix.KeyID // that is wanted; empty for what is known
	Until  time.Time    // when the key with that id should be valid at least; zero for now
}

// QueryServerKeys asks the identity server as a notary (server-server API, "Querying Keys Through
// Another Server") for the keys of a server. The documents are as they came.
func (c *Client) QueryServerKeys(ctx context.Context, at Server, q KeyQuery) ([]jsontext.Value, error) {
	criteria := map[matrix.KeyID]map[string]int64{}
	if q.ID != "" {
		criteria[q.ID] = map[string]int64{}
		if !q.Until.IsZero() {
			criteria[q.ID]["minimum_valid_until_ts"] = q.Until.UnixMilli()
		}
	}
	body := struct {
		Servers map[matrix.ServerName]map[matrix.KeyID]map[string]int64 `json:"server_keys"`
	}{map[matrix.ServerName]map[matrix.KeyID]map[string]int64{q.Server: criteria}}
	var said struct {
		Keys []jsontext.Value `json:"server_keys"`
	}
	err := c.ask(ctx, call{to: at, method: http.MethodPost, path: "/_matrix/key/v2/query", body: body, most: maxServerKeys}, &said)
	return said.Keys, err
}

// ServerRecords is what the identity server's log of servers has about a server before a
// position, 0 for the newest, as it came.
func (c *Client) ServerRecords(ctx context.Context, at Server, server matrix.ServerName, before int64) ([]byte, error) {
	path := ours + "/keys/servers/" + url.PathEscape(server.String())
	if before > 0 {
		path += "?before=" + strconv.FormatInt(before, 10)
	}
	answer, err := c.public(ctx, at, path, maxRecords)
	return answer.Body, err
}

// KeyLogCheckpoint is the newest checkpoint of a log, "users" or "servers", as it came.
func (c *Client) KeyLogCheckpoint(ctx context.Context, at Server, log string) ([]byte, error) {
	return c.keyLog(ctx, at, log, "checkpoint", maxCheckpoint)
}

// KeyLogTile is what stands under a path of C2SP tlog-tiles, such as tile/0/000.p/7, as it came.
func (c *Client) KeyLogTile(ctx context.Context, at Server, log, path string) ([]byte, error) {
	return c.keyLog(ctx, at, log, path, maxLogTile)
}

func (c *Client) keyLog(ctx context.Context, at Server, log, path string, most int64) ([]byte, error) {
	answer, err := c.public(ctx, at, fmt.Sprintf("%s/keys/log/%s/%s", ours, log, path), most)
	return answer.Body, err
}
