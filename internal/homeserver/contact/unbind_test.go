package contact_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
)

const bound = "id.test email alice@example.org"

// later checks that a wish waits for an identity server.
func (w *world) later(err error) {
	w.Helper()
	if !errors.Is(err, contact.ErrLater) || strings.Contains(err.Error(), "example.org") {
		w.Errorf("while the identity server is away: %v", err)
	}
}

// waiting checks how many identity servers have yet to be told.
func (w *world) waiting(want int) {
	w.Helper()
	if n, err := w.Waiting(w.Context()); n != want || err != nil {
		w.Errorf("%d wait, %v, want %d", n, err, want)
	}
}

// Alice deletes an address, and has another unbound, while the identity server is away; this
// server is killed. It asks ever more rarely, and in the end nobody finds her. That she has added
// the address to her account again in the meantime changes nothing: she did not bind it.
func TestUnboundWhenTheIdentityServerIsBack(t *testing.T) {
	each(t, func(w *world) {
		phone := address(t, "msisdn", "4915112345678")
		w.has(alice)
		w.bind(w.own(alice, "id.test", w.email()))
		w.bind(w.own(alice, "id.test", phone))
		w.bind(w.own(bob, "id.test", address(t, "email", "bob@example.org")))
		w.id.Down = true
		w.later(w.Delete(t.Context(), contact.News{User: alice}, "", w.email()))
		w.later(w.Unbind(t.Context(), alice, "id.test", phone))
		if w.owner() != "" {
			t.Errorf("%s has the address", w.owner())
		}
		w.waiting(2)
		w.open()
		if n := w.asks(false); n != 0 {
			t.Errorf("asked %d times at once", n)
		}
		w.clock.Advance(time.Minute)
		if n := w.asks(true); n != 1 {
			t.Errorf("asked a server that fails %d times", n)
		}
		w.id.Down = false
		again := w.wish(idclient.Add, alice)
		again.ClientSecret = "again"
		if err := w.use(w.prove(w.shown(again), idclient.Add, alice), alice); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(4 * time.Minute)
		if n := w.asks(false); n != 2 || len(w.id.Bound) != 1 || w.owner() != alice {
			t.Errorf("asked %d times, bound is %q", n, w.id.Bound)
		}
		w.waiting(0)
		w.clock.Advance(24 * time.Hour)
		if n := w.asks(false); n != 0 || w.Unbind(t.Context(), alice, "", w.email()) != contact.ErrNoSupport {
			t.Errorf("asked %d times once it was done", n)
		}
	})
}

// What alice wished last counts: bound again before she was unbound she stays bound, and where
// that is refused she is unbound all the same.
func TestBoundAgainBeforeUnbound(t *testing.T) {
	each(t, func(w *world) {
		away := idclienttest.Refusal(http.StatusBadGateway, "M_UNKNOWN")
		refused := idclienttest.Refusal(http.StatusForbidden, "M_FORBIDDEN")
		answers := map[string]*fedclient.Response{}
		w.id.Answers = func(asked string) *fedclient.Response { return answers[strings.TrimPrefix(asked, "id.test/3pid/")] }
		w.bind(w.own(alice, "id.test", w.email()))
		answers["unbind"] = &away
		w.later(w.Unbind(t.Context(), alice, "", w.email()))
		w.bind(w.own(alice, "id.test", w.email()))
		w.waiting(0)
		clear(answers)
		w.clock.Advance(24 * time.Hour)
		if n := w.asks(false); n != 0 || w.id.Bound[bound] != alice.String() {
			t.Errorf("asked %d times, bound is %q", n, w.id.Bound)
		}

		answers["unbind"] = &away
		w.later(w.Unbind(t.Context(), alice, "", w.email()))
		answers["bind"] = &refused
		if err := w.Bind(t.Context(), w.own(alice, "id.test", w.email())); err == nil {
			t.Error("what is refused is no error")
		}
		w.waiting(1)
		clear(answers)
		if n := w.asks(false); n != 1 || len(w.id.Bound) > 0 {
			t.Errorf("asked %d times, bound is %q", n, w.id.Bound)
		}
		if w.rows() != "" {
			t.Errorf("left is %q", w.rows())
		}
	})
}

// A server that does not unbind is asked no more, and one that never comes back is given up;
// where the address is bound is remembered until the account ends.
func TestUnbindingThatIsGivenUp(t *testing.T) {
	each(t, func(w *world) {
		w.bind(w.own(alice, "id.test", w.email()))
		w.id.Down = true
		w.later(w.Unbind(t.Context(), alice, "", w.email()))
		w.id.Down, w.id.Says = false, new(idclienttest.Refusal(http.StatusForbidden, "M_FORBIDDEN"))
		w.clock.Advance(time.Minute)
		w.asks(true)
		w.waiting(0)
		w.id.Says, w.id.Down = nil, true
		w.later(w.Unbind(t.Context(), alice, "", w.email()))
		rounds := 0
		for n := 1; n > 0; rounds++ {
			w.clock.Advance(6 * time.Hour)
			_ = w.Fulfil(t.Context())
			n, _ = w.Waiting(t.Context())
		}
		if days := rounds / 4; days < 80 || days > 100 {
			t.Errorf("given up after %d days", days)
		}
		w.id.Down = false
		w.end(alice)
		if w.farewell(alice, true); len(w.id.Bound) > 0 {
			t.Errorf("bound is %q", w.id.Bound)
		}
	})
}

// gate holds back the answer to a request of one path.
type gate struct {
	idclient.Federation
	path       string
	held, open chan struct{}
}

func (g gate) Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error) {
	answer, err := g.Federation.Do(ctx, r)
	if strings.HasSuffix(r.Path, g.path) {
		g.held <- struct{}{}
		<-g.open
	}
	return answer, err
}

// Alice binds an address again in the moment in which she is unbound: one comes after the other,
// and where she is bound is remembered.
func TestNoBindingOvertakesAnUnbinding(t *testing.T) {
	each(t, func(w *world) {
		w.bind(w.own(alice, "id.test", w.email()))
		g := gate{w.id, "/3pid/unbind", make(chan struct{}), make(chan struct{})}
		w.Identity.Federation = g
		unbinds, binds := make(chan error, 1), make(chan error, 1)
		go func() { unbinds <- w.Unbind(t.Context(), alice, "", w.email()) }()
		<-g.held
		b := w.own(alice, "id.test", w.email())
		go func() { binds <- w.Bind(t.Context(), b) }()
		for w.Order().Waiting() < 2 {
			select {
			case err := <-binds:
				t.Fatalf("bound while an unbinding is on its way: %v", err)
			default:
				runtime.Gosched()
			}
		}
		close(g.open)
		if err := errors.Join(<-unbinds, <-binds); err != nil || w.id.Bound[bound] != alice.String() {
			t.Errorf("bound is %q, %v", w.id.Bound, err)
		}
		w.Identity.Federation = w.id
		if err := w.Unbind(t.Context(), alice, "", w.email()); err != nil || len(w.id.Bound) > 0 {
			t.Errorf("unbound where it is: %v, left is %q", err, w.id.Bound)
		}
		if w.Order().Waiting() > 0 || w.rows() != "" {
			t.Errorf("left are %d turns and %q", w.Order().Waiting(), w.rows())
		}
	})
}
