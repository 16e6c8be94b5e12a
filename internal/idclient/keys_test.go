package idclient_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

const bob matrix.UserID = "@bob:hs.test"

// A homeserver has the keys of its users published and erased, as itself and each time anew, and
// reads whether the directory has promised them or lets them wait.
func TestKeysOfAUser(t *testing.T) {
	promise := `{"due_ts":9,"label":"mxid:@bob:hs.test","sha256":"h","signatures":{"id.test":{}},"ts":7,"type":"im.signet.keys.ticket.v1","version":3}`
	publish := `hs.test: POST https://id.test/_signet/v1/keys/publish {` + stamps + `,"user_id":"@bob:hs.test","value":{"version":3}}`
	for answer, want := range map[string]idclient.KeysTicket{
		promise: {Version: 3, SHA256: "h", Promise: jsontext.Value(promise)},
		`{"label":"mxid:@bob:hs.test","version":3,"sha256":"h","held_until_ts":5}`: {Version: 3, SHA256: "h", HeldUntil: time.UnixMilli(5)},
	} {
		s := &server{answers: []string{"202 " + answer}}
		got, err := newClient(s).PublishKeys(t.Context(), at(t), bob, jsontext.Value(`{"version":3}`))
		if err != nil || !reflect.DeepEqual(got, want) || len(s.asked) != 1 || s.asked[0] != publish {
			t.Errorf("published: %+v, %v, want %+v; asked %q", got, err, want, s.asked)
		}
	}

	s := &server{answers: []string{"200 {}"}}
	if err := newClient(s).EraseKeys(t.Context(), at(t), bob); err != nil || len(s.asked) != 1 ||
		s.asked[0] != `hs.test: POST https://id.test/_signet/v1/users/erase-keys {`+stamps+`,"user_id":"@bob:hs.test"}` {
		t.Errorf("erased: %v, asked %q", err, s.asked)
	}
}

// A look-up comes as it was answered, with its padding: whoever asked it proves what it says.
func TestKeysLookedUp(t *testing.T) {
	answer := `{"present":true}` + strings.Repeat(" ", 70<<10)
	s := &server{answers: []string{"200 " + answer}}
	got, err := newClient(s).LookupKeys(t.Context(), at(t), "mxid:@bob:hs.test", 7)
	if err != nil || string(got) != answer {
		t.Errorf("looked up: %d octets, %v", len(got), err)
	}
	if want := `hs.test: POST https://id.test/_signet/v1/keys/lookup {"label":"mxid:@bob:hs.test","last_size":7}`; len(s.asked) != 1 || s.asked[0] != want {
		t.Errorf("asked %q", s.asked)
	}
}

// Nothing is taken for a ticket that says nothing of the keys that were sent, and what is refused
// says why, to who asked alone.
func TestKeysRefused(t *testing.T) {
	calls := map[string]func(*idclient.Client) error{
		"publish": func(c *idclient.Client) error {
			_, err := c.PublishKeys(t.Context(), at(t), bob, jsontext.Value(`{}`))
			return err
		},
		"erase": func(c *idclient.Client) error { return c.EraseKeys(t.Context(), at(t), bob) },
		"look up": func(c *idclient.Client) error {
			_, err := c.LookupKeys(t.Context(), at(t), "mxid:@bob:hs.test", 0)
			return err
		},
	}
	for name, call := range calls {
		err := call(newClient(&server{answers: []string{`429 {"errcode":"M_LIMIT_EXCEEDED","error":"@bob again","retry_after_ms":2000}`}}))
		if refused, is := errors.AsType[fedclient.Refusal](err); !is || refused.RetryAfter != 2*time.Second || strings.Contains(err.Error(), "bob") {
			t.Errorf("%s, too often: %v", name, err)
		}
		if err := call(newClient(&server{})); !errors.Is(err, fedclient.ErrUnreachable) || strings.Contains(err.Error(), "bob") {
			t.Errorf("%s, of a server that is away: %v", name, err)
		}
	}
	for _, lie := range []string{``, `[]`, `{}`, `{"label":"mxid:@eve:hs.test","version":0,"sha256":"h"}`, `{"label":"mxid:@bob:hs.test","version":0}`,
		`{"label":"mxid:@bob:hs.test","version":-1,"sha256":"h"}`, `{"label":"mxid:@bob:hs.test","version":0,"sha256":"h","held_until_ts":-1}`,
		`{"label":"mxid:@bob:hs.test","label":"mxid:@bob:hs.test","version":0,"sha256":"h"}`} {
		if err := calls["publish"](newClient(&server{answers: []string{"202 " + lie}})); !errors.Is(err, fedclient.ErrBadAnswer) {
			t.Errorf("the ticket %s: %v", lie, err)
		}
	}
	if err := calls["erase"](newClient(&server{answers: []string{"200 no"}})); !errors.Is(err, fedclient.ErrBadAnswer) {
		t.Errorf("an erasure that is answered by anything: %v", err)
	}
}
