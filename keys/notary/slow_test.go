package notary_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/keys/notary"
)

// slow is a federation whose slow servers answer once they are let.
type slow struct {
	*world
	let chan struct{}
}

func (s slow) Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error) {
	if strings.HasPrefix(r.Server.String(), "slow") {
		select {
		case <-s.let:
		case <-ctx.Done():
			return fedclient.Response{}, fedclient.ErrUnreachable
		}
	}
	return s.world.Do(ctx, r)
}

// Over a real connection: a server whose answer is too long, or is a redirect, or another
// server's, is as good as none; the one beside it is heard.
func TestServersOverTLS(t *testing.T) {
	each(t, func(w *world) {
		answers := map[string]func(rw http.ResponseWriter, r *http.Request){
			"endless": func(rw http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			},
			"redirecting": func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
			},
			"breaking off": func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Length", "1000")
				_, _ = rw.Write([]byte("{"))
			},
		}
		roots, servers := x509.NewCertPool(), map[matrix.ServerName]notary.Wanted{}
		serve := func(handle http.HandlerFunc) matrix.ServerName {
			s := httptest.NewUnstartedServer(handle)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			w.Cleanup(s.Close)
			roots.AddCert(s.Certificate())
			name := matrix.ServerName(s.Listener.Addr().String())
			servers[name] = notary.Wanted{}
			return name
		}
		for _, handle := range answers {
			serve(handle)
		}
		var good matrix.ServerName
		good = serve(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/_matrix/key/v2/server" && r.Header.Get("Authorization") == "" {
				_, _ = rw.Write(w.doc(good, day, k1).JSON(w))
			}
		})
		serve(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(w.doc(good, day, k1).JSON(w)) })
		o := w.notary.Options
		o.Federation = fedclient.New(fedclient.Options{RootCAs: roots, Now: w.clock.Now, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		w.notary = notary.New(o)
		if got := w.query(servers); len(got) != 1 || got[0].Server != good || got[0].ids() != "k1" {
			w.Errorf("%d documents, want that of %s", len(got), good)
		}
	})
}

// Replicas that ask one server at the same moment and are told different things end with all
// of it, in some order.
func TestReplicas(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(day)
		life := time.Duration(0)
		w.servers[them] = func() (int, []byte) {
			life += time.Minute
			return 200, w.doc(them, day+life, k1, k2).JSON(w)
		}
		var group sync.WaitGroup
		for range 6 {
			replica := notary.New(w.notary.Options)
			group.Go(func() {
				answer, err := replica.Query(w.Context(), notary.Query{Servers: map[matrix.ServerName]notary.Wanted{them: {}}})
				// Who reads while another replica stores may be told of both documents.
				without := func(object []byte) bool { return !bytes.Contains(object, []byte("k2")) }
				if err != nil || len(answer.Objects) == 0 || slices.ContainsFunc(answer.Objects, without) {
					w.Errorf("%s, %v", answer.Objects, err)
				}
			})
		}
		group.Wait()
		if got, n := len(w.pending()), w.fetches(them); got != n {
			w.Errorf("%d records of %d fetches", got, n)
		}
	})
}

// nowhere resolves names to addresses of our own.
type nowhere struct{}

func (nowhere) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "metadata.example":
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	case "mapped.example":
		return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func (nowhere) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, &net.DNSError{IsNotFound: true}
}

// Whatever a stranger names, nothing is dialled in our own network.
func TestOurOwnNetworkIsNotAsked(t *testing.T) {
	each(t, func(w *world) {
		o := w.notary.Options
		o.Federation = fedclient.New(fedclient.Options{Resolver: nowhere{}, Now: w.clock.Now,
			Dial: func(_ context.Context, _ string, addr netip.AddrPort) (net.Conn, error) {
				w.Errorf("%s was dialled", addr)
				return nil, http.ErrServerClosed
			}})
		w.notary = notary.New(o)
		servers := map[matrix.ServerName]notary.Wanted{}
		for _, name := range []string{"127.0.0.1", "127.0.0.1:8448", "[::1]", "[::1]:1", "[fe80::1]", "169.254.169.254", "10.0.0.1:443", "0.0.0.0",
			"[::ffff:127.0.0.1]", "localhost", "rebound.example", "metadata.example:80", "mapped.example"} {
			server, err := matrix.ParseServerName(name)
			w.must(err)
			servers[server] = notary.Wanted{}
		}
		if got := w.query(servers); len(got) != 0 {
			w.Errorf("%d documents", len(got))
		}
	})
}
