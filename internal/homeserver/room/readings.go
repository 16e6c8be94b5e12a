package room

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// roomsAtOnce is how many rooms one statement is about.
const roomsAtOnce = 8

// readings are rooms that are asked for by one statement, by their numbers.
type readings map[int64]*reading

func newReadings(of []*reading) readings {
	g := readings{}
	for _, d := range of {
		g[d.room.nid] = d
	}
	return g
}

// in is a list of the rooms' numbers for a statement that has so many other parameters:
// of one or of roomsAtOnce, so that few statements are prepared.
func (g readings) in(others ...any) (list string, args []any) {
	nids := slices.Collect(maps.Keys(g))
	for len(nids) > 1 && len(nids) < roomsAtOnce {
		nids = append(nids, nids[0])
	}
	args = others
	parameters := make([]string, len(nids))
	for i, nid := range nids {
		args = append(args, nid)
		parameters[i] = "$" + strconv.Itoa(len(args))
	}
	return "(" + strings.Join(parameters, ", ") + ")", args
}

// summaries asks where the states changed last, and which rooms are branched.
func (g readings) summaries() store.Question {
	list, args := g.in()
	return store.Question{Query: roomSummaries + list, Args: args, Take: func(row store.Row) error {
		var nid int64
		var change stream.Pos
		var branched bool
		if err := row.Scan(&nid, &change, &branched); err != nil {
			return err
		}
		g[nid].loaded.view.change, g[nid].branched = change, branched
		return nil
	}}
}

// states asks who holds the places in the states.
func (g readings) states() store.Question {
	list, args := g.in()
	return store.Question{Query: statesNow + list, Args: args, Take: func(row store.Row) error {
		var nid int64
		var s stateRow
		if err := row.Scan(&nid, &s.key.Type, &s.key.StateKey, &s.pos, &s.membership); err != nil {
			return err
		}
		g[nid].rows = append(g[nid].rows, s)
		return nil
	}}
}

// readers asks who might read, up to a position.
func (g readings) readers(to stream.Pos) store.Question {
	list, args := g.in(visibilityType, "", int64(to))
	return store.Question{Query: historyIn + list + historyOrder, Args: args, Take: func(row store.Row) error {
		var nid int64
		var said historyRow
		if err := row.Scan(append([]any{&nid}, said.into()...)...); err != nil {
			return err
		}
		d := g[nid]
		return d.take(func(store.Row) error {
			v, err := said.value(d.room.version, visibilityType)
			d.loaded.view.readers = append(d.loaded.view.readers, v)
			return err
		})(row)
	}}
}
