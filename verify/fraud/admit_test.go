package fraud_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"signet/internal/store"
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
			want.Charged, want.Segments = w.clock.Now(), 1
			if got := w.allow(w.a, number(w, digits)); got != want {
				w.Errorf("Admit to %s = %+v, want %+v", want.Country, got, want)
			}
		}
		if spent := w.count(`SELECT SUM(micros) FROM fraud_spend`); spent != 40_000+70_001+2*100_000 {
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
			err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.a.Sent(w.Context(), tx, none, w.clock.Now(), true) })
			if !errors.Is(err, fraud.ErrNumberType) {
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

// The switch is read in the caller's transaction: one that switches off and then asks
// is refused by what it wrote itself.
func TestEverythingIsAskedInTheCallersTransaction(t *testing.T) {
	each(t, policy, func(w *world) {
		n := number(w, "447400123456")
		w.tx(func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO fraud_switch (medium, sending, reason, changed_ms) VALUES ('msisdn', FALSE, '', 1)`); err != nil {
				return err
			}
			if _, err := w.a.Admit(ctx, tx, n, 1); !errors.Is(err, fraud.ErrOff) {
				w.Errorf("Admit = %v, want ErrOff", err)
			}
			_, err := tx.Exec(ctx, `DELETE FROM fraud_switch`)
			return err
		})
		undone := errors.New("undone")
		err := w.a.db.Tx(w.Context(), func(tx *store.Tx) error {
			_, err := w.a.Admit(w.Context(), tx, n, 1)
			return errors.Join(err, undone)
		})
		if !errors.Is(err, undone) || w.dump() != "" {
			w.Errorf("%v, and the tables hold %q; want it undone", err, w.dump())
		}
	})
}

// A database that fails is no refusal.
func TestAFailureIsNoVerdict(t *testing.T) {
	each(t, policy, func(w *world) {
		ended, end := context.WithCancel(w.Context())
		failed := w.a.db.Tx(ended, func(tx *store.Tx) error {
			end()
			_, err := w.a.Admit(ended, tx, number(w, "447400123456"), 1)
			return err
		})
		if !errors.Is(failed, context.Canceled) {
			w.Errorf("Admit = %v, want it cancelled", failed)
		}
		w.wantSeen(map[string]int{})
	})
}
