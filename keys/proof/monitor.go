package proof

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
)

// MaxMonitor is the length of the longest Monitor in octets of JSON.
const MaxMonitor = MaxLookup

// Monitor is the answer to the owner of a label who has verified its History before and asks
// whether anything was added: the rungs of the newest version's ladder that come after it. A
// false version that is shown to anybody is on one of the rungs that the owner looks at, now
// or later, since nothing leaves the map.
type Monitor struct {
	Anchor

	Version uint32 `json:"version"` // 0 if there is none
	Present bool   `json:"present"`
	Beyond  []Rung `json:"beyond"` // in the order of the ladder
}

// versions is how many versions there are.
func (m *Monitor) versions() int64 {
	if !m.Present {
		return 0
	}
	return int64(m.Version) + 1
}

// ParseMonitor reads a Monitor in JSON of at most MaxMonitor octets, as Parse does a Lookup.
// The error is ErrProof.
func ParseMonitor(b []byte) (*Monitor, error) {
	var m Monitor
	if err := unmarshal(b, MaxMonitor, &m); err != nil {
		return nil, err
	}
	if len(m.Beyond) > ladder.MaxRungs {
		return nil, malformed("it has %d rungs, more than %d", len(m.Beyond), ladder.MaxRungs)
	}
	for _, r := range m.Beyond {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	return &m, m.Anchor.check()
}

// Monitored is what a Monitor has shown. More says that there are versions which the asker
// has not seen, and whose History is to be asked for.
type Monitored struct {
	Label   entry.Label
	Head    tlog.Tree
	Sealed  time.Time // of the Head
	Present bool
	Version uint32
	More    bool
	Held    []Line
}

// VerifyMonitor tells whether a Monitor holds: the steps of Verify up to the ladder. Of
// Asked, it takes Label, Head and Version. Errors: ErrPolicy and *Failed.
func VerifyMonitor(m *Monitor, asked Asked, p Policy, now time.Time) (Monitored, error) {
	p, err := p.whole()
	if err != nil {
		return Monitored{}, err
	}
	v := &monitorVerification{monitor: m, anchored: anchored{policy: p, anchor: m.Anchor, asked: asked, now: now}}
	held, err := run(append(v.checks(), check{StepLadder, v.ladder}))
	if err != nil {
		return Monitored{}, err
	}
	more := m.Present && (asked.Version == nil || m.Version > *asked.Version)
	return Monitored{Label: v.label, Head: v.checkpoint.Tree, Sealed: time.UnixMilli(v.epoch.Time), Present: m.Present,
		Version: m.Version, More: more, Held: held}, nil
}

// monitorVerification is one run of VerifyMonitor.
type monitorVerification struct {
	monitor *Monitor
	anchored
}

// ladder holds that nothing is there after the newest version.
func (v *monitorVerification) ladder() (string, error) {
	m, seen := v.monitor, v.asked.Version
	if seen != nil && m.versions() <= int64(*seen) {
		return "", fmt.Errorf("%w: %d", ErrOlder, *seen)
	}
	if !m.Present && m.Version != 0 {
		return "", fmt.Errorf("%w: it has a version and has none", ladder.ErrRungs)
	}
	if err := checkBeyond(m.Beyond, m.versions()); err != nil {
		return "", err
	}
	for _, r := range m.Beyond {
		if _, err := v.climb(r); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("the label has %d versions, and no later one", m.versions()), nil
}

// checkBeyond holds the rungs against the ones that come after so many versions, none of
// which is there.
func checkBeyond(rungs []Rung, versions int64) error {
	beyond := Beyond(versions)
	if len(rungs) != len(beyond) {
		return fmt.Errorf("%w: it has %d rungs beyond, not %d", ladder.ErrRungs, len(rungs), len(beyond))
	}
	for i, r := range rungs {
		if r.Version != beyond[i] || r.Map.Kind == prefixtree.Inclusion {
			return fmt.Errorf("%w: version %d is there", ladder.ErrRungs, beyond[i])
		}
	}
	return nil
}
