package fedapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/matrix"
)

// Receive takes events that are text, whose text is their id; "forbidden" and "broken" fail.
func (w *world) Receive(_ context.Context, _ matrix.ServerName, pdus []jsontext.Value) map[string]error {
	w.mu.Lock()
	defer w.mu.Unlock()
	results := map[string]error{}
	for _, pdu := range pdus {
		id := "$" + strings.Trim(string(pdu), `"`)
		w.received = append(w.received, id)
		results[id] = map[string]error{"$forbidden": authz.ErrBanned, "$broken": errors.New("no such table: secrets")}[id]
	}
	return results
}

func (w *world) HandleEDU(_ context.Context, origin matrix.ServerName, kind string, content jsontext.Value) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edus = append(w.edus, origin.String()+" "+kind+" "+string(content))
	return nil
}

const sendPath = "/_matrix/federation/v1/send/"

func TestSend(t *testing.T) {
	each(t, func(w *world) {
		p := w.peer(remote)
		const body = `{"origin":"third.test","origin_server_ts":1,"pdus":["good","forbidden","broken"],"edus":[{"edu_type":"m.typing","content":{"a":1}}]}`
		const want = `{"pdus":{"$broken":{"error":"the event could not be processed"},"$forbidden":{"error":"m.room.member: the user is banned"},"$good":{}}}`
		for range 2 {
			if a := p.do("PUT", sendPath+"1", body); a.status != 200 || string(a.body) != want {
				w.Errorf("send = %d %s, want %s", a.status, a.body, want)
			}
		}
		if len(w.received) != 3 || len(w.edus) != 1 || w.edus[0] != `remote.test m.typing {"a":1}` {
			w.Errorf("received %v and %v", w.received, w.edus)
		}
		w.peer(third).do("PUT", sendPath+"1", body)
		if len(w.received) != 6 {
			w.Error("another server's transaction of the same id is not taken")
		}
		for what, body := range map[string]string{"no object": `[]`, "a text for events": `{"pdus":"x"}`, "a list of EDUs": `{"pdus":[],"edus":[[]]}`} {
			w.wants(what, p.do("PUT", sendPath+"2", body), 400, matrix.BadJSON)
		}
		w.wants("nothing", p.do("PUT", sendPath+"2", ``), 400, matrix.BadJSON)
		many := `{"pdus":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 51), ",") + `]}`
		w.wants("51 events", p.do("PUT", sendPath+"2", many), 400, matrix.InvalidParam)
		w.wants("a long id", p.do("PUT", sendPath+strings.Repeat("x", 256), `{"pdus":[]}`), 400, matrix.InvalidParam)
		if len(w.received) != 6 {
			w.Errorf("received %v", w.received)
		}
		if a := p.do("PUT", sendPath+"3", `{"pdus":[]}`); string(a.body) != `{"pdus":{}}` {
			w.Errorf("an empty transaction = %d %s", a.status, a.body)
		}
	})
}

// An event that nothing of ours may be like does not keep the others of its transaction out.
func TestOneEventDoesNotSpoilATransaction(t *testing.T) {
	each(t, func(w *world) {
		deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
		a := w.peer(remote).do("PUT", sendPath+"1", `{"pdus":["good",`+deep+`,{"a":"\u0000"}]}`)
		if a.status != 200 || len(w.received) != 3 {
			w.Errorf("send = %d %.200s", a.status, a.body)
		}
	})
}

func TestTheSameTransactionAtTheSameMoment(t *testing.T) {
	each(t, func(w *world) {
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if a := w.peer(remote).do("PUT", sendPath+"1", `{"pdus":["good"],"edus":[{"edu_type":"m.x","content":{}}]}`); string(a.body) != `{"pdus":{"$good":{}}}` {
					w.Errorf("send = %d %s", a.status, a.body)
				}
			})
		}
		wait.Wait()
		if fmt.Sprint(w.received) != "[$good]" || len(w.edus) != 1 {
			w.Errorf("received %v and %v", w.received, w.edus)
		}
	})
}
