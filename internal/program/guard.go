package program

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"signet/internal/config"
)

// onlyProxies answers the machine itself and the proxies that are named, and nobody
// else: on a listener without TLS, a stranger's words and ours could be read on the
// way. Without any proxy named the listener is loopback's.
func onlyProxies(cfg *config.Common, next http.Handler) http.Handler {
	if cfg.TLS.Set() || len(cfg.BehindProxy) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !isProxy(cfg.BehindProxy, peer.Addr().Unmap()) {
			http.Error(w, "this listener answers its reverse proxies only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isProxy(networks config.Networks, peer netip.Addr) bool {
	return peer.IsLoopback() || slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(peer) })
}

// onlyHosts answers requests that name one of hosts; nil is any.
func onlyHosts(hosts []string, next http.Handler) http.Handler {
	if hosts == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, r.Host) }) {
			http.Error(w, "this server does not answer to the name in the Host header", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
