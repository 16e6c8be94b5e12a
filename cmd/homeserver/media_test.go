package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/config"
	"signet/internal/store/storetest"
)

// sender is an identity server that sends e-mail only, and asks nobody whether they are a person.
func sender(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/_matrix/identity/v2":
			fmt.Fprint(w, `{"im.signet.media":["email"]}`)
		case "/_signet/v1/captcha":
			fmt.Fprintf(w, `{"id":"c","url":"http://%[1]s/c","image_url":"http://%[1]s/c","audio_url":"http://%[1]s/c","expires_at":%[2]d}`, r.Host, time.Now().Add(time.Hour).UnixMilli())
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// Where the operator has chosen no flows, people are not asked for a number to which the identity
// server sends nothing; where they have, it is as they say. It is asked when the server starts.
func TestFlowsAreThoseThatTheIdentityServerSendsFor(t *testing.T) {
	id := sender(t)
	for _, chosen := range [][][]string{nil, {{"im.signet.captcha", "m.login.msisdn"}}} {
		r := newWorld(t, storetest.SQLite(t), func(c *Config) {
			c.IdentityServer, c.Registration.Flows = strings.Replace(id.URL, "127.0.0.1", "localhost", 1), chosen
			c.BehindProxy = config.Networks{netip.MustParsePrefix("127.0.0.0/8")}
		}).serve()
		r.until(fmt.Sprintf("the flows are as they should be with %v configured", chosen), func() bool {
			_, answer := r.call("", "POST", "/register", `{"username":"alice"}`)
			flows := fmt.Sprint(answer["flows"])
			return strings.Contains(flows, "m.login.msisdn") == (chosen != nil) && strings.Contains(flows, "captcha")
		})
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, it ends with %d", status)
		}
	}
}
