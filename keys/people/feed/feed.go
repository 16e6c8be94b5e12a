// Package feed hands the change feed of bindings to the log of people's keys: lookup and
// keys/people do not know each other.
package feed

import (
	"context"

	"signet/keys/people"
	"signet/lookup"
)

// Lookup is the feed of a directory of bindings, as keys/people follows it.
type Lookup struct{ *lookup.Directory }

// Bindings is people.Feed's.
func (l Lookup) Bindings(ctx context.Context, after int64, limit int) ([]people.Binding, error) {
	changes, err := l.Changes(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]people.Binding, len(changes))
	for i, c := range changes {
		all[i] = people.Binding{Position: c.Position, Address: c.Address, User: c.User, At: c.At}
		if c.Kind == lookup.Bound || c.Kind == lookup.Rebound {
			all[i].Association = c.Association()
		}
	}
	return all, nil
}
