package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/store"
	"signet/keys/log"
)

// logMetrics tells how the logs of keys fare. What it tells of has no address and no name but
// that of the log.
type logMetrics struct {
	log     *slog.Logger
	now     func() time.Time
	watched []watchedLog
	sealing *prometheus.HistogramVec
}

// watchedLog is one log, and what counts what waits for it.
type watchedLog struct {
	name    string
	status  func(ctx context.Context) (log.Status, error)
	pending func(ctx context.Context) (int64, error)
	// skipped counts what has no place in the log, if there is such; nil: there is not.
	skipped func(ctx context.Context) (int64, error)
}

// scrapePatience is how long one log is given to say how it fares.
const scrapePatience = 5 * time.Second

func describeLog(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("signet_idserver_log_"+name, help, []string{"log"}, nil)
}

var (
	logEntries    = describeLog("entries", "Entries that are committed to a log of keys.")
	logPublished  = describeLog("published_entries", "Entries that the newest published checkpoint covers.")
	logPending    = describeLog("pending_entries", "Changes that wait to be put into a log.")
	logCheckpoint = describeLog("checkpoint_age_seconds", "Age of the newest published checkpoint; a sound log publishes one at least every half an hour.")
	logSequencer  = describeLog("sequencer", "1 on the replica that writes the log, 0 on those that stand by.")
	logFailing    = describeLog("failing", "1 if the last attempt to write or follow the log failed.")
	logRefused    = describeLog("signing_refused", "1 if nothing is signed any more, because the database is older than what was signed from it.")
	logSkipped    = describeLog("skipped_changes", "Changes of bindings that have no place in the log, as their address is too long.")
)

func newLogMetrics(log *slog.Logger, now func() time.Time, registry *prometheus.Registry) *logMetrics {
	m := &logMetrics{log: log, now: now, sealing: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "signet_idserver_log_sealing_seconds",
		Help:    "How long it took to put a batch into a log and to publish its checkpoint.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"log"})}
	registry.MustRegister(m, m.sealing)
	return m
}

// sealed is the log.Options.Sealed of a log.
func (m *logMetrics) sealed(name string) func(int64, time.Duration) {
	of := m.sealing.WithLabelValues(name)
	return func(_ int64, took time.Duration) { of.Observe(took.Seconds()) }
}

// Describe is prometheus.Collector's.
func (m *logMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logEntries, logPublished, logPending, logCheckpoint, logSequencer, logFailing, logRefused, logSkipped} {
		to <- d
	}
}

// Collect is prometheus.Collector's. Of a log that does not say how it fares it tells nothing.
func (m *logMetrics) Collect(to chan<- prometheus.Metric) {
	for _, w := range m.watched {
		ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
		if err := m.collect(ctx, w, to); err != nil {
			m.log.Warn("a log of keys does not say how it fares", "log", w.name, "error", err)
		}
		cancel()
	}
}

func (m *logMetrics) collect(ctx context.Context, w watchedLog, to chan<- prometheus.Metric) error {
	s, err := w.status(ctx)
	if err != nil {
		return err
	}
	pending, err := w.pending(ctx)
	if err != nil {
		return err
	}
	tell := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, w.name)
	}
	tell(logEntries, float64(s.Size))
	tell(logPublished, float64(s.Published))
	tell(logPending, float64(pending))
	tell(logSequencer, oneIf(s.Leads))
	tell(logFailing, oneIf(s.Err != nil && !errors.Is(s.Err, log.ErrSuperseded) && !errors.Is(s.Err, store.ErrBusy)))
	tell(logRefused, oneIf(errors.Is(s.Err, log.ErrRolledBack)))
	if !s.Signed.IsZero() {
		tell(logCheckpoint, m.now().Sub(s.Signed).Seconds())
	}
	if w.skipped == nil {
		return nil
	}
	skipped, err := w.skipped(ctx)
	if err != nil {
		return err
	}
	tell(logSkipped, float64(skipped))
	return nil
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// watchLogs tells of both logs once they are open.
func (s *server) watchLogs() {
	s.logs.watched = []watchedLog{
		{name: "users", status: s.people.Tiles().Status, pending: s.people.Pending, skipped: s.people.Skipped},
		{name: "servers", status: s.servers.Tiles().Status, pending: s.notary.Pending},
	}
}
