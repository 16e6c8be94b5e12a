package fraud_test

import (
	"errors"
	"testing"
	"time"

	"signet/verify/fraud"
)

// stands says how a block stands after the codes under way have died: on both replicas,
// before and after Run has looked.
type stands struct{ suspicious, paused bool }

func (w *world) wantStands(r *replica, first string, want stands) {
	w.Helper()
	w.ripen()
	ask := func() {
		w.Helper()
		v, err := r.admit(w.Context(), block(w, first, 9999))
		if errors.Is(err, fraud.ErrPaused) != want.paused || err == nil && v.Suspicious != want.suspicious {
			w.Errorf("%s…: %+v, %v; want %+v\n%s", first, v, err, want, w.dump())
		}
	}
	ask()
	if err := fraud.Watch(r.Guard, w.Context()); err != nil {
		w.Fatal(err)
	}
	ask()
}

// Whoever has messages sent to strangers and lets the codes die has the strangers asked
// for a CAPTCHA, and that is all, be it ten thousand messages.
func TestNobodyIsPausedWithoutACaptcha(t *testing.T) {
	each(t, policy, func(w *world) {
		w.sendBy(w.a, sending{first: north, n: 1000, numbers: 1000})
		w.wantStands(w.b, north, stands{suspicious: true})
		w.wantStands(w.a, "44740099", stands{suspicious: true}) // as its country is
		w.send(north, 19, 0)                                    // with CAPTCHAs, one too few
		w.wantStands(w.b, north, stands{suspicious: true})
		w.wantSeen(map[string]int{"admitted_suspicious GB": 6, "country_alarm GB": 1})
		if p, err := w.a.Pauses(w.Context()); err != nil || len(p) != 0 {
			w.Errorf("Pauses = %+v, %v, want none", p, err)
		}
		w.sendBy(w.a, sending{first: north, n: 1, numbers: 1, vouched: true})
		w.wantStands(w.b, north, stands{paused: true})
		p, err := w.a.Pauses(w.Context())
		if err != nil || len(p) != 1 || p[0].Sent != 20 || p[0].Validated != 0 {
			w.Errorf("Pauses = %+v, %v, want one for the 20 vouched messages", p, err)
		}
	})
}

func TestWhatAPauseTakes(t *testing.T) {
	tests := []struct {
		name string
		sent []sending
		want stands
	}{
		{"one number, however often", []sending{{n: 500, numbers: 1, vouched: true}}, stands{suspicious: true}},
		{"nine numbers", []sending{{n: 500, numbers: 9, vouched: true}}, stands{suspicious: true}},
		{"ten numbers", []sending{{n: 20, numbers: 10, vouched: true}}, stands{paused: true}},
		{"nine numbers, and others without a CAPTCHA", []sending{{n: 20, numbers: 9, vouched: true}, {n: 90, numbers: 90}}, stands{suspicious: true}},
		{"ten numbers, one message short", []sending{{n: 19, numbers: 10, vouched: true}, {n: 90, numbers: 90}}, stands{suspicious: true}},
		{"one code that came", []sending{{n: 20, numbers: 10, validated: 1, vouched: true}}, stands{suspicious: true}},
		{"one of twenty-one", []sending{{n: 21, numbers: 10, validated: 1, vouched: true}}, stands{paused: true}},
		{"codes that came without a CAPTCHA", []sending{{n: 20, numbers: 10, vouched: true}, {n: 20, numbers: 20, validated: 3}}, stands{paused: true}},
		{"a block of people", []sending{{n: 20, numbers: 10, vouched: true}, {n: 100, numbers: 100, validated: 60}}, stands{}},
		{"people who pass CAPTCHAs among machines that do not", []sending{{n: 20, numbers: 20, validated: 18, vouched: true}, {n: 900, numbers: 900}}, stands{suspicious: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, policy, func(w *world) {
				for _, s := range test.sent {
					s.first = north
					w.sendBy(w.a, s)
				}
				w.wantStands(w.b, north, test.want)
				w.wantStands(w.b, other, stands{})
			})
		})
	}
}

// Messages of one number over the day are one number's, whatever slot they fall in.
func TestANumberIsCountedOnceADay(t *testing.T) {
	each(t, policy, func(w *world) {
		for range 20 {
			w.sendBy(w.a, sending{first: north, n: 9, numbers: 9, vouched: true})
			w.clock.Advance(time.Hour)
		}
		w.wantStands(w.b, north, stands{suspicious: true})
		w.sendBy(w.a, sending{first: north, n: 10, numbers: 10, vouched: true})
		w.wantStands(w.b, north, stands{paused: true})
	})
}

// Where no CAPTCHA is ever asked, nothing can vouch for a message and all of them count,
// still to so many numbers.
func TestWhereNoCaptchaIsAskedAllMessagesCount(t *testing.T) {
	open := policy
	open.NoCaptcha = true
	each(t, open, func(w *world) {
		w.sendBy(w.a, sending{first: north, n: 500, numbers: 9})
		w.wantStands(w.b, north, stands{suspicious: true})
		w.sendBy(w.a, sending{first: south, n: 20, numbers: 10})
		w.wantStands(w.b, south, stands{paused: true})
		w.sendBy(w.a, sending{first: other, n: 40, numbers: 20, validated: 2})
		w.wantStands(w.b, other, stands{suspicious: true})
	})
}

// What an operator forgives is forgiven whole: new vouched messages are judged alone.
func TestForgivenVouchedMessagesStayForgiven(t *testing.T) {
	each(t, policy, func(w *world) {
		w.send(north, 20, 0)
		w.wantStands(w.a, north, stands{paused: true})
		if n, err := w.b.Resume(w.Context(), "GB"); n != 1 || err != nil {
			w.Errorf("Resume = %d, %v, want one", n, err)
		}
		w.clock.Advance(10 * time.Minute)
		w.sendBy(w.a, sending{first: north, n: 60, numbers: 60})
		w.send(north, 19, 0)
		w.wantStands(w.a, north, stands{suspicious: true})
		w.send(north, 1, 0)
		w.wantStands(w.a, north, stands{paused: true})
	})
}
