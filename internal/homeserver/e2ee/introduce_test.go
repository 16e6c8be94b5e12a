package e2ee_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	far  = matrix.ServerName("far.test")
	erin = matrix.UserID("@erin:far.test")
)

// room has these in it.
func (w *world) room(id string, members ...matrix.UserID) {
	w.land.mu.Lock()
	defer w.land.mu.Unlock()
	if w.land.rooms == nil {
		w.land.rooms = map[string][]matrix.UserID{}
	}
	w.land.rooms[id] = members
}

// come lets a user into a room, as the rooms do.
func (w *world) come(user matrix.UserID, id string) {
	w.Helper()
	w.land.mu.Lock()
	members := slices.Clone(w.land.rooms[id])
	w.land.mu.Unlock()
	if !slices.Contains(members, user) {
		w.room(id, append(members, user)...)
	}
	_, err := w.stream.Commit(w.Context(), nil, func(tx *store.Tx, pos stream.Pos) error {
		return w.Came(w.Context(), tx, pos, user, matrix.RoomID(id))
	})
	if err != nil {
		w.Fatal(err)
	}
}

// listUpdate is an m.device_list_update, as another server reads it.
type listUpdate struct {
	User     string          `json:"user_id"`
	Device   string          `json:"device_id"`
	Name     string          `json:"device_display_name"`
	Stream   *int64          `json:"stream_id"`
	Previous []int64         `json:"prev_id"`
	Deleted  bool            `json:"deleted"`
	Keys     json.RawMessage `json:"keys"`
}

// told introduces newcomers and takes what was queued: a line for each server and device.
func (w *world) told() (lines []string, updates []listUpdate) {
	w.Helper()
	if err := w.Introduce(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.land.mu.Lock()
	defer w.land.mu.Unlock()
	for _, q := range w.land.queued {
		var u listUpdate
		if err := json.Unmarshal(q.edu.Content, &u); err != nil || q.edu.Type != e2ee.EDUDeviceListUpdate {
			w.Fatalf("queued %s %s, %v", q.edu.Type, q.edu.Content, err)
		}
		lines, updates = append(lines, q.to.String()+" "+u.Device), append(updates, u)
	}
	w.land.queued = nil
	return lines, updates
}

func (w *world) tells(when string, want ...string) []listUpdate {
	w.Helper()
	lines, updates := w.told()
	if !slices.Equal(lines, want) {
		w.Errorf("%s: told %q, want %q", when, lines, want)
	}
	return updates
}

// forgets takes what was queued so far for nothing.
func (w *world) forgets() {
	w.land.mu.Lock()
	defer w.land.mu.Unlock()
	w.land.queued = nil
}

// A server that a user meets is told of each of their devices, once, in step with the list that
// it may ask for and with the update that comes next. No client is told: nothing has changed.
func TestAServerIsToldOfANewcomersDevices(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 1)
		w.phone(alice, "BARE")
		w.ready(alice, "LAPTOP", 0)
		w.forgets()
		w.room("!tea", erin, bob)
		since := w.stream.Visible()
		lists := w.count(`SELECT MAX(pos) FROM e2ee_lists`)
		w.come(alice, "!tea")
		updates := w.tells("coming in", "far.test LAPTOP", "far.test PHONE", "far.test BARE")
		list, err := w.DevicesOf(w.Context(), alice)
		if err != nil || len(updates) != 3 {
			w.Fatal(err, updates)
		}
		for i, u := range updates {
			bare := u.Device == "BARE"
			if u.User != alice.String() || u.Name != "the "+u.Device || u.Deleted || (u.Keys == nil) != bare {
				w.Errorf("told of %+v", u)
			}
			if !bare && !strings.HasPrefix(string(list.Devices[i].Keys), strings.TrimSuffix(string(u.Keys), "}")) {
				w.Errorf("told of the keys %s, the list has %s", u.Keys, list.Devices[i].Keys)
			}
			if *u.Stream != int64(list.Stream) || !slices.Equal(u.Previous, []int64{int64(list.Stream)}) {
				w.Errorf("%s stands at %d after %d, the list at %d", u.Device, *u.Stream, u.Previous, list.Stream)
			}
		}
		w.tells("again")
		for _, user := range []matrix.UserID{alice, bob} {
			w.changed("an introduction", user, since)
		}
		if now := w.count(`SELECT MAX(pos) FROM e2ee_lists`); now != lists {
			w.Errorf("the list stands at %d, before at %d", now, lists)
		}
		if err := w.DeviceRenamed(w.Context(), device(p)); err != nil {
			w.Fatal(err)
		}
		if next := w.tells("a change", "elsewhere.test PHONE"); !slices.Equal(next[0].Previous, []int64{int64(list.Stream)}) {
			w.Errorf("the next update follows %d, want %d", next[0].Previous, list.Stream)
		}
	})
}

// The list of a user that has never changed stands at 0, as it does for a server that asks.
func TestADeviceThatNeverHadKeys(t *testing.T) {
	each(t, func(w *world) {
		w.phone(alice, "BARE")
		w.room("!tea", erin)
		w.come(alice, "!tea")
		u := w.tells("coming in", "far.test BARE")[0]
		list, err := w.DevicesOf(w.Context(), alice)
		if err != nil || list.Stream != 0 || *u.Stream != 0 || !slices.Equal(u.Previous, []int64{0}) || u.Keys != nil {
			w.Errorf("told of %+v, the list is %+v, %v", u, list, err)
		}
		w.come(stranger, "!tea") // who has no device
		w.tells("without a device")
	})
}

// Who follows the user already is told nothing, and who is met in several rooms at a time is
// told once.
func TestWhoIsToldOfANewcomer(t *testing.T) {
	each(t, func(w *world) {
		w.phone(alice, "BARE")
		w.room("!old", alice, dave)
		w.room("!tea", dave, erin, "@frank:third.test")
		w.room("!chess", erin, "@gale:far.test")
		w.come(alice, "!tea")
		w.come(alice, "!chess")
		w.come(bob, "!old")
		w.phone(bob, "B")
		lines, _ := w.told()
		if slices.Sort(lines); !slices.Equal(lines, []string{"elsewhere.test B", "far.test BARE", "third.test BARE"}) {
			w.Errorf("told %q", lines)
		}
		w.come(alice, "!old2")
		w.tells("a room of ours")
		w.come(alice, "!tea")
		w.room("!tea", dave, erin)
		w.tells("who has left again")
		if n := w.count(`SELECT COUNT(*) FROM e2ee_newcomers`); n != 0 {
			w.Errorf("%d newcomers are left", n)
		}
	})
}

// A newcomer is not forgotten before all is queued, whatever comes between, and also one who
// leaves and comes again while that is done.
func TestANewcomerIsNotForgotten(t *testing.T) {
	each(t, func(w *world) {
		w.phone(alice, "BARE")
		w.phone(bob, "B")
		w.room("!tea", erin)
		w.come(alice, "!tea")
		w.land.full = true
		for range 2 {
			if err := w.Introduce(w.Context()); !errors.Is(err, errFull) {
				w.Errorf("Introduce = %v, want %v", err, errFull)
			}
		}
		w.land.full = false
		w.run() // after a kill -9
		w.land.meeting = func() { w.come(alice, "!tea") }
		w.tells("after a restart", "far.test BARE")
		w.tells("who came again", "far.test BARE")
		w.tells("in the end")

		w.come(alice, "!tea")
		w.come(bob, "!tea")
		w.land.failures = 100
		err := w.Introduce(w.Context())
		if w.land.failures = 0; !errors.Is(err, errDirectory) || !strings.Contains(err.Error(), alice.String()) || !strings.Contains(err.Error(), bob.String()) {
			w.Errorf("Introduce = %v, want one error each", err)
		}
		lines, _ := w.told()
		if slices.Sort(lines); !slices.Equal(lines, []string{"far.test B", "far.test BARE"}) {
			w.Errorf("told %q", lines)
		}
	})
}

// Of hundreds of devices some are told of, those with keys first; of hundreds of servers all
// are told.
func TestACrowdIsIntroduced(t *testing.T) {
	each(t, func(w *world) {
		for i := range 300 {
			w.phone(alice, fmt.Sprintf("D%03d", i))
		}
		w.ready(alice, "PHONE", 0)
		w.forgets()
		w.room("!tea", erin)
		w.come(alice, "!tea")
		if lines, _ := w.told(); len(lines) != 20 || lines[0] != "far.test PHONE" || lines[19] != "far.test D018" {
			w.Errorf("told %q", lines)
		}
		members := make([]matrix.UserID, 1100)
		for i := range members {
			members[i] = matrix.UserID(fmt.Sprintf("@x:%04d.test", i))
		}
		w.room("!hall", members...)
		w.phone(bob, "B")
		w.come(bob, "!hall")
		lines, _ := w.told()
		n := len(lines)
		if slices.Sort(lines); n != 1100 || len(slices.Compact(lines)) != n {
			w.Errorf("%d servers are told, some twice or not at all", n)
		}
	})
}

// Who comes is introduced at once while the server runs.
func TestIntroducingRuns(t *testing.T) {
	each(t, func(w *world) {
		w.phone(alice, "BARE")
		w.room("!tea", erin)
		w.room("!chess", dave)
		w.come(alice, "!tea")
		w.land.queues = make(chan struct{}, 10)
		ctx, stop := context.WithCancel(w.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Encryption.Run(ctx, func(err error) { w.Error(err) }) }()
		<-w.land.queues // from before
		w.come(alice, "!chess")
		<-w.land.queues
		if _, err := w.stream.Commit(ctx, nil, func(*store.Tx, stream.Pos) error { return nil }); err != nil { // after it
			w.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			w.Error(err)
		}
		w.tells("in the end", "far.test BARE", "elsewhere.test BARE")
	})
}
