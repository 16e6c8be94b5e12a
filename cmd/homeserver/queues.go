package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/thirdparty"
)

// queueMetrics tells how much waits, and for how long. Nothing of it names anybody, nor any
// other server.
type queueMetrics struct {
	log      *slog.Logger
	now      func() time.Time
	outbound func(context.Context) (outbound.Status, error)
	inbound  func(context.Context) (inbound.Status, error)
	unbound  func(context.Context) (int, error)
	invites  func(context.Context) (thirdparty.Status, error)
	keys     func(context.Context) (publication.Status, error)
	queued   func() int // operations that wait to be stored
	polls    func() int // requests that wait for news
}

// scrapePatience is how long the database is given to count.
const scrapePatience = 5 * time.Second

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("signet_homeserver_"+name, help, nil, nil)
}

var (
	outboundEvents  = describe("outbound_events", "Events that wait for other servers, each as often as there are servers that it waits for.")
	outboundEDUs    = describe("outbound_edus", "Messages that are no events (EDUs) and wait for other servers.")
	outboundOldest  = describe("outbound_oldest_seconds", "For how long that has waited for another server which has waited for longest; 0 if nothing waits.")
	outboundAway    = describe("outbound_servers_away", "Other servers that failed and are left alone for a while.")
	outboundSending = describe("outbound_servers_sending", "Other servers that are being sent to.")
	inboundBacklog  = describe("inbound_backlog_events", "Events of other servers that wait to be dealt with.")
	inboundGivenUp  = describe("inbound_given_up_events", "Events of other servers that could not be dealt with, of the last day.")
	inboundOldest   = describe("inbound_oldest_seconds", "For how long that event of another server has waited which has waited for longest; 0 if none waits.")
	unbinding       = describe("unbindings_waiting", "Accounts that have ended, and addresses that are to be unbound, each as often as there are identity servers that have yet to be told so.")
	invitesWaiting  = describe("invitations_waiting", "Invitations of addresses that were bound, which are still to become those of users.")
	invitesOldest   = describe("invitations_oldest_seconds", "For how long that invitation of an address has waited which has waited for longest; 0 if none waits.")
	keysWaiting     = describe("key_publications_waiting", "People's keys that are still to stand in the key directory, or to be erased there.")
	keysAlarms      = describe("key_publications_alarms", "People for whom the key directory has keys that are not theirs, or not what it has promised.")
	streamQueued    = describe("stream_queued_operations", "Changes that wait to be stored.")
	waitingPolls    = describe("sync_waiting_requests", "Requests of clients that wait for something new.")

	queueDescs = []*prometheus.Desc{outboundEvents, outboundEDUs, outboundOldest, outboundAway, outboundSending,
		inboundBacklog, inboundGivenUp, inboundOldest, invitesWaiting, invitesOldest, unbinding, keysWaiting, keysAlarms, streamQueued, waitingPolls}
)

// watchQueues registers the metrics of what waits once all is built.
func (s *server) watchQueues(now func() time.Time) {
	s.metrics.MustRegister(&queueMetrics{log: s.log, now: now, outbound: s.peers.outbound.Status, inbound: s.inbound.Status,
		unbound: s.contacts.Waiting, invites: s.thirdParty.Status, keys: s.publications.Status, queued: s.stream.Queued, polls: s.stream.Notifier().Waiting})
}

// Describe is prometheus.Collector's.
func (m *queueMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range queueDescs {
		to <- d
	}
}

// Collect is prometheus.Collector's. Of what cannot be counted it tells nothing.
func (m *queueMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	tell := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	tell(streamQueued, float64(m.queued()))
	tell(waitingPolls, float64(m.polls()))
	if out, err := m.outbound(ctx); err != nil {
		m.log.Warn("the queues to other servers do not say how they fare", "error", err)
	} else {
		tell(outboundEvents, float64(out.Events))
		tell(outboundEDUs, float64(out.EDUs))
		tell(outboundOldest, m.age(out.Oldest))
		tell(outboundAway, float64(out.Away))
		tell(outboundSending, float64(out.Sending))
	}
	if in, err := m.inbound(ctx); err != nil {
		m.log.Warn("the backlog of other servers' events does not say how it fares", "error", err)
	} else {
		tell(inboundBacklog, float64(in.Backlog))
		tell(inboundGivenUp, float64(in.GivenUp))
		tell(inboundOldest, m.age(in.Oldest))
	}
	m.collectIdentity(ctx, tell)
}

// collectIdentity tells of what waits for identity servers.
func (m *queueMetrics) collectIdentity(ctx context.Context, tell func(*prometheus.Desc, float64)) {
	if n, err := m.unbound(ctx); err != nil {
		m.log.Warn("what identity servers have yet to be told is not known", "error", err)
	} else {
		tell(unbinding, float64(n))
	}
	if keys, err := m.keys(ctx); err != nil {
		m.log.Warn("what is published in the key directory does not say how it fares", "error", err)
	} else {
		tell(keysWaiting, float64(keys.Waiting))
		tell(keysAlarms, float64(keys.Alarms))
	}
	if invites, err := m.invites(ctx); err != nil {
		m.log.Warn("the invitations of addresses do not say how they fare", "error", err)
	} else {
		tell(invitesWaiting, float64(invites.Waiting))
		tell(invitesOldest, m.age(invites.Oldest))
	}
}

func (m *queueMetrics) age(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return m.now().Sub(since).Seconds()
}
