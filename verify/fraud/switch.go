package fraud

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Switch is whether text messages are sent at all, and who turned it why, in the
// operator's words. Changed is zero if nobody ever did.
type Switch struct {
	On      bool
	Reason  string
	Changed time.Time
}

const maxReason = 200

// SetSending switches text messages on or off, for all replicas: each
// Admit that begins after it returns sees it. The error is ErrReason for a
// reason that cannot be shown.
func (g *Guard) SetSending(ctx context.Context, on bool, reason string) error {
	if len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ErrReason
	}
	if err := putSwitch(ctx, g.DB, Switch{on, reason, g.Now()}); err != nil {
		return fmt.Errorf("switching text messages: %w", err)
	}
	return nil
}

// Sending tells how the switch stands.
func (g *Guard) Sending(ctx context.Context) (Switch, error) {
	sw, err := selectSwitch(ctx, g.DB)
	if err != nil {
		return Switch{}, fmt.Errorf("reading the switch of text messages: %w", err)
	}
	return sw, nil
}
