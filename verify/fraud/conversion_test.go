package fraud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/verify/fraud"
)

// Two blocks of one country, and one of another; each takes a last four digits.
const (
	north = "44740012"
	south = "44740034"
	other = "491512345"
)

// pausedUntil tells whether an error is a pause's that ends then.
func pausedUntil(w *world, then time.Time) func(error) bool {
	return func(err error) bool {
		wait := then.Sub(w.clock.Now())
		paused, ok := errors.AsType[fraud.Paused](err)
		return ok && paused.Until.Equal(then) && paused.RetryAfter == wait && errors.Is(err, fraud.ErrPaused)
	}
}

// wantSuspicious asks for a number of the block that was never sent anything.
func (w *world) wantSuspicious(first string, want bool) {
	w.Helper()
	if v := w.allow(w.b, block(w, first, 9999)); v.Suspicious != want {
		w.Errorf("%s…: suspicious is %t, want %t\n%s", first, v.Suspicious, want, w.dump())
	}
}

func TestTheShareOfCodesTellsPeopleFromMachines(t *testing.T) {
	tests := []struct {
		sent, validated    int
		suspicious, paused bool
	}{
		{19, 0, false, false}, // too few to tell
		{20, 0, true, true},
		{20, 1, true, false}, // 5 % is not below 5 %
		{21, 1, true, true},
		{20, 2, false, false},
		{21, 2, true, false},
		{100, 5, true, false},
		{100, 4, true, true},
		{60, 6, false, false},
		{30, 30, false, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d of %d", test.validated, test.sent), func(t *testing.T) {
			each(t, policy, func(w *world) {
				w.send(north, test.sent, test.validated)
				w.wantSuspicious(north, false) // codes may still come
				w.ripen()
				if test.paused {
					w.refuse(w.a, block(w, north, 9999), pausedUntil(w, w.clock.Now().Add(24*time.Hour)))
				} else {
					w.wantSuspicious(north, test.suspicious)
				}
				w.wantSuspicious(south, test.suspicious) // of the same country
				w.wantSuspicious(other, false)
			})
		})
	}
}

func TestCodesUnderWayDoNotCount(t *testing.T) {
	each(t, policy, func(w *world) {
		at := w.clock.Now()
		w.send(north, 30, 0)
		lives := at.Add(10 * time.Minute)
		for !w.clock.Now().After(lives) {
			w.wantSuspicious(north, false)
			w.clock.Advance(time.Minute)
		}
		w.ripen()
		w.refuse(w.a, block(w, north, 9999), is(fraud.ErrPaused))
		// A code is counted for when it was sent, whenever it comes.
		for i := range 3 {
			w.do(w.a.Validated(w.Context(), block(w, north, i), at, true))
		}
		w.wantSuspicious(north, false)
	})
}

func TestADayLaterNothingCounts(t *testing.T) {
	each(t, policy, func(w *world) {
		w.send(north, 50, 0)
		w.clock.Advance(23 * time.Hour)
		w.refuse(w.a, block(w, north, 9999), is(fraud.ErrPaused))
		w.clock.Advance(time.Hour)
		w.wantSuspicious(north, false)
	})
}

// What a count says must not be bent by telling of a code twice or of one that was never
// sent.
func TestCountsStayTrue(t *testing.T) {
	each(t, policy, func(w *world) {
		n, now, ctx := block(w, north, 1), w.clock.Now(), w.Context()
		w.do(
			w.a.Validated(ctx, n, now, true), // never sent
			w.a.Sent(ctx, n, now, true),
			w.a.Validated(ctx, n, now, true),
			w.b.Validated(ctx, n, now, true),
		)
		if n := w.count(`SELECT COUNT(*) FROM fraud_sends WHERE sent = 1 AND validated = 1`); n != 2 {
			w.Errorf("the counts are not one of one:\n%s", w.dump())
		}
		if n := w.count(`SELECT COUNT(*) FROM fraud_vouched WHERE sent = 1 AND validated = 1`); n != 1 {
			w.Errorf("the vouched counts are not one of one:\n%s", w.dump())
		}
	})
}

func TestCountsOfRivalsAddUp(t *testing.T) {
	each(t, policy, func(w *world) {
		now := w.clock.Now()
		var rivals sync.WaitGroup
		for i := range 40 {
			r := []*replica{w.a, w.b}[i%2]
			first := []string{north, south}[i/2%2]
			rivals.Go(func() {
				if err := r.Sent(w.Context(), block(w, first, i), now, true); err != nil {
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		if n := w.count(`SELECT CAST(SUM(sent) AS BIGINT) FROM fraud_sends WHERE scope = 'GB'`); n != 40 {
			w.Errorf("%d of 40 messages are counted", n)
		}
		if n := w.count(`SELECT CAST(SUM(sent) AS BIGINT) FROM fraud_vouched`); n != 40 {
			w.Errorf("%d of 40 vouched messages are counted", n)
		}
	})
}

func TestABlockIsPausedOnceAndTold(t *testing.T) {
	each(t, policy, func(w *world) {
		w.send(north, 40, 1)
		w.send(other, 40, 30)
		w.watch()
		w.wantSeen(map[string]int{}) // codes are under way
		w.ripen()
		w.watch()
		w.watch()
		w.wantSeen(map[string]int{"prefix_paused GB": 1, "country_alarm GB": 1})

		ends := w.clock.Now().Add(24 * time.Hour)
		w.refuse(w.b, block(w, north, 9999), pausedUntil(w, ends))
		pauses, err := w.b.Pauses(w.Context())
		if err != nil || len(pauses) != 1 {
			w.Fatalf("Pauses = %+v, %v, want one", pauses, err)
		}
		want := fraud.Pause{Fingerprint: pauses[0].Fingerprint, Country: "GB", Since: pauses[0].Since, Until: pauses[0].Until, Sent: 40, Validated: 1}
		if pauses[0] != want || len(want.Fingerprint) != 8 || !want.Since.Equal(w.clock.Now()) || !want.Until.Equal(ends) {
			w.Errorf("Pauses = %+v", pauses)
		}
		if !strings.Contains(w.log.String(), "level=WARN") || !strings.Contains(w.log.String(), "block="+want.Fingerprint) {
			w.Errorf("the operator reads\n%s", w.log.String())
		}
		w.wantSuspicious(south, true) // the country is suspicious, and no more than that

		w.clock.Advance(24*time.Hour - time.Millisecond)
		w.watch()
		w.refuse(w.b, block(w, north, 9999), pausedUntil(w, ends))
		w.clock.Advance(time.Millisecond)
		w.watch()
		w.wantSuspicious(north, false)
	})
}

// Whoever burns a whole country on purpose gets its blocks paused, never the country.
func TestACountryIsNeverPaused(t *testing.T) {
	each(t, policy, func(w *world) {
		for i := range 12 {
			w.send(fmt.Sprintf("447400%02d", i), 10, 0) // each block stays below After
		}
		w.ripen()
		w.watch()
		w.wantSeen(map[string]int{"country_alarm GB": 1})
		w.wantSuspicious(north, true)
		w.wantSuspicious("44740001", true)
		w.clock.Advance(2 * time.Hour) // the next UTC day
		w.seen = map[string]int{}
		w.watch()
		w.wantSeen(map[string]int{"country_alarm GB": 1})
		if p, err := w.a.Pauses(w.Context()); err != nil || len(p) != 0 {
			w.Errorf("Pauses = %+v, %v, want none", p, err)
		}
	})
}

func TestAPauseThatEndedIsNotPutBackForWhatItWasFor(t *testing.T) {
	short := policy
	short.Conversion = fraud.DefaultConversion
	short.Conversion.PauseFor = time.Hour
	each(t, short, func(w *world) {
		w.send(north, 40, 0)
		w.ripen()
		w.watch()
		w.clock.Advance(time.Hour)
		w.watch()
		w.wantSuspicious(north, true) // the country remembers the day
		w.clock.Advance(10 * time.Minute)
		w.send(north, 20, 0) // and they are at it again
		w.ripen()
		w.watch()
		w.refuse(w.a, block(w, north, 9999), pausedUntil(w, w.clock.Now().Add(time.Hour)))
		if n := strings.Count(w.log.String(), "are paused"); n != 2 {
			w.Errorf("told of %d pauses, want 2", n)
		}
	})
}

func TestAnOperatorLiftsAPause(t *testing.T) {
	each(t, policy, func(w *world) {
		w.send(north, 40, 0)
		w.send(south, 40, 0)
		w.ripen()
		w.watch()
		pauses, err := w.a.Pauses(w.Context())
		if err != nil || len(pauses) != 2 {
			w.Fatalf("Pauses = %+v, %v, want two", pauses, err)
		}
		for _, wrong := range []string{"", "G", "UK", "GBR", "0123456", "0123456g", "447400120", strings.Repeat("0", 64), "'; --"} {
			if _, err := w.a.Resume(w.Context(), wrong); !errors.Is(err, fraud.ErrScope) {
				w.Errorf("Resume(%q) = %v, want ErrScope", wrong, err)
			}
		}
		if _, err := w.a.Resume(w.Context(), "00000000"); !errors.Is(err, fraud.ErrNoPause) {
			w.Errorf("Resume of no pause = %v, want ErrNoPause", err)
		}
		if n, err := w.b.Resume(w.Context(), strings.ToUpper(pauses[0].Fingerprint)); n != 1 || err != nil {
			w.Errorf("Resume = %d, %v, want one", n, err)
		}
		w.watch() // it is not put back for what was forgiven
		left, err := w.a.Pauses(w.Context())
		if err != nil || len(left) != 1 || left[0].Fingerprint != pauses[1].Fingerprint {
			w.Errorf("Pauses = %+v, %v, want the other alone", left, err)
		}
		if _, err := w.b.Resume(w.Context(), pauses[0].Fingerprint); !errors.Is(err, fraud.ErrNoPause) {
			w.Errorf("Resume again = %v, want ErrNoPause", err)
		}

		// A country's forgiveness is for all its blocks, and for itself.
		w.send("44740056", 40, 0)
		w.ripen()
		if n, err := w.b.Resume(w.Context(), "gb"); n != 1 || err != nil {
			w.Errorf("Resume(gb) = %d, %v, want the one that was left", n, err)
		}
		w.watch()
		for _, first := range []string{north, south, "44740056"} {
			w.wantSuspicious(first, false)
		}
		if n, err := w.b.Resume(w.Context(), "GB"); n != 0 || err != nil {
			w.Errorf("Resume(GB) again = %d, %v, want none", n, err)
		}
	})
}

func TestASweepForgetsWhatNoLongerCounts(t *testing.T) {
	each(t, capped(410_000, 0), func(w *world) {
		w.send(north, 40, 0)
		for range 5 {
			w.allow(w.a, block(w, other, 1))
		}
		w.do(w.a.Refund(w.Context(), w.db, w.allow(w.a, block(w, north, 1)))) // the row of its country comes to nothing
		w.ripen()
		w.watch()
		sweep := func(sends, pauses, totals, alerts int64) {
			w.Helper()
			if err := w.b.Sweep(w.Context()); err != nil {
				w.Fatal(err)
			}
			got := [4]int64{w.count(`SELECT COUNT(*) FROM fraud_sends`) + w.count(`SELECT COUNT(*) FROM fraud_vouched`), w.count(`SELECT COUNT(*) FROM fraud_pauses`),
				w.count(`SELECT COUNT(*) FROM fraud_totals`), w.count(`SELECT COUNT(*) FROM fraud_alerts`)}
			if want := [4]int64{sends, pauses, totals, alerts}; got != want {
				w.Errorf("sends, pauses, totals, alerts are %v, want %v\n%s", got, want, w.dump())
			}
		}
		const alerts = 3 // the country's, and half and four fifths of the cap
		sweep(2+40, 1, 3, alerts)
		w.clock.Advance(24*time.Hour + 30*time.Minute)
		sweep(2+40, 1, 3, alerts)
		w.clock.Advance(30 * time.Minute)
		sweep(0, 1, 3, alerts)
		w.clock.Advance(25 * time.Hour)
		sweep(0, 0, 3, alerts)
		w.clock.Advance(400 * 24 * time.Hour)
		sweep(0, 0, 0, 0)
	})
}

// Run does by itself what the other tests ask for, and ends with its context.
func TestRunWatchesAndEnds(t *testing.T) {
	each(t, policy, func(w *world) {
		w.send(north, 40, 0)
		w.ripen()
		ctx, end := context.WithCancel(w.Context())
		told := make(chan struct{})
		g, err := fraud.New(ctx, fraud.Options{DB: w.db, Vault: w.vault, Policy: policy, Now: w.clock.Now, Log: discard,
			Observe: func(e fraud.Event, _ string) {
				if e == fraud.PrefixPaused {
					close(told)
				}
			}})
		if err != nil {
			w.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- g.Run(ctx) }()
		<-told
		end()
		if err := <-ended; err != nil {
			w.Errorf("Run = %v at its end", err)
		}
	})
}
