package people_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/lookup"
)

// batchLen is how many versions a batch has.
const batchLen = 5000

func eachEngine(b *testing.B, run func(b *testing.B, s *story)) {
	b.Run("sqlite", func(b *testing.B) { run(b, newStory(b, storetest.Open(b, storetest.SQLite(b), owners))) })
	b.Run("postgres", func(b *testing.B) {
		if os.Getenv(storetest.PostgresURL) == "" {
			b.Skip(storetest.PostgresURL + " names no server")
		}
		run(b, newStory(b, storetest.Open(b, storetest.PostgreSQL(b), owners)))
	})
}

// endless is a feed in which always another address is bound.
type endless struct{ testing.TB }

func (e endless) Bindings(_ context.Context, after int64, limit int) (all []people.Binding, err error) {
	for i := range int64(limit) {
		a, err := threepid.ParseEmail(fmt.Sprintf("user%d@example.org", after+i))
		if err != nil {
			return nil, err
		}
		c := lookup.Change{Position: after + i + 1, Kind: lookup.Bound, Address: a, User: alice, At: time.UnixMilli(1e12), NotAfter: time.UnixMilli(2e12)}
		all = append(all, people.Binding{Position: c.Position, Address: a, User: alice, At: c.At, Association: c.Association()})
	}
	return all, nil
}

func (endless) NewestChange(context.Context) (int64, error) { return math.MaxInt64, nil }

// BenchmarkSealBindings seals batches of bindings: signed, proven by the VRF, durable.
func BenchmarkSealBindings(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *story) {
		o := s.options()
		o.Feed, o.Limit = endless{b}, batchLen
		p, err := people.Open(b.Context(), o)
		s.must(err)
		s.people = p
		sealed := int64(0)
		for b.Loop() {
			sealed += s.seal()
		}
		b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "entries/s")
	})
}

// queue makes a batch of first keys wait.
func (s *story) queue(from int) {
	s.Helper()
	objects := make([][]byte, batchLen)
	for i := range objects {
		user := matrix.UserID(fmt.Sprintf("@user%d:example.org", from+i))
		objects[i] = draft{label: "mxid:" + string(user), key: 1, mxid: user, from: s.Clock.Now()}.json(s.TB)
	}
	s.must(s.people.QueueAll(s.Context(), objects))
}

// BenchmarkSealPublished seals batches of keys that were published.
func BenchmarkSealPublished(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *story) {
		sealed, from := int64(0), 0
		for b.Loop() {
			b.StopTimer()
			s.queue(from)
			from += batchLen
			b.StartTimer()
			sealed += s.seal()
		}
		b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "entries/s")
	})
}

// BenchmarkLookup proves versions of labels that were asked for before, and of others.
func BenchmarkLookup(b *testing.B) {
	for name, cached := range map[string]int{"cached": 1 << 16, "not-cached": 1} {
		b.Run(name, func(b *testing.B) {
			eachEngine(b, func(b *testing.B, s *story) {
				o := s.options()
				o.Feed, o.Limit, o.Cached = endless{b}, 20_000, cached
				p, err := people.Open(b.Context(), o)
				s.must(err)
				s.people = p
				s.seal()
				var last *proof.Lookup
				for i := 0; b.Loop(); i++ {
					if last, err = p.Lookup(b.Context(), s.label(fmt.Sprintf("binding:email:user%d@example.org", i%1000)), 0); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(marshal(b, last))), "octets")
			})
		})
	}
}

// BenchmarkPublish publishes first keys of many users, one after the other, with budgets and
// without.
func BenchmarkPublish(b *testing.B) {
	for name, limited := range map[string]bool{"unlimited": false, "limited": true} {
		b.Run(name, func(b *testing.B) {
			eachEngine(b, func(b *testing.B, s *story) {
				if limited {
					s.limited(map[string]int{"keys.publish.homeserver.day": 24_000, "keys.publish.domain.day": 24_000, "keys.publish.network.day": 24_000})
				}
				for i := 0; b.Loop(); i++ {
					user := matrix.UserID(fmt.Sprintf("@user%d:example.org", i))
					if _, err := s.people.Publish(b.Context(), s.by(user, "192.0.2.1/32"), s.first(user).json(b)); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
