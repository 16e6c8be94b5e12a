package fedclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"signet/internal/matrix"
)

// The other side, a homeserver, checks our signature as it would anybody's: with
// the name before delegation, the whole request target and the body.
func TestSignedRequest(t *testing.T) {
	me := &Identity{Server: "id.example", Key: one}
	tests := []struct{ method, path, body string }{
		{http.MethodGet, "/_matrix/federation/v1/version", ""},
		{http.MethodGet, "/_matrix/federation/v1/query?a=b%20c&d=%2F", ""},
		{http.MethodPut, "/_matrix/federation/v1/3pid/onbind", `{"address":"a@b.example","n":1}`},
		{http.MethodPost, "/x", `{}`},
	}
	for _, tt := range tests {
		w := newWorld(t)
		w.dns.host("a.example", []string{"1.0.0.1"})
		w.serve("1.0.0.1:443", delegate("b.example:99"), "a.example")
		w.dns.host("b.example", []string{"1.0.0.2"})
		w.serve("1.0.0.2:99", verifying(t, "a.example", one), "b.example")
		answer, err := w.client().Do(t.Context(), Request{
			Server: "a.example", Method: tt.method, Path: tt.path, Body: []byte(tt.body), Sign: me,
		})
		if want := fmt.Sprintf("%s id.example %s", tt.method, tt.body); err != nil || string(answer.Body) != want {
			t.Errorf("Do(%s %s) = %q, %v, want %q", tt.method, tt.path, answer.Body, err, want)
		}
	}
}

// verifying answers with the method, the proven origin and the body.
func verifying(t *testing.T, destination matrix.ServerName, key matrix.SigningKey) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		x, err := matrix.ParseXMatrix(r.Header.Get("Authorization"))
		if err != nil || x.Destination != destination || x.Key != key.ID {
			t.Errorf("Authorization is %v, %v", x, err)
		}
		if kind := r.Header.Get("Content-Type"); (kind == "application/json") != (len(body) > 0) {
			t.Errorf("Content-Type is %q for a body of %d bytes", kind, len(body))
		}
		signed := matrix.SignedRequest{Method: r.Method, URI: r.RequestURI, Origin: x.Origin, Destination: destination, Content: body}
		if err := signed.Verify(x, key.Public()); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.RequestURI, err)
		}
		fmt.Fprintf(rw, "%s %s %s", r.Method, x.Origin, body)
	}
}

func TestUnsignedRequestsCarryNoAuthorization(t *testing.T) {
	w := newWorld(t)
	w.opts.UserAgent = "Signet/1.0"
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{"Authorization": "", "User-Agent": "Signet/1.0", "Accept": "application/json"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}, "1.2.3.4")
	w.get(w.client(), "1.2.3.4", "")
}

func TestBodyThatCannotBeSigned(t *testing.T) {
	w := newWorld(t)
	r := Request{Server: "1.2.3.4", Method: http.MethodPost, Path: "/", Body: []byte("{"), Sign: &Identity{Server: "id.example", Key: one}}
	if _, err := w.client().Do(t.Context(), r); err == nil {
		t.Error("Do = nil, want an error")
	}
	r = Request{Server: "1.2.3.4", Method: "BAD METHOD", Path: "/"}
	if _, err := w.client().Do(t.Context(), r); !errors.Is(err, errRequest) {
		t.Errorf("Do = %v, want %v", err, errRequest)
	}
	w.wantDials()
}

func TestEveryStatusIsAnAnswer(t *testing.T) {
	for _, status := range []int{200, 401, 404, 429, 500, 503} {
		onBothProtocols(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "7")
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, `{"errcode": "M_X"}`)
		}, func(t *testing.T, w *world) {
			answer, err := w.client().Do(t.Context(), ping("1.2.3.4"))
			if err != nil || answer.Status != status || answer.Header.Get("Retry-After") != "7" {
				t.Errorf("Do = %d %v, %v, want status %d", answer.Status, answer.Header, err, status)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for body, want := range map[string]string{`{"sub": "@a:b"}`: "@a:b", `{}`: "", `{"other": 1}`: ""} {
		var got struct {
			Sub string `json:"sub"`
		}
		if err := (Response{Body: []byte(body)}).Decode(&got); err != nil || got.Sub != want {
			t.Errorf("Decode(%s) = %q, %v, want %q", body, got.Sub, err, want)
		}
	}
	for _, body := range []string{"", "{", `{"sub": 1}`, `{"sub": "a", "sub": "b"}`, `{"sub": "` + "\xff" + `"}`, `{} {}`} {
		var got struct {
			Sub string `json:"sub"`
		}
		if err := (Response{Body: []byte(body)}).Decode(&got); !errors.Is(err, ErrBadAnswer) || err.Error() != "answer is not as specified: not JSON of the expected shape" {
			t.Errorf("Decode(%s) = %v, want %v without a quotation", body, err, ErrBadAnswer)
		}
	}
}

// Connections are kept for the next request, on both protocols.
func TestConnectionsAreUsedAgain(t *testing.T) {
	onBothProtocols(t, raw("x"), func(t *testing.T, w *world) {
		c := w.client()
		for range 3 {
			w.get(c, "1.2.3.4", "x")
		}
		w.wantDials("1.2.3.4:8448")
	})
}

// A server that restarts closes its connections; the next request gets a new one.
func TestClosedConnectionsAreReplaced(t *testing.T) {
	w := newWorld(t)
	cert := w.ca.issue(t, w.clock.Add(time.Hour), "1.2.3.4")
	s := w.serveWith("1.2.3.4:8448", raw("x"), cert, false)
	c := w.client()
	w.get(c, "1.2.3.4", "x")
	s.CloseClientConnections()
	w.get(c, "1.2.3.4", "x")
	w.wantDials("1.2.3.4:8448", "1.2.3.4:8448")
}
