package devicelists_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/devicelists"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	them     matrix.ServerName = "them.test"
	ann      matrix.UserID     = "@ann:them.test"
	bea      matrix.UserID     = "@bea:them.test"
	stranger matrix.UserID     = "@stranger:them.test"
)

// world is us, with a server whose ann and bea share rooms with us.
type world struct {
	testing.TB
	*devicelists.Lists
	clock    *clocktest.Clock
	pos      stream.Pos
	together stream.Pos // since then
	asked    []string
	devices  map[matrix.UserID]string
	keys     string // of each device
	dead     bool
	before   func() // an answer
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"devicelists"}, func(t *testing.T, db *store.DB) { story(open(t, db)) })
}

func open(t testing.TB, db *store.DB) *world {
	w := &world{TB: t, clock: clocktest.New(), pos: 10, together: 5, keys: `{}`,
		devices: map[matrix.UserID]string{ann: "A1 A2", bea: "B1", stranger: "S1"}}
	w.Lists = devicelists.New(devicelists.Options{DB: db, Remote: server{w}, Rooms: w, Stream: w, Now: w.clock.Now})
	return w
}

func (w *world) Visible() stream.Pos { return w.pos }

func (w *world) SharedSince(_ context.Context, user matrix.UserID, since stream.Pos) (bool, error) {
	return user != stranger && since >= w.together, nil
}

// server is the other server.
type server struct{ *world }

func (w server) QueryKeys(_ context.Context, _ matrix.ServerName, query e2ee.Query) (e2ee.Keys, error) {
	users := slices.Sorted(maps.Keys(query))
	w.asked = append(w.asked, fmt.Sprint(users))
	if w.dead {
		return e2ee.Keys{}, fedclient.ErrUnreachable
	}
	keys := e2ee.Keys{Devices: map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value{}, Master: map[matrix.UserID]jsontext.Value{}, SelfSigning: map[matrix.UserID]jsontext.Value{}}
	for _, user := range users {
		keys.Devices[user] = map[e2ee.DeviceID]jsontext.Value{}
		for id := range strings.FieldsSeq(w.devices[user]) {
			keys.Devices[user][e2ee.DeviceID(id)] = jsontext.Value(w.keys)
		}
		keys.Master[user] = jsontext.Value(`{"master":1}`)
	}
	if w.before != nil {
		w.before()
	}
	return keys, nil
}

func (w server) ClaimKeys(context.Context, matrix.ServerName, e2ee.Claims) (e2ee.Claimed, error) {
	w.asked = append(w.asked, "one-time keys")
	return nil, nil
}

// want checks whose devices are told, and whom the other server was asked for.
func (w *world) want(when string, query e2ee.Query, want, asked string) {
	w.Helper()
	w.asked = nil
	keys, err := w.QueryKeys(w.Context(), them, query)
	if err != nil {
		w.Errorf("%s: %v", when, err)
	}
	var lines []string
	for _, user := range slices.Sorted(maps.Keys(keys.Devices)) {
		lines = append(lines, fmt.Sprint(user.Localpart(), slices.Sorted(maps.Keys(keys.Devices[user]))))
		if string(keys.Master[user]) != `{"master":1}` {
			w.Errorf("%s: the master key of %s is %s", when, user, keys.Master[user])
		}
	}
	if got := strings.Join(lines, " "); got != want || strings.Join(w.asked, " ") != asked {
		w.Errorf("%s: got %q, having asked %q, want %q, %q", when, got, w.asked, want, asked)
	}
}

func (w *world) update(user matrix.UserID) {
	w.Helper()
	w.hears("a change", user, ``, true)
}

// A list is asked for once, until it changes; then it is asked for again, and if nobody
// answers the old one is better than nothing.
func TestListsAreKept(t *testing.T) {
	each(t, func(w *world) {
		both := e2ee.Query{ann: {"A2"}, bea: nil}
		w.want("at first", both, "ann[A2] bea[B1]", "[@ann:them.test @bea:them.test]")
		w.want("again", both, "ann[A2] bea[B1]", "")
		w.want("all of them", e2ee.Query{ann: nil}, "ann[A1 A2]", "")
		w.devices[ann] = "A1 A3"
		w.want("before we are told", e2ee.Query{ann: nil}, "ann[A1 A2]", "")
		w.update(ann)
		w.dead = true
		w.want("while the server is away", e2ee.Query{ann: nil}, "ann[A1 A2]", "[@ann:them.test]")
		w.dead = false
		w.want("when it is back", both, "ann[] bea[B1]", "[@ann:them.test]")
		w.want("afterwards", e2ee.Query{ann: nil}, "ann[A1 A3]", "")
		w.clock.Advance(7*24*time.Hour + time.Millisecond)
		w.want("after a week", e2ee.Query{ann: nil}, "ann[A1 A3]", "[@ann:them.test]")
		if _, err := w.ClaimKeys(t.Context(), them, nil); err != nil || w.asked[len(w.asked)-1] != "one-time keys" {
			t.Errorf("ClaimKeys = %v, asked %q", err, w.asked)
		}
	})
}

// Of whom nothing would be heard nothing is kept, and what was kept before a break counts no
// more.
func TestOfStrangersNothingIsKept(t *testing.T) {
	each(t, func(w *world) {
		for range 2 {
			w.want("a stranger", e2ee.Query{stranger: nil}, "stranger[S1]", "[@stranger:them.test]")
		}
		w.want("a friend", e2ee.Query{bea: nil}, "bea[B1]", "[@bea:them.test]")
		w.together, w.pos = 11, 12
		w.want("a friend after a break", e2ee.Query{bea: nil}, "bea[B1]", "[@bea:them.test]")
		w.want("a friend since", e2ee.Query{bea: nil}, "bea[B1]", "")
		w.dead = true
		w.asked = nil
		if _, err := w.QueryKeys(t.Context(), them, e2ee.Query{bea: nil, stranger: nil}); !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("of a stranger whose server is away: %v", err)
		}
	})
}

// What changes while it is asked for is asked for again.
func TestAChangeOvertakesTheAnswer(t *testing.T) {
	each(t, func(w *world) {
		w.before = func() {
			w.devices[ann] = "A9"
			w.update(ann)
			w.before = nil
		}
		w.want("overtaken", e2ee.Query{ann: nil, bea: nil}, "ann[A1 A2] bea[B1]", "[@ann:them.test @bea:them.test]")
		w.want("next", e2ee.Query{ann: nil, bea: nil}, "ann[A9] bea[B1]", "[@ann:them.test]")
		w.want("after that", e2ee.Query{ann: nil}, "ann[A9]", "")
	})
}

// A server speaks for its own users alone; what nobody asks for is forgotten in time.
func TestUpdatesOfOthers(t *testing.T) {
	each(t, func(w *world) {
		w.want("at first", e2ee.Query{ann: nil}, "ann[A1 A2]", "[@ann:them.test]")
		for content, want := range map[string]error{
			`{"user_id":"@ann:them.test"}`: devicelists.ErrOrigin, `{"user_id":"ann"}`: devicelists.ErrContent, `{}`: devicelists.ErrContent, `[`: devicelists.ErrContent,
		} {
			if news, err := w.Update(t.Context(), "evil.test", []byte(content)); news || !errors.Is(err, want) {
				t.Errorf("Update(%s) = %v, %v, want %v", content, news, err, want)
			}
		}
		w.want("afterwards", e2ee.Query{ann: nil}, "ann[A1 A2]", "")
		w.clock.Advance(30*24*time.Hour + time.Millisecond)
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.dead = true
		if _, err := w.QueryKeys(t.Context(), them, e2ee.Query{ann: nil}); !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("after it was forgotten: %v", err)
		}
	})
}
