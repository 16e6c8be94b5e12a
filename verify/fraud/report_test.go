package fraud_test

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"signet/verify/fraud"
)

var discard = slog.New(slog.DiscardHandler)

func TestTheReportTellsHowThingsStand(t *testing.T) {
	each(t, capped(0, 500_000), func(w *world) {
		if r, err := w.a.Report(w.Context()); err != nil || !r.Switch.On || len(r.Countries)+len(r.Pauses) != 0 {
			w.Errorf("Report = %+v, %v of nothing", r, err)
		}
		w.allow(w.a, block(w, other, 1))
		w.clock.Advance(3 * time.Hour) // the next UTC day
		w.allow(w.a, block(w, north, 1))
		w.send(north, 25, 1)
		w.send(other, 2, 2)
		w.ripen()
		w.watch()
		w.send(other, 1, 0) // under way
		if err := w.a.SetSending(w.Context(), false, "why not"); err != nil {
			w.Fatal(err)
		}
		got, err := w.b.Report(w.Context())
		if err != nil || len(got.Pauses) != 1 {
			w.Fatalf("Report = %+v, %v", got, err)
		}
		want := fraud.Report{
			Switch:    fraud.Switch{Reason: "why not", Changed: w.clock.Now()},
			Today:     fraud.Spending{Messages: 1, Segments: 1, Spent: 40_000},
			ThisMonth: fraud.Spending{Messages: 2, Segments: 2, Spent: 110_001, Cap: 500_000},
			Countries: []fraud.CountryUse{
				{Country: "DE", Sent: 3, Validated: 2, ThisMonth: fraud.Spending{Messages: 1, Segments: 1, Spent: 70_001}},
				{Country: "GB", Sent: 25, Validated: 1, Suspicious: true, ThisMonth: fraud.Spending{Messages: 1, Segments: 1, Spent: 40_000}},
			},
			Pauses: []fraud.Pause{{Fingerprint: got.Pauses[0].Fingerprint, Country: "GB", Since: w.clock.Now(),
				Until: w.clock.Now().Add(24 * time.Hour), Sent: 25, Validated: 1}},
		}
		if !reflect.DeepEqual(got, want) {
			w.Errorf("Report = %+v\nwant     %+v", got, want)
		}
	})
}

// What the database and the log hold tells of no number, nor of its neighbours.
func TestNumbersStayOutOfTablesAndLogs(t *testing.T) {
	each(t, capped(410_000, 410_000), func(w *world) {
		n := block(w, north, 1234)
		w.allow(w.a, n)
		w.send(north, 40, 0)
		w.ripen()
		w.watch()
		w.refuse(w.a, n, func(err error) bool { return !strings.Contains(err.Error(), "7400") })
		for range 5 {
			w.allow(w.a, block(w, other, 5678))
		}
		w.refuse(w.a, block(w, other, 5678), is(fraud.ErrCap))
		w.refuse(w.a, number(w, "33612345678"), func(err error) bool { return !strings.Contains(err.Error(), "3361") })
		w.watch()
		if err := w.a.SetSending(w.Context(), false, "done"); err != nil {
			w.Fatal(err)
		}
		dump := w.dump()
		for _, table := range tables {
			if !strings.Contains(dump, table) {
				w.Errorf("%s is empty, so nothing is shown of it", table)
			}
		}
		for _, secret := range []string{"447400", "7400 12", "740012", "491512", "151234", "336123"} {
			if strings.Contains(dump, secret) || strings.Contains(w.log.String(), secret) {
				w.Errorf("%s is in\n%s\nor in\n%s", secret, dump, w.log.String())
			}
		}
	})
}
