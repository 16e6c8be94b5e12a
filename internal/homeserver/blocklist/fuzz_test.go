package blocklist

import (
	"testing"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Whoever a policy names is refused, with every port, until the entry ends; what it says of others
// ends nobody's.
func FuzzRules(f *testing.F) {
	f.Add("evil.test", "*.test", int64(0))
	f.Add("[2001:db8::1]:8448", "[2001:db8::1]", int64(5))
	f.Add("EVIL.test:1", "*", int64(-1))
	f.Add("a.b.c.test", "*.b.c.test", int64(1))
	f.Add("1.2.3.4:5", "1.2.?.*", int64(1<<62))
	f.Fuzz(func(t *testing.T, server, other string, until int64) {
		now := time.UnixMilli(1000)
		var end time.Time
		if until > 0 {
			end = time.UnixMilli(until)
		}
		name, err := matrix.ParseServerName(server)
		if err != nil {
			name = matrix.ServerName(server)
		}
		entity := name.WithoutPort().String()
		r := newRules(idclient.Policy{Rules: []idclient.PolicyRule{{Entity: other, Until: time.UnixMilli(1)}, {Entity: entity, Until: end, Position: 7}, {Entity: other, Until: time.UnixMilli(2)}}})
		rule, found := r.of(name, now)
		if err == nil && found != (until <= 0 || now.Before(end)) {
			t.Errorf("%q is refused until %d: %t", server, until, found)
		}
		if found && err == nil && rule.Position != 7 {
			t.Errorf("%q is refused by %+v", server, rule)
		}
	})
}
