package blocklist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/blocklist"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// server is an identity server with a policy, or an error.
type server struct {
	policy idclient.Policy
	err    error
	asked  int
}

func (s *server) Policy(context.Context, idclient.Server) (idclient.Policy, error) {
	s.asked++
	return s.policy, s.err
}

// says gives the server a policy of a moment, with rules such as "evil.test 7 until".
func (s *server) says(t *testing.T, at time.Time, rules string) {
	t.Helper()
	p, err := idclient.ParsePolicy(fmt.Appendf(nil, `{"server_name":"id.test","origin_server_ts":%d,"rules":[%s]}`, at.UnixMilli(), rules))
	if err != nil {
		t.Fatal(err)
	}
	s.policy = p
}

func rule(entity string, position int, until time.Time) string {
	return fmt.Sprintf(`{"entity":%q,"recommendation":"m.ban","reason":"spam","position":%d,"expires_ts":%d}`, entity, position, max(until.UnixMilli(), 0))
}

type world struct {
	*testing.T
	db     *store.DB
	server *server
	clock  *clocktest.Clock
	list   *blocklist.List
	log    bytes.Buffer
	open   func()
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"blocklist"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, server: &server{}, clock: clocktest.New()}
		at, err := idclient.ParseServer("id.test")
		if err != nil {
			t.Fatal(err)
		}
		w.open = func() {
			w.list, err = blocklist.Open(t.Context(), blocklist.Options{DB: db, Asker: w.server, At: at, Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
			if err != nil {
				t.Fatal(err)
			}
		}
		w.open()
		story(w)
	})
}

func (w *world) refresh() {
	w.Helper()
	if err := w.list.Refresh(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// refuses checks who is refused, by the entry of the log.
func (w *world) refuses(server matrix.ServerName, position int64) {
	w.Helper()
	err := w.list.Refuse(server)
	var refusal blocklist.Refusal
	if !errors.As(err, &refusal) || refusal.Position != position || refusal.By != "id.test" {
		w.Errorf("%s: %v, want entry %d", server, err, position)
	}
	if position > 0 && !strings.Contains(err.Error(), fmt.Sprintf("entry %d ", position)) {
		w.Errorf("it does not name the entry: %v", err)
	}
}

func (w *world) lets(servers ...matrix.ServerName) {
	w.Helper()
	for _, s := range servers {
		if err := w.list.Refuse(s); err != nil {
			w.Errorf("%s: %v", s, err)
		}
	}
}

// Who stands on the list is refused with every port and every name below, and nobody else.
func TestWhoIsRefused(t *testing.T) {
	each(t, func(w *world) {
		w.lets("evil.test", "good.test")
		w.server.says(w.T, w.clock.Now(), strings.Join([]string{
			rule("Evil.test", 7, time.Time{}), rule("*.evil.test", 7, time.Time{}), rule("sp?m*.test", 8, time.Time{}), rule("[2001:db8::1]", 9, time.Time{}),
			rule("soon.test", 0, time.Time{}), rule("once.test", 3, w.clock.Now().Add(time.Hour)), rule("once.test", 4, w.clock.Now().Add(2*time.Hour)),
			rule("*", 5, w.clock.Now().Add(-time.Hour)),
		}, ","))
		w.refresh()
		for _, s := range []matrix.ServerName{"evil.test", "evil.test:8448", "EVIL.test", "a.b.evil.test:1"} {
			w.refuses(s, 7)
		}
		w.refuses("spam4all.test", 8)
		w.refuses("[2001:db8::1]:8448", 9)
		w.refuses("soon.test", 0)
		w.refuses("once.test", 4)
		w.lets("good.test", "notevil.test", "evil.test.good.test", "test", "[2001:db8::2]", "1.2.3.4")
		w.clock.Advance(2 * time.Hour)
		w.lets("once.test")
		w.server.says(w.T, w.clock.Now(), "")
		w.refresh()
		w.lets("evil.test", "soon.test")
	})
	if err := (*blocklist.List)(nil).Refuse("evil.test"); err != nil {
		t.Errorf("no list refuses: %v", err)
	}
}

// Nobody gets in by keeping the identity server away, or by an old copy of its policy.
func TestTheListHolds(t *testing.T) {
	each(t, func(w *world) {
		w.server.says(w.T, w.clock.Now(), rule("evil.test", 7, time.Time{}))
		w.refresh()
		w.server.err = errors.New("nobody there")
		if err := w.list.Refresh(w.Context()); err == nil {
			w.Error("an identity server that does not answer is no error")
		}
		w.refuses("evil.test", 7)
		w.open() // after kill -9
		w.refuses("evil.test", 7)
		w.server.err = nil
		w.server.says(w.T, w.clock.Now().Add(-time.Minute), "")
		if err := w.list.Refresh(w.Context()); err == nil {
			w.Error("an old policy is no error")
		}
		w.refuses("evil.test", 7)
		w.open()
		w.refuses("evil.test", 7)
	})
}

// A list that was kept and cannot be read does not keep the server from starting: the log says
// so, nobody is turned away, and the next policy counts, unless it is an older one.
func TestAListThatCannotBeRead(t *testing.T) {
	each(t, func(w *world) {
		w.server.says(w.T, w.clock.Now(), rule("evil.test", 7, time.Time{}))
		w.refresh()
		for _, lost := range []string{"", "{", `{"server_name":"id.test"}`, "\x00\xff"} {
			if _, err := w.db.Exec(w.Context(), `UPDATE blocklist_policies SET policy = $1`, []byte(lost)); err != nil {
				w.Fatal(err)
			}
			w.log.Reset()
			w.open()
			if log := w.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "id.test") {
				w.Errorf("of %q the log says %q", lost, log)
			}
			w.lets("evil.test", "good.test")
			w.server.says(w.T, w.clock.Now().Add(-time.Minute), rule("good.test", 6, time.Time{}))
			if err := w.list.Refresh(w.Context()); err == nil {
				w.Error("an old policy is no error")
			}
			w.lets("evil.test", "good.test")
			w.server.says(w.T, w.clock.Now(), rule("evil.test", 7, time.Time{}))
			w.refresh()
			w.refuses("evil.test", 7)
		}
		w.log.Reset()
		if w.open(); w.log.Len() > 0 {
			w.Errorf("once it is well the log says %s", &w.log)
		}
		w.refuses("evil.test", 7)
	})
}

// The list is read again every minute, and it is said once that this does not work.
func TestItIsReadAgain(t *testing.T) {
	storetest.Each(t, []string{"blocklist"}, func(t *testing.T, db *store.DB) {
		s, log := &server{err: errors.New("nobody there")}, new(bytes.Buffer)
		at, err := idclient.ParseServer("id.test")
		if err != nil {
			t.Fatal(err)
		}
		l, err := blocklist.Open(t.Context(), blocklist.Options{DB: db, Asker: s, At: at, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- l.Run(ctx) }()
			time.Sleep(150 * time.Second)
			stop()
			if err := <-ended; err != nil || s.asked != 3 {
				t.Errorf("asked %d times, %v", s.asked, err)
			}
		})
		if n := strings.Count(log.String(), "stays as it is"); n != 1 {
			t.Errorf("said %d times: %s", n, log)
		}
	})
}
