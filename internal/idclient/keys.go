package idclient

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// KeysTicket is what an identity server answers to keys that it was given: a promise that it has
// signed, or, for keys that wait so that their owner can object, until when they do.
type KeysTicket struct {
	Version   uint32
	SHA256    string         // of the value as it stands in the directory, in unpadded base64url
	HeldUntil time.Time      // zero unless they wait
	Promise   jsontext.Value // the signed ticket, whose signature nobody has checked; nil if they wait
}

// PublishKeys has a value (docs/key-directory.md, "Publishing") stand in the directory as the
// keys of a user of this homeserver, who wishes it. The same value again answers the same. The
// error is a fedclient.Refusal: 409 for what is not the next version, 429 for too many, and
// Unrecognized, or 401, of a server that takes no keys from homeservers.
func (c *Client) PublishKeys(ctx context.Context, at Server, user matrix.UserID, value jsontext.Value) (KeysTicket, error) {
	body := struct {
		stamp
		User  matrix.UserID  `json:"user_id"`
		Value jsontext.Value `json:"value"`
	}{c.stamp(), user, value}
	answer, err := c.whole(ctx, call{to: at, method: http.MethodPost, path: ours + "/keys/publish", body: body}, http.StatusAccepted)
	if err != nil {
		return KeysTicket{}, err
	}
	t, err := parseTicket(answer, "mxid:"+user.String())
	if err != nil {
		return KeysTicket{}, fmt.Errorf("asking the identity server %q: %w", at.Name, err)
	}
	return t, nil
}

func parseTicket(answer fedclient.Response, label string) (KeysTicket, error) {
	var said struct {
		Label     string `json:"label"`
		Version   uint32 `json:"version"`
		SHA256    string `json:"sha256"`
		HeldUntil int64  `json:"held_until_ts"`
	}
	if err := answer.Decode(&said); err != nil {
		return KeysTicket{}, err
	}
	if said.Label != label || said.SHA256 == "" || said.HeldUntil < 0 {
		return KeysTicket{}, fmt.Errorf("%w: no ticket of these keys", fedclient.ErrBadAnswer)
	}
	t := KeysTicket{Version: said.Version, SHA256: said.SHA256}
	if said.HeldUntil > 0 {
		t.HeldUntil = time.UnixMilli(said.HeldUntil)
	} else {
		t.Promise = jsontext.Value(answer.Body)
	}
	return t, nil
}

// EraseKeys has the keys of a user of this homeserver erased from the directory. Where there are
// none that is done already.
func (c *Client) EraseKeys(ctx context.Context, at Server, user matrix.UserID) error {
	body := struct {
		stamp
		User matrix.UserID `json:"user_id"`
	}{c.stamp(), user}
	return c.ask(ctx, call{to: at, method: http.MethodPost, path: ours + "/users/erase-keys", body: body}, &done{})
}

// maxLookup is more than a look-up takes in octets: a value of 16 KiB, and what proves it.
const maxLookup = 256 << 10

// LookupKeys asks the directory, as this homeserver, for the newest version of a label.
// lastSize is the size of the log that was seen last, 0 for none. The answer is as it came:
// keys/proof tells whether it may be believed.
func (c *Client) LookupKeys(ctx context.Context, at Server, label string, lastSize int64) ([]byte, error) {
	body := struct {
		Label    string `json:"label"`
		LastSize int64  `json:"last_size"`
	}{label, lastSize}
	answer, err := c.whole(ctx, call{to: at, method: http.MethodPost, path: ours + "/keys/lookup", body: body, most: maxLookup}, http.StatusOK)
	return answer.Body, err
}
