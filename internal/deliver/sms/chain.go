package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/internal/deliver"
)

// defaultTimeout is the patience with one provider.
const defaultTimeout = 10 * time.Second

// ChainOptions names the providers, the preferred one first.
type ChainOptions struct {
	Providers []Provider
	Timeout   time.Duration                          // for each provider; 0 for 10 seconds
	Observe   func(provider string, outcome Outcome) // told of each request, if set
}

// Chain asks providers in turn until one takes the message.
type Chain struct {
	providers []Provider
	timeout   time.Duration
	observe   func(string, Outcome)
}

// Mark makes it durable that a provider is about to be asked for the message. What
// it marks appears among the tried ones of every later Send of the session. It
// returns an error that wraps ErrAlreadyTried if the provider is marked for this
// message already, by whoever else works on it.
type Mark func(ctx context.Context, provider string) error

// NewChain makes a Chain of at least one provider, each with a name of its own.
func NewChain(o ChainOptions) (*Chain, error) {
	if len(o.Providers) == 0 {
		return nil, errors.New("a chain needs a provider")
	}
	seen := map[string]bool{}
	for _, p := range o.Providers {
		switch name := p.Name(); {
		case !providerName.MatchString(name):
			return nil, errProviderName
		case seen[name]:
			return nil, fmt.Errorf("two providers are called %s", name)
		default:
			seen[name] = true
		}
	}
	c := &Chain{slices.Clone(o.Providers), o.Timeout, o.Observe}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.observe == nil {
		c.observe = func(string, Outcome) {}
	}
	return c, nil
}

// Names are the names of the providers, the preferred one first.
func (c *Chain) Names() []string {
	var names []string
	for _, p := range c.providers {
		names = append(names, p.Name())
	}
	return names
}

// Pick gives the providers to ask for a message, in order, of those by name that
// were tried in the session, oldest first: someone who asks for another message has
// most likely not received the last one. So those come first that were not tried,
// as configured, and then those tried for earlier messages, the least recently tried
// first. A provider that was tried for this message is not asked again: whatever
// came of it, one message leaves at most once by each.
func Pick(names []string, message string, tried []Tried) []string {
	last := map[string]int{} // the latest try, counted from 1
	spent := map[string]bool{}
	for i, t := range tried {
		last[t.Provider] = i + 1
		if t.Message == message {
			spent[t.Provider] = true
		}
	}
	left := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return spent[name] })
	slices.SortStableFunc(left, func(a, b string) int { return last[a] - last[b] })
	return left
}

// Send hands m to the first provider that takes it. Before each is asked, mark is
// called, so that after a crash between the two nothing is sent twice: whoever tries
// m again finds the mark among tried. ErrRefused ends the round, as the number itself
// is bad; after any other failure the next provider is asked. Errors are ChainErrors.
func (c *Chain) Send(ctx context.Context, m deliver.SMS, tried []Tried, mark Mark) error {
	order := Pick(c.Names(), m.ID, tried)
	round := round{open: slices.ContainsFunc(tried, func(t Tried) bool { return t.Message == m.ID })}
	for i, name := range order {
		if ctx.Err() != nil {
			return round.interrupted(ctx.Err())
		}
		if err := mark(ctx, name); errors.Is(err, ErrAlreadyTried) {
			round.open = true
			continue
		} else if err != nil {
			return round.interrupted(fmt.Errorf("marking a provider as tried: %w", err))
		}
		err := c.ask(ctx, name, m, len(order)-i)
		if err == nil {
			return nil
		}
		round.failed(err)
		if errors.Is(err, deliver.ErrRefused) {
			return round.refused()
		}
	}
	return round.exhausted()
}

// ask asks one provider, of left that may still be asked. It has its own patience,
// and no more than its share of the caller's: a provider that says nothing leaves
// time for the next.
func (c *Chain) ask(ctx context.Context, name string, m deliver.SMS, left int) error {
	patience := c.timeout
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/time.Duration(left))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	i := slices.IndexFunc(c.providers, func(p Provider) bool { return p.Name() == name })
	err := c.providers[i].SendSMS(ctx, m)
	c.observe(name, outcomeOf(err))
	return err
}
