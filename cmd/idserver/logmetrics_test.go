package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"signet/keys/log"
)

// gathered is the value of each gauge, and the count of each histogram, by name and log.
func gathered(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetName() != "log" {
				t.Errorf("%s has the labels %v", f.GetName(), m.GetLabel())
			}
			name := strings.TrimPrefix(f.GetName(), "signet_idserver_log_") + " " + m.GetLabel()[0].GetValue()
			all[name] = m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

func TestTheLogsSayHowTheyFare(t *testing.T) {
	noon := time.UnixMilli(1_700_000_000_000)
	counts := func(n int64, err error) func(context.Context) (int64, error) {
		return func(context.Context) (int64, error) { return n, err }
	}
	fares := func(s log.Status, err error) func(context.Context) (log.Status, error) {
		return func(context.Context) (log.Status, error) { return s, err }
	}
	registry := prometheus.NewRegistry()
	m := newLogMetrics(slog.New(slog.DiscardHandler), func() time.Time { return noon }, registry)
	m.watched = []watchedLog{
		{name: "sound", status: fares(log.Status{Size: 9, Published: 7, Signed: noon.Add(-time.Minute), Leads: true}, nil), pending: counts(3, nil), skipped: counts(2, nil)},
		{name: "older", status: fares(log.Status{Size: 4, Err: fmt.Errorf("%w: of the test", log.ErrRolledBack)}, nil), pending: counts(0, nil)},
		{name: "rival", status: fares(log.Status{Size: 4, Err: log.ErrSuperseded}, nil), pending: counts(0, nil)},
		{name: "broken", status: fares(log.Status{Size: 4, Err: log.ErrInvariant}, nil), pending: counts(0, nil)},
		{name: "silent", status: fares(log.Status{}, errors.New("no database")), pending: counts(0, nil)},
		{name: "uncounted", status: fares(log.Status{}, nil), pending: counts(0, errors.New("no database"))},
	}
	m.sealed("sound")(5, time.Second)
	want := map[string]float64{
		"entries sound": 9, "published_entries sound": 7, "pending_entries sound": 3, "checkpoint_age_seconds sound": 60, "sequencer sound": 1,
		"failing sound": 0, "signing_refused sound": 0, "skipped_changes sound": 2, "sealing_seconds sound": 1,
	}
	for name, failing := range map[string]float64{"older": 1, "rival": 0, "broken": 1} {
		maps.Copy(want, map[string]float64{"entries " + name: 4, "published_entries " + name: 0, "pending_entries " + name: 0, "sequencer " + name: 0,
			"failing " + name: failing, "signing_refused " + name: 0})
	}
	want["signing_refused older"] = 1
	if diff := cmp.Diff(want, gathered(t, registry)); diff != "" {
		t.Errorf("what is told (-want +got):\n%s", diff)
	}
}
