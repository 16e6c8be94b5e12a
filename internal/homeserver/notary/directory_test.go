package notary_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/notary"
	"signet/internal/matrix"
)

// directory has documents of servers that were proven before, and those that it proves if it is
// asked.
type directory struct {
	proven  map[matrix.ServerName]jsontext.Value
	vouched map[matrix.ServerName]jsontext.Value
	alarm   error
	asked   int
}

func (d *directory) Proven(_ context.Context, server matrix.ServerName) (jsontext.Value, error) {
	return d.proven[server], nil
}

func (d *directory) Vouched(_ context.Context, server matrix.ServerName, _ matrix.KeyID, _ time.Time) ([]jsontext.Value, error) {
	d.asked++
	if d.alarm != nil || d.vouched[server] == nil {
		return nil, d.alarm
	}
	return []jsontext.Value{d.vouched[server]}, nil
}

// with is the document of a server with a proof in it.
func (w *world) with(server matrix.ServerName) jsontext.Value {
	document := string(w.document(server, keyOf(server)).Body)
	return jsontext.Value(strings.TrimSuffix(document, "}") + `,"unsigned":{"im.signet.keys":{"log_proof":"proof of ` + server.String() + `"}}}`)
}

// one is the document of one server, with whether it has its proof; empty where there is none.
func (w *world) one(server matrix.ServerName) string {
	w.Helper()
	documents, err := w.notary.Documents(w.Context(), []notary.Wanted{{Server: server}})
	if err != nil {
		w.Fatal(err)
	}
	switch {
	case len(documents) == 0:
		return ""
	case matrix.Verify("notary.test", "ed25519:k", keyOf("notary.test").Public(), documents[0]) != nil:
		return "not signed"
	case strings.Contains(string(documents[0]), `"log_proof":"proof of `+server.String()+`"`):
		return "proven"
	}
	return "fetched"
}

// What the directory has proven is given on with its proof, and preferred to what is fetched; a
// server that is gone is asked for there.
func TestProvenDocuments(t *testing.T) {
	w := open(t)
	d := &directory{proven: map[matrix.ServerName]jsontext.Value{"a.test": w.with("a.test")}, vouched: map[matrix.ServerName]jsontext.Value{"c.test": w.with("c.test"), "a.test": w.with("b.test")}}
	w.notary.Directory = d
	if got := w.one("a.test"); got != "proven" || w.asked["a.test"] != 0 {
		t.Errorf("%s, asked %d times", got, w.asked["a.test"])
	}
	if got := w.one("b.test"); got != "fetched" {
		t.Errorf("%s", got)
	}
	d.proven["b.test"] = w.with("b.test") // proven meanwhile
	if got := w.one("b.test"); got != "proven" {
		t.Errorf("%s", got)
	}
	w.clock.Advance(2 * time.Hour)
	if got := w.one("a.test"); got != "fetched" || w.asked["a.test"] != 1 {
		t.Errorf("what has run out is not asked for again: %s", got)
	}
	w.answer = func(matrix.ServerName) (fedclient.Response, error) { return fedclient.Response{}, errors.New("gone") }
	d.vouched["c.test"] = w.with("c.test")
	for range 3 {
		if got := w.one("c.test"); got != "proven" || d.asked != 1 {
			t.Errorf("%s, asked %d times", got, d.asked)
		}
		d.proven["c.test"] = d.vouched["c.test"] // as the directory keeps it
	}
	d.alarm = errors.New("alarm")
	delete(d.proven, "c.test")
	if got := w.one("c.test"); got != "" {
		t.Errorf("what was proven is served in spite of an alarm: %s", got)
	}
	if got := w.one("d.test"); got != "" {
		t.Errorf("%s", got)
	}
	d.alarm, d.vouched["e.test"] = nil, w.with("a.test")
	if got := w.one("e.test"); got != "" {
		t.Errorf("another server's document: %s", got)
	}
}
