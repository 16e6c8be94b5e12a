package remote

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Transaction is what is sent to another server at once: at most 50 PDUs and 100 EDUs.
type Transaction struct {
	ID   string
	Time time.Time
	PDUs []jsontext.Value
	EDUs []EDU
}

// EDU is a message from server to server that is no event of a room.
type EDU struct {
	Type    string         `json:"edu_type"`
	Content jsontext.Value `json:"content"`
}

// Send sends a transaction, and returns what the other server has to say against each event
// of it, by event id; those that it takes are missing. What it says is for the log.
func (c *Client) Send(ctx context.Context, server matrix.ServerName, t Transaction) (refused map[string]string, err error) {
	body := struct {
		Origin matrix.ServerName `json:"origin"`
		TS     int64             `json:"origin_server_ts"`
		PDUs   []jsontext.Value  `json:"pdus"`
		EDUs   []EDU             `json:"edus,omitempty"`
	}{c.ServerName, t.Time.UnixMilli(), append([]jsontext.Value{}, t.PDUs...), t.EDUs}
	var answer struct {
		PDUs map[string]struct {
			Error string `json:"error"`
		} `json:"pdus"`
	}
	q := call{server: server, method: http.MethodPut, path: at(v1, nil, "send", t.ID), body: body, life: sendLife, delivers: true}
	if err := c.ask(ctx, q, into(&answer)); err != nil {
		return nil, err
	}
	refused = map[string]string{}
	for id, result := range answer.PDUs {
		if result.Error != "" && len(refused) < len(t.PDUs) {
			refused[fedclient.Short(id)] = fedclient.Short(result.Error)
		}
	}
	return refused, nil
}
