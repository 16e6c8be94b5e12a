package outbound

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store"
)

// QueueEvents queues events; it is room.Outgoing's. Names that no server can have are left
// out: those in events need not be such.
func (o *Outbound) QueueEvents(ctx context.Context, tx *store.Tx, all []room.Dispatch) error {
	var names wakes
	var rows [][]any
	add := func(to matrix.ServerName, d room.Dispatch, invites bool) {
		if valid(to) {
			rows = append(rows, rowOfEvent(to, eventRow{pos: d.Pos, id: d.EventID, room: d.Room, invites: invites}, o.Now()))
			names = append(names, to)
		}
	}
	for _, d := range all {
		for _, to := range d.To {
			add(to, d, false)
		}
		if d.Invites != "" {
			add(d.Invites, d, true)
		}
	}
	if err := insertEvents.Insert(ctx, tx, rows); err != nil {
		return fmt.Errorf("queueing events: %w", err)
	}
	o.announce(unique(names))
	return nil
}

// unique has each name once, in order.
func unique(names wakes) wakes {
	slices.Sort(names)
	return slices.Compact(names)
}

// valid tells whether a server can have the name.
func valid(name matrix.ServerName) bool {
	parsed, err := matrix.ParseServerName(name.String())
	return err == nil && parsed == name
}

// Relay queues events that are stored already, such as those that another server has sent
// here to be passed on. It returns when they are queued for good.
func (o *Outbound) Relay(ctx context.Context, all ...room.Dispatch) error {
	_, err := o.Stream.Commit(ctx, nil, func(tx *store.Tx, _ streamPos) error { return o.QueueEvents(ctx, tx, all) })
	return err
}

// Queue queues an EDU; it is e2ee.Outgoing's.
func (o *Outbound) Queue(ctx context.Context, tx *store.Tx, to []matrix.ServerName, edu e2ee.EDU) error {
	return o.QueueEDU(ctx, tx, to, topicOf(edu), remote.EDU(edu))
}

// QueueEDU queues an EDU for servers. Where an older one on the same topic waits still, it
// takes its place and comes last; without a topic it takes nobody's.
func (o *Outbound) QueueEDU(ctx context.Context, tx *store.Tx, to []matrix.ServerName, topic string, edu remote.EDU) error {
	seq := o.seq.Add(1)
	if topic == "" {
		topic = "seq " + strconv.FormatInt(seq, 10)
	}
	var rows [][]any
	names := unique(slices.DeleteFunc(slices.Clone(to), func(name matrix.ServerName) bool { return !valid(name) }))
	for _, name := range names {
		rows = append(rows, rowOfEDU(name, topic, eduRow{seq: seq, edu: edu}, o.Now()))
	}
	if err := putEDUs.Insert(ctx, tx, rows); err != nil {
		return fmt.Errorf("queueing an EDU: %w", err)
	}
	o.announce(names)
	return nil
}

// topicOf is what an update is about: a later one says all that counts. That one is missing
// is known to the other server by the id of the one before, so that it asks again
// (server-server API, "Device Management").
func topicOf(edu e2ee.EDU) string {
	var about struct {
		User   string `json:"user_id"`
		Device string `json:"device_id"`
	}
	switch edu.Type {
	case e2ee.EDUDeviceListUpdate, e2ee.EDUSigningKeyUpdate:
		if json.Unmarshal(edu.Content, &about) == nil {
			return edu.Type + " " + about.User + " " + about.Device
		}
	}
	return ""
}
