package remote_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/remote/remotetest"
	"signet/internal/matrix"
)

const (
	us   = matrix.ServerName("us.test")
	them = matrix.ServerName("them.test:8448")
	room = matrix.RoomID("!a/b?c:them.test:8448")
	bob  = matrix.UserID("@bob:us.test")
)

var key = matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}

// world is one other server, which answers as the test says.
type world struct {
	*testing.T
	*remote.Client
	network *remotetest.Network
	asked   []string // method, path and body of each request
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, network: remotetest.New()}
	w.Client = remote.New(remote.Options{Federation: w.network, ServerName: us, Signer: func(context.Context) (event.Signer, error) {
		return event.Signer{Server: us, Key: key}, nil
	}})
	return w
}

// answers has the other server answer all requests so, one after the other; the last one
// for ever.
func (w *world) answers(answers ...string) {
	w.asked = nil
	w.network.Serve(them, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.checkSignature(r, body)
		w.asked = append(w.asked, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		status := 200
		if code, rest, found := strings.Cut(answer, " "); found && len(code) == 3 {
			_, _ = fmt.Sscan(code, &status)
			answer = rest
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, answer)
	}))
}

func (w *world) checkSignature(r *http.Request, body []byte) {
	x, err := matrix.ParseXMatrix(r.Header.Get("Authorization"))
	if err != nil || x.Origin != us || x.Destination != them {
		w.Errorf("Authorization = %v, %v", x, err)
	}
	signed := matrix.SignedRequest{Method: r.Method, URI: r.RequestURI, Origin: us, Destination: them, Content: body}
	if err := signed.Verify(x, key.Public()); err != nil {
		w.Errorf("%s %s is not signed: %v", r.Method, r.RequestURI, err)
	}
}

// wantAsked checks the requests since answers.
func (w *world) wantAsked(want ...string) {
	w.Helper()
	if got := strings.Join(w.asked, "\n"); got != strings.Join(want, "\n") {
		w.Errorf("asked\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
