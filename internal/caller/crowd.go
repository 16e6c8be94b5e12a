package caller

import (
	"context"
	"net/netip"

	"signet/internal/matrix"
)

// Strangers for whom one replica asks at once. Whoever names a server, in an OpenID
// token or a signature, makes us ask it: its own places keep us from being the hammer,
// those of the network keep one stranger from taking them all.
const (
	visitorsAtServer  = 16
	visitorsByNetwork = 8
)

// visit asks a server for somebody from a network, zero when unknown, if there are
// places. They are given back when the server has answered, not when whoever came has
// gone away: what was begun there runs on, and ask ends by its own deadline.
func (g *Gate) visit(ctx context.Context, from netip.Prefix, server matrix.ServerName, ask func(context.Context) error) error {
	if from.IsValid() {
		leave, err := g.visitors.Enter("network "+from.String(), visitorsByNetwork)
		if err != nil {
			return err
		}
		defer leave()
	}
	leave, err := g.visitors.Enter("server "+server.WithoutPort().String(), visitorsAtServer)
	if err != nil {
		return err
	}
	defer leave()
	return ask(context.WithoutCancel(ctx))
}
