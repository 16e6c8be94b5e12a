package mxhttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

func TestClientAddr(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tc := range []struct {
		name, peer string
		xff        []string
		want       string
	}{
		{"no proxy", "203.0.113.9:1", nil, "203.0.113.9"},
		{"a stranger's claim", "203.0.113.9:1", []string{"6.6.6.6"}, "203.0.113.9"},
		{"a neighbour's claim", "192.168.0.9:1", []string{"6.6.6.6"}, "192.168.0.9"},
		{"loopback's claim", "127.0.0.1:1", []string{"6.6.6.6"}, "127.0.0.1"},
		{"behind the proxy", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"spoofed behind the proxy", "10.0.0.1:1", []string{"6.6.6.6, 203.0.113.9"}, "203.0.113.9"},
		{"spoofed with a proxy's name", "10.0.0.1:1", []string{"6.6.6.6, 10.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"spoofed in a header of its own", "10.0.0.1:1", []string{"6.6.6.6", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1", []string{"6.6.6.6,203.0.113.9 ,\t10.0.0.2"}, "203.0.113.9"},
		{"two proxies, two headers", "10.0.0.1:1", []string{"6.6.6.6, 203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"the proxy itself", "10.0.0.1:1", nil, "10.0.0.1"},
		{"the proxy, with nothing to say", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"a client among the proxies", "10.0.0.1:1", []string{"10.0.0.7, 10.0.0.2"}, "10.0.0.7"},
		{"a hop with its port", "10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6", "[2001:db8::1]:1", []string{"2001:470::9"}, "2001:470::9"},
		{"IPv6 with a port", "10.0.0.1:1", []string{"[2001:470::9]:4711"}, "2001:470::9"},
		{"mapped peer", "[::ffff:10.0.0.1]:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"mapped hop", "10.0.0.1:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"a hop that is none", "10.0.0.1:1", []string{"6.6.6.6, unknown"}, ""},
		{"a hop left empty", "10.0.0.1:1", []string{"6.6.6.6,"}, ""},
		{"unix socket", "@", []string{"203.0.113.9"}, ""},
		{"unnamed socket", "", nil, ""},
	} {
		got := clientAddr(t, mxhttp.Options{Proxies: proxies}, tc.peer, tc.xff)
		if want := parseAddr(tc.want); got != want {
			t.Errorf("%s: ClientAddr(%q, %q) = %v, want %v", tc.name, tc.peer, tc.xff, got, want)
		}
	}
}

func parseAddr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func clientAddr(t *testing.T, o mxhttp.Options, peer string, xff []string) (got netip.Addr) {
	t.Helper()
	e, err := mxhttp.New(o, []mxhttp.Route{get(ping, func(c echo.Context) error {
		got = mxhttp.ClientAddr(c)
		return pong(c)
	})})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("GET", ping, nil)
	req.RemoteAddr = peer
	req.Header["X-Forwarded-For"] = xff
	e.ServeHTTP(httptest.NewRecorder(), req)
	return got
}

// The same over a real connection: loopback is a proxy only where it is said to be.
func TestClientAddrOverTCP(t *testing.T) {
	where := get(ping, func(c echo.Context) error { return mxhttp.Reply(c, http.StatusOK, mxhttp.ClientAddr(c).String()) })
	direct := newWorld(t, mxhttp.Options{}, where)
	if r := direct.do("GET", ping, "", "X-Forwarded-For", "6.6.6.6"); r.body != `"127.0.0.1"` {
		t.Errorf("without a proxy ClientAddr = %s, want 127.0.0.1", r.body)
	}
	proxied := newWorld(t, mxhttp.Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, where)
	if r := proxied.do("GET", ping, "", "X-Forwarded-For", "6.6.6.6, 203.0.113.9"); r.body != `"203.0.113.9"` {
		t.Errorf("behind a proxy ClientAddr = %s, want 203.0.113.9", r.body)
	}
}

// A network is what one subscriber has.
func TestClientNetwork(t *testing.T) {
	for peer, want := range map[string]string{
		"203.0.113.9:1":            "203.0.113.9/32",
		"[::ffff:203.0.113.9]:1":   "203.0.113.9/32",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:2::]:1":       "2001:db8:1:2::/64",
		"[fe80::1:2:3:4:5%eth0]:1": "fe80:0:0:1::/64",
		"@":                        "invalid Prefix",
	} {
		var got netip.Prefix
		e, err := mxhttp.New(mxhttp.Options{}, []mxhttp.Route{get(ping, func(c echo.Context) error {
			got = mxhttp.ClientNetwork(c)
			return pong(c)
		})})
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest("GET", ping, nil)
		req.RemoteAddr = peer
		e.ServeHTTP(httptest.NewRecorder(), req)
		if got.String() != want {
			t.Errorf("ClientNetwork(%q) = %s, want %s", peer, got, want)
		}
	}
}
