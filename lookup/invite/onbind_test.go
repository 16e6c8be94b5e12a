package invite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/lookup/invite"
)

// told opens a replica that reaches the homeservers.
func (w *world) told(servers ...*homeserver) (*invite.Invites, *outbox.Outbox) {
	w.Helper()
	return w.open(func(o *invite.Options) { o.Federation = w.federation(servers...) })
}

// When an address is bound, the user's homeserver is told of its invitations, signed, and
// of nobody else's.
func TestTheHomeserverIsTold(t *testing.T) {
	each(t, func(w *world) {
		h, other := w.homeserver(nil), w.homeserver(nil)
		i, box := w.told(h, other)
		first := w.invites()
		second := w.invites(func(r *invite.Request) { r.Sender, r.Room = "@carol:example.net", "!ball:example.net" })
		w.invites(func(r *invite.Request) { r.Address, r.Room = w.address("dave@example.org"), "!dave:example.com" })
		alice, dave := h.user("alice"), other.user("dave")
		w.binds(i, "alice@example.org", alice)
		w.binds(i, "dave@example.org", dave)
		w.then(box, "both are told", func() bool { return len(h.taken()) == 1 && len(other.taken()) == 1 })
		o := w.reads(h.taken()[0])
		if o.Address != "alice@example.org" || o.Medium != "email" || o.MXID != alice.String() || len(o.Invites) != 2 {
			w.Fatalf("the homeserver reads %s", h.taken()[0])
		}
		for _, v := range o.Invites {
			want, room := first.Token, "!tea:example.com"
			if v.Sender == "@carol:example.net" {
				want, room = second.Token, "!ball:example.net"
			}
			if v.Address != o.Address || v.Medium != "email" || v.MXID != o.MXID || v.RoomID != room ||
				!bytes.Contains(v.Signed, fmt.Appendf(nil, `{"mxid":%q,"signatures":{"id.example.org":{`, alice)) || !bytes.Contains(v.Signed, fmt.Appendf(nil, `"token":%q`, want)) {
				w.Errorf("an invitation reads %+v, signed %s", v, v.Signed)
			}
		}
		if d := w.reads(other.taken()[0]); len(d.Invites) != 1 || d.Invites[0].RoomID != "!dave:example.com" || d.MXID != dave.String() {
			w.Errorf("the other homeserver reads %s", other.taken()[0])
		}
		if w.valid(first.Ephemeral) || w.valid(second.Ephemeral) {
			w.Error("a key outlived its invitation")
		}
		if got := w.states("@bob:example.com"); !slices.Equal(got, []invite.State{invite.Accepted, invite.Accepted}) {
			w.Errorf("bob's are %v", got)
		}
	})
}

// Of the methods, the one of the specification is tried first; what works is remembered.
func TestHowAHomeserverListens(t *testing.T) {
	for _, refusal := range []int{http.StatusNotFound, http.StatusMethodNotAllowed} {
		each(t, func(w *world) {
			h := w.homeserver(map[string]int{"PUT": refusal})
			i, box := w.told(h)
			bind := func(n int) {
				w.invites()
				w.binds(i, "alice@example.org", h.user("alice"))
				w.then(box, "it is told, and that is written down", func() bool { return w.count("invite_invitations", "told_ms > 0") == n })
				w.bindings.set(w.address("alice@example.org"), "")
				delete(w.bindings.users, w.address("alice@example.org"))
			}
			bind(1)
			bind(2)
			if got := h.called(); !slices.Equal(got, []string{"PUT", "POST", "POST"}) {
				w.Errorf("it was called by %v", got)
			}
			h.answer("PUT", http.StatusOK) // a newer version, which keeps to the specification
			h.answer("POST", refusal)
			bind(3)
			bind(4)
			if got := h.called()[3:]; !slices.Equal(got, []string{"POST", "PUT", "PUT"}) {
				w.Errorf("after it changed it was called by %v", got)
			}
		})
	}
}

// A homeserver that answers with other errors is asked again in the same way, later.
func TestAHomeserverInTrouble(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(map[string]int{"PUT": http.StatusBadGateway})
		i, box := w.told(h)
		w.invites()
		w.binds(i, "alice@example.org", h.user("alice"))
		w.then(box, "it was asked", func() bool { return len(h.called()) == 1 })
		w.work(box)
		h.answer("PUT", http.StatusOK)
		w.clock.Advance(2 * time.Second)
		w.then(box, "it is told", func() bool { return len(h.taken()) == 1 })
		if got := h.called(); !slices.Equal(got, []string{"PUT", "PUT"}) {
			w.Errorf("it was called by %v", got)
		}
	})
}

// down is a homeserver that is not there, and counts who comes.
type down struct {
	calls atomic.Int64
	up    atomic.Bool
}

func (d *down) Do(context.Context, fedclient.Request) (fedclient.Response, error) {
	d.calls.Add(1)
	if d.up.Load() {
		return fedclient.Response{Status: http.StatusOK}, nil
	}
	return fedclient.Response{}, fedclient.ErrUnreachable
}

// The servers of a room know the key that the invitation was made under, so that one signs
// it after the server has another, unless it was revoked.
func TestAnInvitationOutlivesItsKey(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, box := w.told(h)
		first, err := w.keys.Ring.Current(w.Context())
		w.must(err)
		w.invites()
		w.invites(func(r *invite.Request) { r.Address = w.address("dave@example.org") })
		_, err = w.keys.Ring.Rotate(w.Context())
		w.must(err)
		second, err := w.keys.Ring.Current(w.Context())
		w.must(err)
		signedBy := func(key matrix.SigningKey, address string, calls int) {
			w.Helper()
			w.binds(i, address, h.user("alice"))
			w.then(box, "it is told", func() bool { return len(h.taken()) == calls })
			var o onbind
			w.must(json.Unmarshal(h.taken()[calls-1], &o))
			w.must(matrix.Verify("id.example.org", key.ID, key.Public(), o.Invites[0].Signed))
		}
		signedBy(first, "alice@example.org", 1)
		_, err = w.keys.Ring.Revoke(w.Context(), first.ID, "it was stolen")
		w.must(err)
		signedBy(second, "dave@example.org", 2)
	})
}

// A homeserver that is down is asked from every second up to every hour for a week; then
// the operator is told which one, and nothing of its user.
func TestAHomeserverIsDownForAWeek(t *testing.T) {
	each(t, func(w *world) {
		d := &down{}
		i, box := w.open(func(o *invite.Options) { o.Federation = d })
		w.invites()
		w.binds(i, "alice@example.org", "@alice:down.example")
		dead := func() bool { return w.count("outbox_jobs", "kind = 'invite.onbind' AND state = 'dead'") == 1 }
		start, last := w.clock.Now(), int64(0)
		for !dead() {
			w.then(box, "it was asked again", func() bool { return d.calls.Load() > last || dead() })
			if last = d.calls.Load(); last < 5 {
				w.clock.Advance(time.Duration(1<<last) * time.Second)
			} else {
				w.clock.Advance(time.Hour)
			}
		}
		if took := w.clock.Now().Sub(start); took < 7*24*time.Hour || took > 7*24*time.Hour+3*time.Hour || last < 168 {
			w.Errorf("it was given up after %v and %d calls", took, last)
		}
		log := w.log.String()
		if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "server=down.example") || strings.Contains(log, "alice") {
			w.Errorf("the log says\n%s", log[max(0, len(log)-1000):])
		}
	})
}

// crashing is a federation whose process dies at a step of a call: it hangs for good.
type crashing struct {
	invite.Federation
	after         bool // it is the answer that is not heard
	reached, dead chan struct{}
}

func (c *crashing) Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error) {
	if c.after {
		if _, err := c.Federation.Do(ctx, r); err != nil {
			return fedclient.Response{}, err
		}
	}
	close(c.reached)
	<-c.dead
	return fedclient.Response{}, errors.New("the process is dead")
}

// A process may die at any step: the homeserver is told all the same, once, or where it
// died before it could write down that the homeserver had taken it, in the same words.
func TestAProcessDies(t *testing.T) {
	for step, want := range map[string]int{"before the call": 1, "after the call": 2} {
		t.Run(step, func(t *testing.T) {
			each(t, func(w *world) {
				h := w.homeserver(nil)
				c := &crashing{Federation: w.federation(h), after: step == "after the call", reached: make(chan struct{}), dead: make(chan struct{})}
				dying, box := w.open(func(o *invite.Options) { o.Federation = c })
				w.invites()
				w.binds(dying, "alice@example.org", h.user("alice"))
				var died sync.WaitGroup
				died.Go(func() { box.AttemptDue(context.Background()) })
				w.Cleanup(func() { close(c.dead); died.Wait() })
				<-c.reached
				w.clock.Advance(61 * time.Second) // its lease runs out
				_, living := w.told(h)
				w.then(living, "it is told, and that is written down", func() bool { return w.count("invite_invitations", "told_ms > 0") == 1 })
				w.clock.Advance(61 * time.Second)
				w.work(living)
				if got := h.taken(); len(got) != want || !bytes.Equal(got[0], got[want-1]) {
					w.Errorf("it was told %d times, want %d, in the same words:\n%s", len(got), want, bytes.Join(got, []byte("\n")))
				}
			})
		})
	}
}

// A process that dies after it has written down that the homeserver was told, but before
// the outbox has, makes nobody tell it again; one that dies in the bind's transaction has
// bound nothing and tells nobody.
func TestAProcessDiesAroundTheOutbox(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, _ := w.open(func(o *invite.Options) { o.Federation = w.federation(h) })
		stored := w.invites()
		died := errors.New("power cut")
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			if err := i.Bound(w.Context(), tx, w.address("alice@example.org"), h.user("alice")); err != nil {
				return err
			}
			return died
		})
		if !errors.Is(err, died) || !w.valid(stored.Ephemeral) || w.count("outbox_jobs", "kind = 'invite.onbind'") != 0 {
			w.Fatalf("a bind that did not commit: %v, states %v", err, w.states("@bob:example.com"))
		}
		w.binds(i, "alice@example.org", h.user("alice"))
		// The first process tells and marks, and dies.
		var batch, id string
		w.must(w.db.QueryRow(w.Context(), "SELECT batch, id FROM invite_invitations").Scan(&batch, &id))
		payload := fmt.Sprintf(`{"batch":%q,"user":%q,"medium":"email","address":"alice@example.org","invites":[{"id":%q,"token":%q,"room":"!tea:example.com","sender":"@bob:example.com"}]}`,
			batch, h.user("alice"), id, stored.Token)
		w.must(i.Notify(w.Context(), []byte(payload)))
		_, living := w.told(h)
		w.then(living, "the job is done", func() bool { return w.count("outbox_jobs", "kind = 'invite.onbind' AND state = 'done'") == 1 })
		if got := h.taken(); len(got) != 1 {
			w.Errorf("it was told %d times", len(got))
		}
	})
}

// Of many who bind one address at one moment, one accepts its invitations, and one
// homeserver is told.
func TestManyBindOneAddress(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, box := w.told(h)
		for range 3 {
			w.invites()
		}
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				if err := w.bind(i, "alice@example.org", h.user(fmt.Sprint("user", n))); err != nil && !errors.Is(err, store.ErrBusy) {
					w.Error(err)
				}
			})
		}
		all.Wait()
		w.then(box, "it is told", func() bool { return len(h.taken()) > 0 })
		w.work(box)
		if got := h.taken(); len(got) != 1 || len(w.reads(got[0]).Invites) != 3 {
			w.Errorf("it was told\n%s", bytes.Join(got, []byte("\n")))
		}
	})
}

// Revoking and accepting at one moment end in one of both: what was revoked is never told.
func TestRevokedAndAcceptedAtOnce(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, box := w.told(h)
		accepted := 0
		for n := range 10 {
			address := fmt.Sprintf("a%d@example.org", n)
			w.invites(func(r *invite.Request) { r.Address = w.address(address) })
			list, err := w.List(w.Context(), "@bob:example.com")
			w.must(err)
			newest := slices.IndexFunc(list, func(v invite.Invitation) bool { return v.Address == w.address(address) })
			var both sync.WaitGroup
			var revoked error
			both.Go(func() { revoked = w.Revoke(w.Context(), "@bob:example.com", list[newest].ID) })
			both.Go(func() {
				if err := w.bind(i, address, h.user("alice")); err != nil {
					w.Error(err)
				}
			})
			both.Wait()
			if errors.Is(revoked, invite.ErrOver) {
				accepted++
			} else if revoked != nil {
				w.Error(revoked)
			}
		}
		w.then(box, "all are told", func() bool { return len(h.taken()) == accepted })
		w.work(box)
		if len(h.taken()) != accepted || w.count("invite_invitations", "state = 'accepted'") != accepted || w.count("invite_invitations", "state = 'revoked'") != 10-accepted {
			w.Errorf("%d were accepted and %d told", accepted, len(h.taken()))
		}
	})
}

// late is bindings that bind an address between the two looks of a Store.
type late struct {
	*bindings
	bind func()
}

func (l *late) UserOf(ctx context.Context, a addressOf) (matrix.UserID, bool, error) {
	user, bound, err := l.bindings.UserOf(ctx, a)
	if l.bind != nil {
		bind := l.bind
		l.bind = nil
		bind()
	}
	return user, bound, err
}

// An invitation that is stored while its address is being bound is not lost.
func TestBoundWhileItIsStored(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		l := &late{bindings: w.bindings}
		i, box := w.open(func(o *invite.Options) { o.Federation, o.Bindings = w.federation(h), l })
		l.bind = func() { w.binds(i, "alice@example.org", h.user("alice")) }
		stored, err := i.Store(w.Context(), w.asks())
		w.must(err)
		w.then(box, "it is told", func() bool { return len(h.taken()) == 1 })
		if o := w.reads(h.taken()[0]); len(o.Invites) != 1 || !bytes.Contains(o.Invites[0].Signed, []byte(stored.Token)) || w.valid(stored.Ephemeral) {
			w.Errorf("it reads %s", h.taken()[0])
		}
	})
}

// A notice is as the specification's example has it, member by member.
func TestTheNoticeOfTheSpecification(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, box := w.told(h)
		w.invites()
		w.binds(i, "alice@example.org", h.user("alice"))
		w.then(box, "it is told", func() bool { return len(h.taken()) == 1 })
		want := []string{"address", "invites", "medium", "mxid"}
		if diff := cmp.Diff(want, members(t, h.taken()[0], "")); diff != "" {
			w.Errorf("members: -want +got\n%s", diff)
		}
		want = []string{"address", "medium", "mxid", "room_id", "sender", "signed"}
		if diff := cmp.Diff(want, members(t, h.taken()[0], "invites")); diff != "" {
			w.Errorf("members of an invitation: -want +got\n%s", diff)
		}
	})
}
