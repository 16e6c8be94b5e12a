package remote

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

const (
	// maxDevices is how many devices of one user are read.
	maxDevices = 1000
	// maxKeys bounds an answer about the keys of many users.
	maxKeys = 24 << 20
)

// UserDevices asks for all devices of a user of that server.
func (c *Client) UserDevices(ctx context.Context, server matrix.ServerName, user matrix.UserID) (e2ee.DeviceList, error) {
	var answer struct {
		User    matrix.UserID `json:"user_id"`
		Stream  int64         `json:"stream_id"`
		Devices []struct {
			ID          e2ee.DeviceID  `json:"device_id"`
			DisplayName string         `json:"device_display_name"`
			Keys        jsontext.Value `json:"keys"`
		} `json:"devices"`
		Master      jsontext.Value `json:"master_key"`
		SelfSigning jsontext.Value `json:"self_signing_key"`
	}
	path := at(v1, nil, "user", "devices", user.String())
	if err := c.ask(ctx, call{server: server, method: http.MethodGet, path: path, max: 4 << 20, lookup: true}, into(&answer)); err != nil {
		return e2ee.DeviceList{}, err
	}
	if answer.User != user {
		return e2ee.DeviceList{}, errShape
	}
	if len(answer.Devices) > maxDevices {
		return e2ee.DeviceList{}, fedclient.ErrTooLarge
	}
	list := e2ee.DeviceList{User: user, Stream: stream.Pos(answer.Stream), Master: answer.Master, SelfSigning: answer.SelfSigning}
	for _, d := range answer.Devices {
		if ofDevice(d.Keys, user, d.ID) {
			list.Devices = append(list.Devices, e2ee.ListedDevice(d))
		}
	}
	return list, nil
}

// QueryKeys asks for keys of users of that server; it is e2ee.Remote's. Devices of others,
// and what is not a device's of its name, are left out.
func (c *Client) QueryKeys(ctx context.Context, server matrix.ServerName, query e2ee.Query) (e2ee.Keys, error) {
	wanted := map[matrix.UserID][]e2ee.DeviceID{}
	for user, devices := range query {
		wanted[user] = append([]e2ee.DeviceID{}, devices...)
	}
	var answer struct {
		Devices     map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value `json:"device_keys"`
		Master      map[matrix.UserID]jsontext.Value                   `json:"master_keys"`
		SelfSigning map[matrix.UserID]jsontext.Value                   `json:"self_signing_keys"`
	}
	q := call{server: server, method: http.MethodPost, path: at(v1, nil, "user", "keys", "query"), body: map[string]any{"device_keys": wanted}, max: maxKeys, lookup: true}
	if err := c.ask(ctx, q, into(&answer)); err != nil {
		return e2ee.Keys{}, err
	}
	keys := e2ee.Keys{Devices: map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value{}, Master: map[matrix.UserID]jsontext.Value{}, SelfSigning: map[matrix.UserID]jsontext.Value{}}
	for user := range query {
		if devices := answer.Devices[user]; devices != nil {
			keys.Devices[user] = devicesOf(user, devices)
		}
		if key := answer.Master[user]; ofUser(key, user) {
			keys.Master[user] = key
		}
		if key := answer.SelfSigning[user]; ofUser(key, user) {
			keys.SelfSigning[user] = key
		}
	}
	return keys, nil
}

func devicesOf(user matrix.UserID, all map[e2ee.DeviceID]jsontext.Value) map[e2ee.DeviceID]jsontext.Value {
	devices := map[e2ee.DeviceID]jsontext.Value{}
	for id, keys := range all {
		if ofDevice(keys, user, id) && len(devices) < maxDevices {
			devices[id] = keys
		}
	}
	return devices
}

// ClaimKeys asks for one-time keys of users of that server; it is e2ee.Remote's. Of each
// device one key is taken, of the algorithm that was asked for.
func (c *Client) ClaimKeys(ctx context.Context, server matrix.ServerName, claims e2ee.Claims) (e2ee.Claimed, error) {
	var answer struct {
		Keys e2ee.Claimed `json:"one_time_keys"`
	}
	q := call{server: server, method: http.MethodPost, path: at(v1, nil, "user", "keys", "claim"), body: map[string]any{"one_time_keys": claims}, max: maxKeys, lookup: true}
	if err := c.ask(ctx, q, into(&answer)); err != nil {
		return nil, err
	}
	claimed := e2ee.Claimed{}
	for user, devices := range claims {
		for id, algorithm := range devices {
			name, key, found := oneOf(answer.Keys[user][id], algorithm)
			if !found {
				continue
			}
			if claimed[user] == nil {
				claimed[user] = map[e2ee.DeviceID]map[string]jsontext.Value{}
			}
			claimed[user][id] = map[string]jsontext.Value{name: key}
		}
	}
	return claimed, nil
}

// oneOf is a key of an algorithm, the first by name.
func oneOf(keys map[string]jsontext.Value, algorithm string) (name string, key jsontext.Value, found bool) {
	prefix := algorithm + ":"
	for n, k := range keys {
		if len(n) <= len(prefix) || n[:len(prefix)] != prefix || k.Kind() != '{' && k.Kind() != '"' {
			continue
		}
		if !found || n < name {
			name, key, found = n, k, true
		}
	}
	return name, key, found
}

// ofUser tells whether keys say that they are the user's.
func ofUser(keys jsontext.Value, user matrix.UserID) bool {
	var said struct {
		User matrix.UserID `json:"user_id"`
	}
	return json.Unmarshal(keys, &said) == nil && said.User == user
}

// ofDevice tells whether keys say that they are the device's.
func ofDevice(keys jsontext.Value, user matrix.UserID, id e2ee.DeviceID) bool {
	var said struct {
		Device e2ee.DeviceID `json:"device_id"`
	}
	return ofUser(keys, user) && json.Unmarshal(keys, &said) == nil && said.Device == id
}
