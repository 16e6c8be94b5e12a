package program

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"signet/internal/config"
)

var open = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func status(h http.Handler, peer, host string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr, r.Host = peer, host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// Who may speak plain HTTP to a listener behind a proxy.
func TestOnlyProxies(t *testing.T) {
	behind := &config.Common{BehindProxy: config.Networks{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	secured := *behind
	secured.TLS = config.TLS{Cert: "cert.pem", Key: "key.pem"}
	for _, c := range []struct {
		cfg  *config.Common
		peer string
		want int
	}{
		{behind, "10.1.2.3:5000", 200},
		{behind, "[::ffff:10.1.2.3]:5000", 200},
		{behind, "[fd00::1]:5000", 200},
		{behind, "127.0.0.1:5000", 200},
		{behind, "[::1]:5000", 200},
		{behind, "10.2.0.1:5000", 403},
		{behind, "192.0.2.1:5000", 403},
		{behind, "[2001:db8::1]:5000", 403},
		{behind, "@", 403},
		{&secured, "192.0.2.1:5000", 200},
		{&config.Common{}, "192.0.2.1:5000", 200},
	} {
		if got := status(onlyProxies(c.cfg, open), c.peer, "x"); got != c.want {
			t.Errorf("peer %s = %d, want %d", c.peer, got, c.want)
		}
	}
}

func TestOnlyHosts(t *testing.T) {
	for host, want := range map[string]int{"localhost:9090": 200, "LOCALHOST:9090": 200, "localhost": 421, "evil.example": 421, "": 421} {
		if got := status(onlyHosts([]string{"localhost:9090"}, open), "127.0.0.1:1", host); got != want {
			t.Errorf("host %q = %d, want %d", host, got, want)
		}
	}
	if got := status(onlyHosts(nil, open), "127.0.0.1:1", "evil.example"); got != 200 {
		t.Errorf("without a list = %d, want 200", got)
	}
}
