package userdirectory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"signet/internal/matrix"
)

// Search is what somebody searches for.
type Search struct {
	By      matrix.UserID // of this server
	Term    string
	Limit   int             // how many are to be found at most, above 0
	Without map[string]bool // user ids of those who are not to be found, as whom By ignores
}

// Found is somebody who was found; a name or avatar that they have not is empty.
type Found struct {
	User        matrix.UserID
	DisplayName string
	AvatarURL   string
}

// hit is somebody who fits.
type hit struct {
	*person
	label  *label // by which they are shown
	rank   rank
	shares bool // a room with the searcher
}

// Find finds people: the better they fit the earlier, among equals those first who share a
// room with the searcher, then those of this server. Limited says that there are more.
func (d *Directory) Find(ctx context.Context, s Search) (found []Found, limited bool, err error) {
	if err := d.refresh(ctx); err != nil {
		return nil, false, err
	}
	hits := d.hits(s)
	for len(hits) > 0 && len(found) <= s.Limit {
		some := hits[:min(len(hits), s.Limit+1)]
		hits = hits[len(some):]
		active, err := d.active(ctx, some)
		if err != nil {
			return nil, false, err
		}
		for _, h := range some {
			if !h.ours || active[h.id] {
				found = append(found, h.found())
			}
		}
	}
	if len(found) > s.Limit {
		return found[:s.Limit], true, nil
	}
	return found, false, nil
}

// active are those of this server among some who have accounts still.
func (d *Directory) active(ctx context.Context, hits []hit) (map[matrix.UserID]bool, error) {
	var ours []matrix.UserID
	for _, h := range hits {
		if h.ours {
			ours = append(ours, h.id)
		}
	}
	if len(ours) == 0 {
		return nil, nil
	}
	return d.Accounts.ActiveAmong(ctx, ours)
}

// Known is what somebody may see of one user: ok is false where they may see nothing.
func (d *Directory) Known(ctx context.Context, by, user matrix.UserID) (found Found, ok bool, err error) {
	if err := d.refresh(ctx); err != nil {
		return Found{}, false, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := d.index.people[user]
	if p == nil {
		return Found{}, false, nil
	}
	h, ok := p.visible(term{}, d.index.roomsOf(by))
	if !ok {
		return Found{}, false, nil
	}
	return h.found(), true, nil
}

// hits are all who fit, in order.
func (d *Directory) hits(s Search) []hit {
	t := newTerm(s.Term)
	if len(t.words) == 0 && t.id == "" {
		return nil
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	rooms := d.index.roomsOf(s.By)
	var hits []hit
	for _, p := range d.index.people {
		if p.id == s.By || s.Without[string(p.id)] {
			continue
		}
		if h, ok := p.visible(t, rooms); ok && h.rank > noMatch {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, compare)
	return hits
}

func (x *index) roomsOf(user matrix.UserID) map[*place]bool {
	rooms := map[*place]bool{}
	if p := x.people[user]; p != nil {
		for _, s := range p.seats {
			rooms[s.in] = true
		}
	}
	return rooms
}

// visible is a person as somebody may see them who is in some rooms: by the name that fits
// best of those which they have there or in open rooms.
func (p *person) visible(t term, rooms map[*place]bool) (h hit, ok bool) {
	h.person = p
	for _, s := range p.seats {
		shares := rooms[s.in]
		if !shares && !s.in.isOpen() {
			continue
		}
		called := s.label
		if p.ours {
			called = p.label
		}
		if !ok || called != h.label {
			if r := t.fits(p, called); !ok || r > h.rank || r == h.rank && shares && !h.shares {
				h.rank, h.label = r, called
			}
		}
		ok, h.shares = true, h.shares || shares
		if p.ours && (h.shares || h.rank == noMatch) {
			break // no other room says more of them
		}
	}
	return h, ok
}

func (h hit) found() Found {
	f := Found{User: h.id}
	if h.label != nil {
		f.DisplayName, f.AvatarURL = h.label.name, h.label.avatar
	}
	return f
}

// compare puts the better hit first.
func compare(a, b hit) int {
	return cmp.Or(
		cmp.Compare(b.rank, a.rank),
		compareBool(b.shares, a.shares),
		compareBool(b.ours, a.ours),
		strings.Compare(a.sortName(), b.sortName()),
		strings.Compare(string(a.id), string(b.id)),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (h hit) sortName() string {
	if h.label != nil && h.label.whole != "" {
		return h.label.whole
	}
	return h.local.whole
}
