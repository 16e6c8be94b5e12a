package notary_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

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
