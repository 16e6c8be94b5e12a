package people

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// asideRetried is how often what was set aside is tried again: it may have been restored, or
	// erased.
	asideRetried = time.Minute
	// maxAside bounds what is set aside. More is no damage to rows, but a wrong key, or a database
	// that is lost; then nothing is logged.
	maxAside = 100
)

// aside is what cannot be read and so is not logged, while the rest goes on: labels, since of a
// label no version is logged before the one that comes before it.
type aside struct {
	what string // the rows
	log  *slog.Logger

	mu     sync.Mutex // guards the rest
	labels map[tag]error
	told   map[tag]bool // of these and those before them, until all is well again
	tried  time.Time
}

func newAside(what string, log *slog.Logger) *aside {
	return &aside{what: what, log: log, labels: map[tag]error{}, told: map[tag]bool{}}
}

// retry forgets what was set aside a while ago, so that it is tried again.
func (a *aside) retry(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if since := now.Sub(a.tried); since >= 0 && since < asideRetried {
		return
	}
	if len(a.labels) == 0 {
		clear(a.told)
	}
	a.tried = now
	clear(a.labels)
}

// add sets a label aside, and tells the operator once. The error is why, of too many.
func (a *aside) add(t tag, number uint32, why error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.labels) >= maxAside {
		return fmt.Errorf("more than %d %s cannot be read: %w", maxAside, a.what, why)
	}
	a.labels[t] = why
	if !a.told[t] {
		a.told[t] = true
		a.log.Error("what cannot be read is set aside, and the rest is logged", "what", a.what, "label_tag", hex.EncodeToString(t[:]), "version", number, "error", why)
	}
	return nil
}

func (a *aside) has(t tag) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, is := a.labels[t]
	return is
}

func (a *aside) tags() []tag {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.labels))
}

// Damaged counts the labels of which something that waits cannot be read, so that nothing of them
// is logged until it is restored or erased. Only the replica that writes the log knows.
func (p *People) Damaged() int { return len(p.aside.tags()) + len(p.unrecovered.tags()) }
