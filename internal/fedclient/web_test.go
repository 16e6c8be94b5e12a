package fedclient

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"signet/internal/matrix"
)

// An identity server is asked where it says: at port 443 with its own certificate, whatever
// its name would lead to by discovery. What is signed names it all the same.
func TestWhereAnIdentityServerIs(t *testing.T) {
	w := newWorld(t)
	w.dns.host("id.example", []string{"1.0.0.1"})
	w.serve("1.0.0.1:443", verifying(t, "named.example", one), "id.example")
	at := &url.URL{Scheme: "https", Host: "id.example"}
	answer, err := w.client().Do(t.Context(), Request{
		Server: "named.example", Web: at, Method: http.MethodPost, Path: "/x", Body: []byte(`{}`), Sign: &Identity{Server: "hs.example", Key: one},
	})
	if err != nil || string(answer.Body) != "POST hs.example {}" {
		t.Errorf("answered %q, %v", answer.Body, err)
	}
	w.wantDials("1.0.0.1:443")

	w.dns.host("other.example", []string{"1.0.0.1"})
	_, err = w.client().Do(t.Context(), Request{Server: "named.example", Web: &url.URL{Scheme: "https", Host: "other.example"}, Method: http.MethodGet, Path: "/x"})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("with the certificate of another: %v", err)
	}
}

// Without TLS nobody is asked but a program on this machine, and that only where loopback
// may be entered.
func TestWithoutTLS(t *testing.T) {
	local := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.Host) }))
	defer local.Close()
	port := strings.TrimPrefix(local.URL, "http://127.0.0.1:")
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	tests := []struct {
		name    string
		host    string
		address string
		allowed []netip.Prefix
		want    error
	}{
		{"loopback", "localhost:" + port, "127.0.0.1", loopback, nil},
		{"loopback that may not be entered", "localhost:" + port, "127.0.0.1", nil, ErrForbiddenAddress},
		{"another machine", "a.example", "1.0.0.1", loopback, ErrForbiddenAddress},
		{"a private network that may be entered", "a.example", "10.0.0.1", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ErrForbiddenAddress},
	}
	for _, tt := range tests {
		w := newWorld(t)
		w.opts.AllowNetworks = tt.allowed
		name := matrix.ServerName(tt.host)
		w.dns.host(name.Host(), []string{tt.address})
		w.servers["127.0.0.1:"+port] = "127.0.0.1:" + port
		answer, err := w.client().Do(t.Context(), Request{Server: name, Web: &url.URL{Scheme: "http", Host: tt.host}, Method: http.MethodGet, Path: "/x"})
		if !errors.Is(err, tt.want) || err == nil && string(answer.Body) != tt.host {
			t.Errorf("%s: %q, %v, want %v", tt.name, answer.Body, err, tt.want)
		}
		if tt.want != nil {
			w.wantDials()
		}
	}
}

// A URL that is more than a server, or of another kind, is a mistake, and nobody is asked.
func TestNoPlaceOfAServer(t *testing.T) {
	for _, text := range []string{"https://a.example/path", "https://user@a.example", "https://a.example?q=1", "https://a.example#f", "ftp://a.example", "https://", "https://a b", "//a.example", "https://a.example:99999"} {
		w := newWorld(t)
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		if _, err := w.client().Do(t.Context(), Request{Server: "a.example", Web: u, Method: http.MethodGet, Path: "/x"}); !errors.Is(err, errRequest) {
			t.Errorf("%s: %v", text, err)
		}
		w.wantDials()
	}
}
