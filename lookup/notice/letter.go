package notice

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/locale"
	"signet/internal/matrix"
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

	// Of accounts: whose word it is, when it came, what is known of whoever did it, and what
	// the owner reads.
	Homeserver matrix.ServerName `json:"homeserver,omitempty"`
	At         int64             `json:"at,omitempty"`
	Device     string            `json:"device,omitempty"`
	Client     string            `json:"client,omitempty"`
	Language   string            `json:"language,omitempty"`
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
		Language: n.language(l),
		Kind:     l.Kind,
		User:     l.User,
		Former:   l.Former,
		About:    l.About,
		Account:  strings.HasPrefix(l.Label, userLabel),
		Days:     n.daysUntil(store.Time(l.NotAfter)),
		Until:    minute(l.Until),
		Link:     n.PageURL,
		Login: words.Login{
			Homeserver: l.Homeserver.String(), Own: n.Own[l.Homeserver], When: minute(l.At), Device: l.Device, IP: l.Client,
		},
	}
}

// minute is a time in milliseconds as people read it.
func minute(ms int64) string { return store.Time(ms).UTC().Format("2006-01-02 15:04 MST") }

// language is what the receiver reads, if whoever has them told knows that.
func (n *Notices) language(l letter) locale.Language {
	if known, err := locale.ParseLanguage(l.Language); err == nil {
		return known
	}
	return n.Language
}

// daysUntil is no less than one: a notice may go out late.
func (n *Notices) daysUntil(t time.Time) int {
	return max(1, int(t.Sub(n.Now()).Round(24*time.Hour)/(24*time.Hour)))
}
