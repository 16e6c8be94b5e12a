package idclient_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"signet/internal/idclient"
)

// What a key directory shows comes as it is, asked for by nobody in particular.
func TestTheKeyDirectory(t *testing.T) {
	type ask func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error)
	for path, ask := range map[string]ask{
		"/_signet/v1/keys/config": func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error) {
			return c.KeyConfig(ctx, at)
		},
		"/_signet/v1/keys/servers/a.test:8448": func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error) {
			return c.ServerRecords(ctx, at, "a.test:8448", 0)
		},
		"/_signet/v1/keys/servers/a.test?before=7": func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error) {
			return c.ServerRecords(ctx, at, "a.test", 7)
		},
		"/_signet/v1/keys/log/servers/checkpoint": func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error) {
			return c.KeyLogCheckpoint(ctx, at, "servers")
		},
		"/_signet/v1/keys/log/users/tile/0/000.p/7": func(ctx context.Context, c *idclient.Client, at idclient.Server) ([]byte, error) {
			return c.KeyLogTile(ctx, at, "users", "tile/0/000.p/7")
		},
	} {
		s := &server{answers: []string{"200 anything", `404 {"errcode":"M_UNRECOGNIZED"}`}}
		c := newClient(s)
		if got, err := ask(t.Context(), c, at(t)); err != nil || string(got) != "anything" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		if got, err := ask(t.Context(), c, at(t)); err == nil || len(got) > 0 {
			t.Errorf("%s: refused, it is %q", path, got)
		}
		if s.asked[0] != "nobody: GET https://id.test"+path {
			t.Errorf("asked %s", s.asked[0])
		}
	}
}

// The identity server is asked as a notary, by the homeserver.
func TestQueryServerKeys(t *testing.T) {
	for _, test := range []struct {
		q    idclient.KeyQuery
		want string
	}{
		{idclient.KeyQuery{Server: "a.test"}, `{"server_keys":{"a.test":{}}}`},
		{idclient.KeyQuery{Server: "a.test", ID: "ed25519:k"}, `{"server_keys":{"a.test":{"ed25519:k":{}}}}`},
		{idclient.KeyQuery{Server: "a.test", ID: "ed25519:k", Until: time.UnixMilli(9)}, `{"server_keys":{"a.test":{"ed25519:k":{"minimum_valid_until_ts":9}}}}`},
	} {
		s := &server{answers: []string{`200 {"server_keys":[{"x":1},{"x":2}]}`}}
		keys, err := newClient(s).QueryServerKeys(t.Context(), at(t), test.q)
		if err != nil || len(keys) != 2 || string(keys[1]) != `{"x":2}` {
			t.Errorf("%s, %v", keys, err)
		}
		if !strings.HasSuffix(s.asked[0], "POST https://id.test/_matrix/key/v2/query "+test.want) {
			t.Errorf("asked %s", s.asked[0])
		}
	}
	for _, answer := range []string{"200 {", `200 {"server_keys":{}}`, `429 {"errcode":"M_LIMIT_EXCEEDED"}`} {
		if keys, err := newClient(&server{answers: []string{answer}}).QueryServerKeys(t.Context(), at(t), idclient.KeyQuery{Server: "a.test"}); err == nil || keys != nil {
			t.Errorf("%s: %s, %v", answer, keys, err)
		}
	}
}
