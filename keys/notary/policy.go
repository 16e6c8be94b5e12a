package notary

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Rule is a rule about servers, the content of m.policy.rule.server (client-server API,
// "Moderation policy lists") with two times in milliseconds. Its entity is a glob and counts
// with any port.
type Rule struct {
	Entity         string `json:"entity"`
	Recommendation string `json:"recommendation"`
	Reason         string `json:"reason"`
	CreatedTS      int64  `json:"created_ts"`
	ExpiresTS      int64  `json:"expires_ts,omitzero"`
}

// RecordPolicy records, in the transaction of the change, all rules that there are about the
// holder of a name from now on; none where they were lifted. So no block is secret: it is in
// the log, or will be.
func RecordPolicy(ctx context.Context, tx *store.Tx, name matrix.ServerName, rules []Rule, now time.Time) error {
	if rules == nil {
		rules = []Rule{}
	}
	_, err := appendRecord(ctx, tx, policy, name, now, func(e envelope) any {
		return policyRecord{envelope: e, Rules: rules, TS: now.UnixMilli()}
	})
	if err != nil {
		return fmt.Errorf("recording the policy about %q: %w", name, err)
	}
	return nil
}

// AdoptPolicy records rules about names of which no record was ever made: they are older than
// the records.
func (n *Notary) AdoptPolicy(ctx context.Context, rules map[matrix.ServerName][]Rule) error {
	return n.DB.Tx(ctx, func(tx *store.Tx) error {
		for name, about := range rules {
			l, err := selectLast(ctx, tx, policy, name)
			if err != nil {
				return err
			}
			if l.n > 0 {
				continue
			}
			if err := RecordPolicy(ctx, tx, name, about, n.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// PolicyPositions tells, of each name about which there are rules or were, where the newest
// record of them stands in the servers' log; names whose record is not logged yet are left out.
func (n *Notary) PolicyPositions(ctx context.Context) (map[matrix.ServerName]int64, error) {
	positions, err := selectPolicyPositions(ctx, n.DB)
	if err != nil {
		return nil, fmt.Errorf("reading where the policy is logged: %w", err)
	}
	return positions, nil
}
