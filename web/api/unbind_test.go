package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"signet/internal/matrix"
)

func TestUnbindBySessionRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		s := w.validated(alice, "alice@example.org")
		w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		open := w.session(alice, "open@example.org")
		address := map[string]string{"medium": "email", "address": "alice@example.org"}
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{object(append(s, "mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email", "address": "bob@example.org"})...), 403, matrix.Forbidden},
			{object("sid", s[1], "client_secret", "wrong", "mxid", "@alice:example.org", "threepid", address), 404, matrix.NoValidSession},
			{object("sid", s[1], "mxid", "@alice:example.org", "threepid", address), 404, matrix.NoValidSession},
			{object(append(open, "mxid", "@alice:example.org", "threepid", address)...), 400, matrix.SessionNotValidated},
			{object(append(s, "mxid", "@alice:example.org", "threepid", map[string]string{"medium": "pigeon", "address": "x"})...), 400, matrix.InvalidParam},
			{object(append(s, "mxid", "@alice:example.org", "threepid", "x")...), 400, matrix.BadJSON},
			{object(append(s, "mxid", "@alice:example.org")...), 400, matrix.MissingParams},
			{object(append(s, "mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email"})...), 400, matrix.MissingParams},
		} {
			w.refuse("POST", "/3pid/unbind", "", c.body, c.status, c.code)
		}
		if user := w.find(alice, "alice@example.org", "email"); user != "@alice:example.org" {
			w.Errorf("a refused unbind left %q", user)
		}
	})
}

// Whoever names other servers in signatures does not make us ask them.
func TestUnbindAsksNobodyForAStranger(t *testing.T) {
	each(t, nil, func(w *world) {
		var headers []string
		for i := range 100 {
			x := matrix.XMatrix{Origin: matrix.ServerName(fmt.Sprintf("down%d.example", i)), Key: homeserverKey.ID, Signature: "AAAA"}
			headers = append(headers, "Authorization", x.String())
		}
		body := object("mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email", "address": "alice@example.org"})
		if a := w.do("POST", v2+"/3pid/unbind", "", body, headers...); a.status != 403 || a.text("errcode") != "M_FORBIDDEN" {
			w.Errorf("unbind = %d %s", a.status, a.raw)
		}
		if n := w.federation.asked.Load(); n != 0 {
			w.Errorf("%d servers were asked for keys", n)
		}
	})
}

// The user's homeserver may unbind, under either spelling of the destination;
// nobody else's may.
func TestUnbindByTheHomeserver(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		body := `{"mxid": "@alice:example.org", "threepid": {"medium": "email", "address": "alice@example.org"}}`
		unbind := func(origin matrix.ServerName, destination string, sent string) answer {
			w.Helper()
			signed, err := homeserverKey.SignValue(origin, map[string]any{"method": "POST", "uri": v2 + "/3pid/unbind",
				"origin": origin, destination: "id.example.org", "content": json.RawMessage(body)})
			if err != nil {
				w.Fatal(err)
			}
			var o struct {
				Signatures map[matrix.ServerName]map[matrix.KeyID]string
			}
			if err := json.Unmarshal(signed, &o); err != nil {
				w.Fatal(err)
			}
			x := matrix.XMatrix{Origin: origin, Destination: "id.example.org", Key: homeserverKey.ID, Signature: o.Signatures[origin][homeserverKey.ID]}
			return w.do("POST", v2+"/3pid/unbind", "", sent, "Authorization", x.String())
		}
		for _, destination := range []string{"destination", "destination_is"} {
			s := w.validated(alice, "alice@example.org")
			w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
			for _, c := range []struct {
				origin matrix.ServerName
				field  string
				body   string
				status int
			}{
				{"evil.example", destination, body, 403},
				{"down.example", destination, strings.Replace(body, "@alice:example.org", "@alice:down.example", 1), 502},
				{"example.org", "destination_was", body, 403},
				{"example.org", destination, strings.Replace(body, "alice@", "other@", 1), 403},
			} {
				if a := unbind(c.origin, c.field, c.body); a.status != c.status {
					w.Errorf("unbind by %s, %s = %d %s, want %d", c.origin, c.field, a.status, a.raw, c.status)
				}
			}
			if user := w.find(alice, "alice@example.org", "email"); user != "@alice:example.org" {
				w.Fatalf("a refused unbind left %q", user)
			}
			if a := unbind("example.org", destination, body); a.status != 200 {
				w.Errorf("unbind with %s = %d %s", destination, a.status, a.raw)
			}
			if user := w.find(alice, "alice@example.org", "email"); user != "" {
				w.Errorf("found %q after the unbind", user)
			}
		}
	})
}
