package notice

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup/notice/words"
)

// letter is the payload of a notice. The outbox keeps it sealed.
type letter struct {
	Position int64      `json:"position,omitempty"` // in the feed, of what it is about
	Kind     words.Kind `json:"kind"`
	Medium   string     `json:"medium"`
	Address  string     `json:"address"`
	User     string     `json:"user"`
	Former   string     `json:"former,omitempty"`
	About    string     `json:"about,omitempty"`
	NotAfter int64      `json:"not_after,omitempty"` // of words.Ending

	// Of keys: which version of what label, until when they wait, and whether the receiver is
	// another address of the user.
	Label   string `json:"label,omitempty"`
	Version uint32 `json:"version,omitempty"`
	Until   int64  `json:"until,omitempty"`
	Other   bool   `json:"other,omitempty"`
}

// to is l as it goes to an address.
func (l letter) to(a threepid.Address) letter {
	l.Medium, l.Address = string(a.Medium()), a.String()
	return l
}

// open reads the letter of a job.
func open(job outbox.Job) (to threepid.Address, l letter, err error) {
	if err := json.Unmarshal(job.Payload, &l); err != nil {
		return to, l, fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	if to, err = threepid.Parse(l.Medium, l.Address); err != nil {
		return to, l, fmt.Errorf("%w: its receiver cannot be read", outbox.ErrRefused)
	}
	return to, l, nil
}

// notice is what the letter tells.
func (n *Notices) notice(l letter) words.Notice {
	return words.Notice{
		Language: n.Language,
		Kind:     l.Kind,
		User:     l.User,
		Former:   l.Former,
		About:    l.About,
		Account:  strings.HasPrefix(l.Label, userLabel),
		Days:     n.daysUntil(store.Time(l.NotAfter)),
		Until:    store.Time(l.Until).UTC().Format("2006-01-02 15:04 MST"),
		Link:     n.PageURL,
	}
}

// daysUntil is no less than one: a notice may go out late.
func (n *Notices) daysUntil(t time.Time) int {
	return max(1, int(t.Sub(n.Now()).Round(24*time.Hour)/(24*time.Hour)))
}
