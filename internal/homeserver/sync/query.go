package sync

import (
	"context"

	"signet/internal/homeserver/stream"
)

// query is a request that has been read.
type query struct {
	Request
	// base is up to where the client has everything: what its token says, or further if
	// since there was nothing for it. The zero base asks for everything.
	base   stream.Token
	filter *wanted
	device *device
}

// initial tells whether the client has nothing.
func (q *query) initial() bool { return q.base.Pos == 0 }

// whole tells whether the client wants the whole state of rooms.
func (q *query) whole() bool { return q.initial() || q.FullState }

// query reads a request. A token from the future is of a database that has been replaced
// by an older one: who has it begins anew.
func (s *Syncer) query(ctx context.Context, r Request) (*query, error) {
	q := &query{Request: r}
	var err error
	if r.Since != "" {
		if q.base, err = stream.ParseToken(r.Since); err != nil {
			return nil, err
		}
	}
	if q.base.Pos > s.Stream.Visible() {
		q.base = stream.Token{}
	}
	if q.filter, err = s.wanted(ctx, r.User, r.Filter); err != nil {
		return nil, err
	}
	q.device = s.devices.get(deviceKey{r.User, r.Device}, newDevice)
	q.device.has(q.base.Pos)
	return q, nil
}

// doubt is closed when the device may be let in no more. For one that waits the error says
// whether it is so already: what woke it may be that.
func (q *query) doubt(ctx context.Context) (<-chan struct{}, error) {
	if q.Admission == nil || q.Timeout <= 0 {
		return nil, nil
	}
	doubt := q.Admission.Doubt()
	return doubt, q.Admission.Check(ctx)
}
