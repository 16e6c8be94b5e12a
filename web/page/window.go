package page

import (
	"context"
	"math"
	"strconv"

	"signet/keys/entry"
	"signet/keys/people"
)

// shown is how many versions of a label the owner's page shows at a time: each costs a proof.
const shown = 50

// window is the part of a label's history that the page shows.
type window struct {
	label entry.Label
	people.Page
	// context is how many versions come before those that are shown: one, since what a version
	// is shows against the one before it.
	context int
	older   bool // there are versions before them
	empty   bool // the label has none so far back
}

// windowOf is the part of so many versions, which is so many pages before the newest.
func windowOf(l entry.Label, versions int64, back int) window {
	end := versions - int64(back)*shown
	if end <= 0 && back > 0 {
		return window{label: l, empty: true}
	}
	w := window{label: l, Page: people.Page{From: uint32(max(end-shown, 0))}}
	if w.older = w.From > 0; w.older {
		w.From, w.context = w.From-1, 1
	}
	if back > 0 { // the newest page goes on to what came into the log just now
		w.Limit = int(end) - int(w.From)
	}
	return w
}

// windows are those of labels. Where all are empty they are of the newest page.
func (p *Pages) windows(ctx context.Context, back int, labels ...entry.Label) (all []window, at int, err error) {
	empty := true
	for _, l := range labels {
		n, err := p.Log.Versions(ctx, l)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, windowOf(l, n, back))
		empty = empty && all[len(all)-1].empty
	}
	if empty && back > 0 {
		return p.windows(ctx, 0, labels...)
	}
	return all, back, nil
}

// backIn reads how far back a form asks to be shown.
func backIn(f form) (int, error) {
	if f["back"] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(f["back"])
	if err != nil || n < 0 || n > math.MaxUint32/shown {
		return 0, errForm
	}
	return n, nil
}

// Before and After are the pages next to this one.
func (h *chronicle) Before() int { return h.Back + 1 }
func (h *chronicle) After() int  { return h.Back - 1 }
