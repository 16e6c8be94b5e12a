package fedapi_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
)

// anEvent is a call that a server without rooms gets 404 M_NOT_FOUND for, once it is
// known who asks.
const anEvent = "/_matrix/federation/v1/event/%24nothing"

func TestSignedRequests(t *testing.T) {
	each(t, func(w *world) {
		p := w.peer(remote)
		w.wants("a signed call", p.get(anEvent), 404, matrix.NotFound)
		w.wants("one with a port", w.peer(third).get(anEvent), 404, matrix.NotFound)
		if len(w.heard) != 2 || w.heard[0] != remote || w.heard[1] != third {
			w.Errorf("heard of %v", w.heard)
		}
		header := func(change func(string) string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
		}
		w.wants("without a destination, as older servers sign", p.send(request{method: "GET", uri: anEvent, destination: server,
			tamper: header(func(h string) string { return strings.Replace(h, `destination="hs.test",`, "", 1) })}), 404, matrix.NotFound)
		w.heard = nil
		for what, r := range map[string]request{
			"no signature":          {tamper: func(r *http.Request) { r.Header.Del("Authorization") }},
			"a token":               {tamper: header(func(string) string { return "Bearer abc" })},
			"a token beside it":     {tamper: func(r *http.Request) { r.Header.Add("Authorization", "Bearer abc") }},
			"another destination":   {destination: "elsewhere.test"},
			"a lie on where to":     {destination: "elsewhere.test", tamper: header(func(h string) string { return strings.Replace(h, "elsewhere.test", "hs.test", 1) })},
			"another origin":        {tamper: header(func(h string) string { return strings.Replace(h, "remote.test", "third.test", 1) })},
			"a key that is not":     {tamper: header(func(h string) string { return strings.Replace(h, "ed25519:k", "ed25519:j", 1) })},
			"another algorithm":     {tamper: header(func(h string) string { return strings.Replace(h, "ed25519:k", "rsa:k", 1) })},
			"another path":          {tamper: func(r *http.Request) { r.URL.RawQuery = "a=b" }},
			"another method":        {tamper: func(r *http.Request) { r.Method = "HEAD" }},
			"a body that came late": {tamper: func(r *http.Request) { r.Body = body(`{"a":1}`); r.ContentLength = 7 }},
			"no server at all":      {tamper: header(func(h string) string { return strings.Replace(h, "remote.test", "a b", 1) })},
			"ourselves":             {tamper: header(func(h string) string { return strings.Replace(h, "remote.test", "hs.test", 1) })},
			"a header of 4 KiB":     {tamper: header(func(h string) string { return h + `,x="` + strings.Repeat("x", 4<<10) + `"` })},
			"two servers": {tamper: func(r *http.Request) {
				r.Header.Add("Authorization", strings.Replace(r.Header.Get("Authorization"), "remote.test", "third.test", 1))
			}},
			"five signatures": {tamper: func(r *http.Request) {
				for range 4 {
					r.Header.Add("Authorization", r.Header.Get("Authorization"))
				}
			}},
		} {
			r.method, r.uri = "GET", anEvent
			if r.destination == "" {
				r.destination = server
			}
			if a := p.send(r); a.status != 401 || len(a.body) > 0 && a.code() != matrix.Unauthorized {
				w.Errorf("%s = %d %s, want 401 M_UNAUTHORIZED", what, a.status, a.body)
			}
		}
		w.wants("a server whose keys cannot be had", w.peer("gone.test").get(anEvent), 401, matrix.Unauthorized)
		w.wants("somebody with the name and not the key", (&peer{w, remote, keyOf(third)}).get(anEvent), 401, matrix.Unauthorized)
		if len(w.heard) != 0 {
			w.Errorf("heard of %v", w.heard)
		}
		p.send(request{method: "GET", uri: anEvent, destination: server, tamper: func(r *http.Request) {
			r.Header["Authorization"] = []string{"X-Matrix origin=remote.test,key=\"ed25519:j\",sig=\"YQ\"", r.Header.Get("Authorization")}
		}})
		if len(w.heard) != 1 {
			w.Error("a server that signs with two keys, one of them new to us, is not heard")
		}
	})
}

func TestBodiesOfSignedRequests(t *testing.T) {
	const missing = "/_matrix/federation/v1/get_missing_events/!r:hs.test"
	each(t, func(w *world) {
		p := w.peer(remote)
		w.wants("an object", p.do("POST", missing, `{"earliest_events":[],"latest_events":[]}`), 404, matrix.NotFound)
		w.wants("members missing", p.do("POST", missing, `{"earliest_events":[]}`), 400, matrix.MissingParams)
		w.wants("of wrong types", p.do("POST", missing, `{"earliest_events":{},"latest_events":[]}`), 400, matrix.BadJSON)
		w.wants("a list", p.do("POST", missing, `[]`), 400, matrix.BadJSON)
		w.wants("nothing", p.do("POST", missing, ``), 400, matrix.NotJSON)
		deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
		w.wants("nested deeply", p.do("POST", missing, `{"a":`+deep+`,"earliest_events":[],"latest_events":[]}`), 400, matrix.BadJSON)
		w.wants("a huge body", p.do("POST", missing, `{"a":"`+strings.Repeat("a", 70_000)+`"}`), 413, matrix.TooLarge)
		for _, text := range []string{`{`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)} {
			a := p.send(request{method: "POST", uri: missing, body: `{}`, destination: server, tamper: func(r *http.Request) {
				r.Body, r.ContentLength = body(text), int64(len(text))
			}})
			w.wants("a body that is not JSON", a, 400, matrix.NotJSON)
		}
	})
}

// slowKeys are the keys of servers that do not answer until they are let.
type slowKeys struct {
	asked chan matrix.ServerName
	let   chan struct{}
}

func (k slowKeys) VerifyKey(_ context.Context, server matrix.ServerName, _ matrix.KeyID, _ time.Time) (ed25519.PublicKey, error) {
	k.asked <- server
	<-k.let
	return keyOf(server).Public(), nil
}

func (k slowKeys) AtHand(_ context.Context, server matrix.ServerName, _ matrix.KeyID) (ed25519.PublicKey, bool) {
	return keyOf(server).Public(), server == remote
}

// Who names servers that answer slowly, or are none, has so many looked for at a time, and no
// more. Those that are known are let in all the same.
func TestManyNames(t *testing.T) {
	each(t, func(w *world) {
		keys := slowKeys{make(chan matrix.ServerName), make(chan struct{})}
		w.api.ServerKeys = keys
		const places = 64
		var all sync.WaitGroup
		ask := func(name matrix.ServerName) answer { return w.peer(name).get(fed + "/publicRooms") }
		for i := range places {
			all.Go(func() {
				if a := ask(matrix.ServerName(fmt.Sprintf("n%d.test", i))); a.status != 200 {
					w.Errorf("one of those = %d %s", a.status, a.body)
				}
			})
			<-keys.asked
		}
		w.wants("one that is known", ask(remote), 200, "")
		w.wants("one more", ask("one.more.test"), 429, matrix.LimitExceededCode)
		close(keys.let)
		all.Wait()
		go func() { <-keys.asked }()
		w.wants("afterwards", ask("one.more.test"), 200, "")
	})
}
