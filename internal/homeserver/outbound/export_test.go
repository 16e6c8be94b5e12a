package outbound

import "signet/internal/matrix"

// Quiet tells whether nobody works, nor could.
func (o *Outbound) Quiet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.known {
		if d.working || d.queued || d.pending && !o.Now().Before(d.due) {
			return false
		}
	}
	return true
}

// Look has Run look at the clock.
func (o *Outbound) Look() { o.look() }

// Overlooked makes the Outbound forget that something waits for a destination.
func (o *Outbound) Overlooked(name matrix.ServerName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.destination(name).pending = false
}
