package blocklist

import (
	"strings"
	"time"

	"signet/internal/homeserver/acl"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// rules is a policy, to be asked for one server. Most entities are a name or all names below
// it, which are found without trying them all.
type rules struct {
	at    time.Time
	names map[string]idclient.PolicyRule
	below map[string]idclient.PolicyRule // of "*.name", by the name
	globs []idclient.PolicyRule
}

func newRules(p idclient.Policy) *rules {
	r := &rules{at: p.At, names: map[string]idclient.PolicyRule{}, below: map[string]idclient.PolicyRule{}}
	for _, rule := range p.Rules {
		rule.Entity = strings.ToLower(rule.Entity)
		parent, isBelow := strings.CutPrefix(rule.Entity, "*.")
		switch {
		case !strings.ContainsAny(rule.Entity, "*?"):
			longer(r.names, rule.Entity, rule)
		case isBelow && !strings.ContainsAny(parent, "*?"):
			longer(r.below, parent, rule)
		default:
			r.globs = append(r.globs, rule)
		}
	}
	return r
}

// longer puts a rule in the place of one that ends before it.
func longer(in map[string]idclient.PolicyRule, name string, rule idclient.PolicyRule) {
	before, there := in[name]
	if !there || rule.Until.IsZero() || !before.Until.IsZero() && rule.Until.After(before.Until) {
		in[name] = rule
	}
}

// of is a rule that counts for a server now, whatever its port.
func (r *rules) of(server matrix.ServerName, now time.Time) (idclient.PolicyRule, bool) {
	host := strings.ToLower(server.WithoutPort().String())
	if rule, there := r.names[host]; there && counts(rule, now) {
		return rule, true
	}
	for _, rest, found := strings.Cut(host, "."); found; _, rest, found = strings.Cut(rest, ".") {
		if rule, there := r.below[rest]; there && counts(rule, now) {
			return rule, true
		}
	}
	for _, rule := range r.globs {
		if counts(rule, now) && acl.Matches(rule.Entity, host) {
			return rule, true
		}
	}
	return idclient.PolicyRule{}, false
}

func counts(rule idclient.PolicyRule, now time.Time) bool {
	return rule.Until.IsZero() || now.Before(rule.Until)
}
