package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms/smstest"
)

func TestPick(t *testing.T) {
	names := []string{"a", "b", "c"}
	try := func(message string, providers ...string) (tried []Tried) {
		for _, p := range providers {
			tried = append(tried, Tried{p, message})
		}
		return tried
	}
	tests := []struct {
		name  string
		tried []Tried
		want  string
	}{
		{"nothing tried", nil, "a b c"},
		{"another message went by a", try("1", "a"), "b c a"},
		{"other messages went by a and b", try("1", "a", "b"), "c a b"},
		{"the other way round", try("1", "b", "a"), "c b a"},
		{"all tried before", try("1", "c", "a", "b"), "c a b"},
		{"a again since", try("1", "a", "b", "c", "a"), "b c a"},
		{"this message went by a", try("now", "a"), "b c"},
		{"this message went by c", try("now", "c"), "a b"},
		{"this one by b, another by a", append(try("1", "a"), try("now", "b")...), "c a"},
		{"by a for both", append(try("1", "a"), try("now", "a")...), "b c"},
		{"by a for both, in no order", append(try("now", "a"), try("1", "a")...), "b c"},
		{"this message went by all", try("now", "a", "b", "c"), ""},
		{"by one that is gone", append(try("1", "gone"), try("now", "gone")...), "a b c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.tried)
			if got := strings.Join(Pick(names, "now", test.tried), " "); got != test.want {
				t.Errorf("Pick(%v) = %q, want %q", test.tried, got, test.want)
			}
			if !slices.Equal(before, test.tried) || !slices.Equal(names, []string{"a", "b", "c"}) {
				t.Error("Pick changed what it was given")
			}
		})
	}
}

// marks is a durable record, and the order of what happened.
type marks struct {
	mu    sync.Mutex // guards what follows
	tried []Tried
	story []string
}

func (m *marks) mark(message string) Mark {
	return func(_ context.Context, provider string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if slices.Contains(m.tried, Tried{provider, message}) {
			return ErrAlreadyTried
		}
		m.tried = append(m.tried, Tried{provider, message})
		m.story = append(m.story, "mark "+provider)
		return nil
	}
}

// all is what a later Send of the session is told.
func (m *marks) all() []Tried {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.tried)
}

func (m *marks) tells() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.story, ", ")
}

// scripted is a provider that answers as it is told.
type scripted struct {
	name  string
	marks *marks
	reply func(ctx context.Context, id string) error
}

func (s scripted) Name() string { return s.name }

func (s scripted) SendSMS(ctx context.Context, m deliver.SMS) error {
	s.marks.mu.Lock()
	s.marks.story = append(s.marks.story, "ask "+s.name)
	s.marks.mu.Unlock()
	return s.reply(ctx, m.ID)
}

func says(err error) func(context.Context, string) error {
	return func(context.Context, string) error { return err }
}

func newChain(t *testing.T, change func(*ChainOptions), providers ...Provider) *Chain {
	t.Helper()
	o := ChainOptions{Providers: providers}
	if change != nil {
		change(&o)
	}
	c, err := NewChain(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// classes are the words of err for a caller.
func classes(err error) string {
	var is []string
	for _, class := range []struct {
		name string
		err  error
	}{
		{"refused", deliver.ErrRefused}, {"exhausted", ErrExhausted}, {"not now", deliver.ErrNotNow},
		{"unknown", deliver.ErrUnknownOutcome}, {"misconfigured", deliver.ErrMisconfigured}, {"destination", ErrDestination},
		{"cancelled", context.Canceled},
	} {
		if errors.Is(err, class.err) {
			is = append(is, class.name)
		}
	}
	return strings.Join(is, ", ")
}

// Two providers, and what the caller learns from what they say.
func TestChainJudges(t *testing.T) {
	var (
		sent          error
		refused       = deliver.ErrRefused
		notNow        = deliver.ErrNotNow
		unknown       = deliver.ErrUnknownOutcome
		misconfigured = deliver.ErrMisconfigured
		strange       = errors.New("nobody knows")
	)
	tests := []struct {
		first, second error
		want          string // empty for sent
		seen          string // by Observe
	}{
		{sent, strange, "", "a sent"},
		{notNow, sent, "", "a not_now, b sent"},
		{unknown, sent, "", "a unknown, b sent"},
		{strange, sent, "", "a unknown, b sent"},
		{misconfigured, sent, "", "a misconfigured, b sent"},
		{errNotServed, sent, "", "a rejected, b sent"},
		{refused, sent, "refused", "a refused"},
		{errSuspected, sent, "refused, destination", "a rejected"},
		{notNow, notNow, "refused, exhausted", "a not_now, b not_now"},
		{misconfigured, notNow, "refused, exhausted", "a misconfigured, b not_now"},
		{notNow, unknown, "refused, exhausted, unknown", "a not_now, b unknown"},
		{unknown, notNow, "refused, exhausted, unknown", "a unknown, b not_now"},
		{strange, misconfigured, "refused, exhausted, unknown", "a unknown, b misconfigured"},
		{errNotServed, misconfigured, "refused, exhausted, destination", "a rejected, b misconfigured"},
		{unknown, errNotServed, "refused, exhausted, unknown, destination", "a unknown, b rejected"},
		{unknown, refused, "refused", "a unknown, b refused"},
		{unknown, errSuspected, "refused, destination", "a unknown, b rejected"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%v, %v", test.first, test.second), func(t *testing.T) {
			var m marks
			var seen []string
			c := newChain(t, func(o *ChainOptions) {
				o.Observe = func(provider string, outcome Outcome) { seen = append(seen, provider+" "+string(outcome)) }
			}, scripted{"a", &m, says(test.first)}, scripted{"b", &m, says(test.second)})
			err := c.Send(context.Background(), message(t, "one"), nil, m.mark("one"))
			if classes(err) != test.want || (err == nil) != (test.want == "") {
				t.Errorf("Send = %v, which is %q, want %q", err, classes(err), test.want)
			}
			if got := strings.Join(seen, ", "); got != test.seen {
				t.Errorf("observed %q, want %q", got, test.seen)
			}
			story := "mark a, ask a, mark b, ask b"
			if len(seen) == 1 {
				story = "mark a, ask a"
			}
			if m.tells() != story {
				t.Errorf("what happened: %s, want %s", m.tells(), story)
			}
			var e *ChainError
			if err != nil && (!errors.As(err, &e) || len(e.Failures) != len(seen)) {
				t.Errorf("Send = %#v, want %d failures", err, len(seen))
			}
		})
	}
}

// A provider that says nothing is given up for the next, and neither sees the
// message twice, not even when the job is attempted again.
func TestSilentProviderIsPassedOver(t *testing.T) {
	tests := []struct {
		name     string
		timeout  time.Duration
		patience time.Duration
	}{
		{"after its own time", time.Second, long},
		{"after its share of the caller's time", long, 2 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m marks
				hangs := func(ctx context.Context, _ string) error {
					<-ctx.Done()
					return fmt.Errorf("%w: %w", deliver.ErrUnknownOutcome, ctx.Err())
				}
				c := newChain(t, func(o *ChainOptions) { o.Timeout = test.timeout }, scripted{"a", &m, hangs}, scripted{"b", &m, says(nil)})
				ctx, cancel := context.WithTimeout(t.Context(), test.patience)
				defer cancel()
				began := time.Now()
				if err := c.Send(ctx, message(t, "one"), nil, m.mark("one")); err != nil || time.Since(began) != time.Second {
					t.Fatalf("Send = %v after %v, want it sent after a second", err, time.Since(began))
				}
				err := c.Send(t.Context(), message(t, "one"), m.all(), m.mark("one"))
				if classes(err) != "refused, exhausted, unknown" {
					t.Errorf("Send again = %v, which is %q, want it exhausted and unknown", err, classes(err))
				}
				if want := "mark a, ask a, mark b, ask b"; m.tells() != want {
					t.Errorf("what happened: %s, want %s", m.tells(), want)
				}
			})
		})
	}
}

// A process dies between the mark and the request. Whoever takes the job over
// cannot know that nothing was sent, and asks the next provider.
func TestCrashBetweenMarkAndRequest(t *testing.T) {
	twilio, gateway := smstest.NewTwilio(t), smstest.NewGateway(t)
	c := newChain(t, nil, newTwilio(t, twilio), newGateway(t, gateway))
	var m marks
	ctx, crash := context.WithCancel(context.Background())
	defer crash()
	err := c.Send(ctx, message(t, "one"), nil, func(ctx context.Context, provider string) error {
		defer crash()
		return m.mark("one")(ctx, provider)
	})
	if classes(err) != "not now, cancelled" || twilio.Asked()+gateway.Asked() != 0 {
		t.Fatalf("Send = %v, which is %q, after %d requests, want it cancelled after none", err, classes(err), twilio.Asked()+gateway.Asked())
	}
	if err := c.Send(context.Background(), message(t, "one"), m.all(), m.mark("one")); err != nil {
		t.Errorf("Send again = %v, want it sent", err)
	}
	if twilio.Asked() != 0 || gateway.Asked() != 1 {
		t.Errorf("asked %d and %d times, want 0 and 1", twilio.Asked(), gateway.Asked())
	}
}

func TestNothingIsSentWithoutItsMark(t *testing.T) {
	var m marks
	c := newChain(t, nil, scripted{"a", &m, says(deliver.ErrUnknownOutcome)}, scripted{"b", &m, says(nil)})
	down := errors.New("database is down")
	mark := func(ctx context.Context, provider string) error {
		if provider == "b" {
			return down
		}
		return m.mark("one")(ctx, provider)
	}
	err := c.Send(context.Background(), message(t, "one"), nil, mark)
	if classes(err) != "not now, unknown" || !errors.Is(err, down) {
		t.Errorf("Send = %v, which is %q, want %v", err, classes(err), down)
	}
	if want := "mark a, ask a"; m.tells() != want {
		t.Errorf("what happened: %s, want %s", m.tells(), want)
	}
	// What the same message may still be tried with is tried.
	if err := c.Send(context.Background(), message(t, "one"), m.all(), m.mark("one")); err != nil {
		t.Errorf("Send again = %v, want it sent", err)
	}
	if want := "mark a, ask a, mark b, ask b"; m.tells() != want {
		t.Errorf("what happened: %s, want %s", m.tells(), want)
	}
}

// Many processes believe that a job is theirs. Each provider is asked once.
func TestManyAtOneMessage(t *testing.T) {
	twilio, gateway := smstest.NewTwilio(t), smstest.NewGateway(t)
	twilio.Refuse(20429)
	gateway.Answer(500, "")
	c := newChain(t, nil, newTwilio(t, twilio), newGateway(t, gateway))
	var m marks
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			err := c.Send(context.Background(), message(t, "one"), nil, m.mark("one"))
			if !errors.Is(err, ErrExhausted) || !errors.Is(err, deliver.ErrUnknownOutcome) {
				t.Errorf("Send = %v, want it exhausted and unknown", err)
			}
		})
	}
	all.Wait()
	if twilio.Asked() != 1 || gateway.Asked() != 1 {
		t.Errorf("asked %d and %d times, want once each", twilio.Asked(), gateway.Asked())
	}
}

// Someone who asks for another message gets it by another provider.
func TestSessionGoesRound(t *testing.T) {
	twilio, gateway := smstest.NewTwilio(t), smstest.NewGateway(t)
	c := newChain(t, nil, newTwilio(t, twilio), newGateway(t, gateway))
	var m marks
	for _, id := range []string{"one", "two", "three", "four"} {
		if err := c.Send(context.Background(), message(t, id), m.all(), m.mark(id)); err != nil {
			t.Fatalf("Send(%s) = %v, want it sent", id, err)
		}
	}
	if want := "mark twilio, mark gateway, mark twilio, mark gateway"; m.tells() != want {
		t.Errorf("what happened: %s, want %s", m.tells(), want)
	}
}

func TestChainErrorTellsWhatHappened(t *testing.T) {
	twilio, gateway := smstest.NewTwilio(t), smstest.NewGateway(t)
	twilio.Refuse(21408)
	gateway.Break(smstest.BadGateway)
	var m marks
	err := newChain(t, nil, newTwilio(t, twilio), newGateway(t, gateway)).Send(context.Background(), message(t, "one"), nil, m.mark("one"))
	checkSilence(t, err)
	const want = "SMS not delivered: refused for good: no provider is left to ask" +
		": SMS by twilio: misconfigured: destination is not served: status 400, code 21408" +
		": SMS by gateway: outcome unknown: status 502"
	if err == nil || err.Error() != want {
		t.Errorf("Send = %v\nwant %s", err, want)
	}
}

func TestChainOptions(t *testing.T) {
	var m marks
	a, upper := scripted{"a", &m, says(nil)}, scripted{"A", &m, says(nil)}
	for name, providers := range map[string][]Provider{"none": nil, "twins": {a, a}, "name": {upper}} {
		if _, err := NewChain(ChainOptions{Providers: providers}); err == nil {
			t.Errorf("NewChain took %s", name)
		}
	}
	if got := newChain(t, nil, a).Names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("Names = %v", got)
	}
}
