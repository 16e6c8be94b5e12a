package fraud_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/threepid"
	"signet/verify/fraud"
)

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func TestAMessageIsAdmittedOnTerms(t *testing.T) {
	each(t, policy, func(w *world) {
		for digits, want := range map[string]fraud.Verdict{
			"447400123456":  {Country: "GB", Price: 40_000},
			"4915123456789": {Country: "DE", Price: 70_001},
			"12015550123":   {Country: "US", Price: fraud.DefaultPrice}, // may be a mobile
			"18765551234":   {Country: "JM", Price: fraud.DefaultPrice, Risky: true},
		} {
			want.Charged, want.Segments = w.clock.Now().UTC(), 1
			if got := w.allow(w.a, number(w, digits)); got != want {
				w.Errorf("Admit to %s = %+v, want %+v", want.Country, got, want)
			}
		}
		if spent := w.count(`SELECT micros FROM fraud_totals WHERE period = 'month'`); spent != 40_000+70_001+2*100_000 {
			w.Errorf("%d micros are booked", spent)
		}
		w.wantSeen(map[string]int{"admitted GB": 1, "admitted DE": 1, "admitted US": 1, "admitted JM": 1})
	})
}

func TestACountryIsServedOnlyIfItIsListed(t *testing.T) {
	each(t, policy, func(w *world) {
		for digits, country := range map[string]string{
			"33612345678":  "FR",
			"447781123456": "GG", // shares +44 with GB
			"447624123456": "IM",
			"870773111632": "001", // a satellite's
		} {
			w.refuse(w.a, number(w, digits), func(err error) bool {
				refused, ok := errors.AsType[fraud.NotServed](err)
				return ok && refused.Country == country && errors.Is(err, fraud.ErrCountry) && strings.Contains(err.Error(), "sms.countries")
			})
		}
		w.wantSeen(map[string]int{"refused_country FR": 1, "refused_country GG": 1, "refused_country IM": 1, "refused_country 001": 1})
	})
}

func TestNoCountryIsServedByDefaultAndTheWorldByNoStar(t *testing.T) {
	each(t, fraud.Policy{}, func(w *world) {
		w.refuse(w.a, number(w, "447400123456"), is(fraud.ErrCountry))
		all := w.replica(fraud.Policy{Countries: []string{"*"}})
		w.allow(all, number(w, "33612345678"))
		w.refuse(all, number(w, "870773111632"), is(fraud.ErrCountry))
	})
}

func TestOnlyMobilePhonesAreSentTo(t *testing.T) {
	each(t, fraud.Policy{Countries: []string{"*"}}, func(w *world) {
		for what, digits := range map[string]string{
			"fixed line": "442079460000", "toll-free": "18005551234", "premium": "19002345678",
			"shared cost": "448431234567", "pager": "447640123456", "VoIP": "33912345678", "personal": "447056123456",
		} {
			w.refuse(w.a, number(w, digits), func(err error) bool {
				if !errors.Is(err, fraud.ErrNumberType) {
					w.Errorf("%s: %v", what, err)
				}
				return true
			})
		}
		email, err := threepid.ParseEmail("alice@example.org")
		if err != nil {
			w.Fatal(err)
		}
		for _, none := range []threepid.Address{{}, email} {
			w.refuse(w.a, none, is(fraud.ErrNumberType))
			if err := w.a.Sent(w.Context(), none, w.clock.Now(), true); !errors.Is(err, fraud.ErrNumberType) {
				w.Errorf("Sent = %v for no number, want ErrNumberType", err)
			}
		}
	})
}

func TestTheSwitchWorksOnEveryReplicaAtOnce(t *testing.T) {
	each(t, policy, func(w *world) {
		n := number(w, "447400123456")
		if sw, err := w.b.Sending(w.Context()); err != nil || !sw.On || !sw.Changed.IsZero() {
			w.Errorf("Sending = %+v, %v before anybody switched", sw, err)
		}
		if err := w.a.SetSending(w.Context(), false, "the bill of May"); err != nil {
			w.Fatal(err)
		}
		w.refuse(w.b, n, is(fraud.ErrOff))
		w.refuse(w.b, number(w, "33612345678"), is(fraud.ErrOff)) // before anything else
		if sw, err := w.b.Sending(w.Context()); err != nil || sw.On || sw.Reason != "the bill of May" || !sw.Changed.Equal(w.clock.Now()) {
			w.Errorf("Sending = %+v, %v", sw, err)
		}
		if err := w.b.SetSending(w.Context(), true, ""); err != nil {
			w.Fatal(err)
		}
		w.allow(w.a, n)
		w.wantSeen(map[string]int{"refused_off GB": 1, "refused_off FR": 1, "admitted GB": 1})
	})
}

func TestAReasonThatCannotBeShownSwitchesNothing(t *testing.T) {
	each(t, policy, func(w *world) {
		for _, bad := range []string{"\x00", "a\nb", "\xff", strings.Repeat("x", 201), "\u202etxet"} {
			if err := w.a.SetSending(w.Context(), false, bad); !errors.Is(err, fraud.ErrReason) {
				w.Errorf("SetSending(%.10q) = %v, want ErrReason", bad, err)
			}
		}
		w.allow(w.b, number(w, "447400123456"))
	})
}

// A database that fails is no refusal, and has charged nothing.
func TestAFailureIsNoVerdict(t *testing.T) {
	each(t, policy, func(w *world) {
		ended, end := context.WithCancel(w.Context())
		end()
		if _, err := w.a.admit(ended, number(w, "447400123456")); !errors.Is(err, context.Canceled) {
			w.Errorf("Admit = %v, want it cancelled", err)
		}
		w.wantSeen(map[string]int{})
		if w.dump() != "" {
			w.Errorf("it was charged:\n%s", w.dump())
		}
	})
}

// A verdict goes with its message to whoever sends it.
func TestAVerdictTravels(t *testing.T) {
	each(t, policy, func(w *world) {
		w.clock.Advance(12345 * time.Microsecond) // finer than the database counts
		v, err := w.a.Admit(w.Context(), number(w, "4915123456789"), 3)
		if err != nil {
			w.Fatal(err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			w.Fatal(err)
		}
		var back fraud.Verdict
		if err := json.Unmarshal(text, &back); err != nil || back != v {
			w.Errorf("%+v came back as %+v, %v, by %s", v, back, err, text)
		}
		w.do(w.b.Refund(w.Context(), w.db, back))
		if left := w.count(`SELECT COUNT(*) FROM fraud_totals WHERE micros <> 0`); left != 0 {
			w.Errorf("after the refund there is\n%s", w.dump())
		}
	})
}
