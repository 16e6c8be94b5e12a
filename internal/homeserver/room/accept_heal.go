package room

import (
	"context"
)

// healFrom is from how many extremities on they are followed by an event of ours, so that
// what comes next has few states to resolve.
const healFrom = 10

// heal follows all extremities of a room with an event that says nothing, of somebody here
// who may send it. Where nobody is, the room stays as it is until somebody speaks.
func (rs *Rooms) heal(ctx context.Context, r *Room) {
	_, _ = rs.act(ctx, r, func(t *tip) (draft, error) {
		if len(t.extremities) <= healFrom {
			return draft{}, settledError{}
		}
		if err := rs.read(ctx, r, t.state[keyOf(createType)], t.state[keyOf(levelsType)]); err != nil {
			return draft{}, err
		}
		levels := t.PowerLevels()
		for key, in := range t.state {
			if levels != nil && key.Type == memberType && in.membership == Join && rs.local(key.StateKey) && levels.User(key.StateKey) >= levels.Event(dummyType, false) {
				return draft{typ: dummyType, sender: key.StateKey, content: []byte("{}")}, nil
			}
		}
		return draft{}, settledError{}
	})
}
