//go:build unix

package endtoend

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"signet/keys/proof"
	"signet/keys/value"
)

// stage is a server with a database at which a log can be made to stand still.
type stage struct {
	*pair
	guard string // the file that remembers how far the users' log was signed
}

func onEachStage(t *testing.T, tell func(s *stage)) {
	onEach(t, func(t *testing.T, e engine) {
		s := &stage{pair: newPair(t, e)}
		s.guard = filepath.Join(s.id.dir, "signet-data", "signed.users")
		if file, is := strings.CutPrefix(s.id.database, "sqlite:"); is {
			s.guard = file + ".users"
		}
		tell(s)
	})
}

func (s *stage) open() *sql.DB {
	s.Helper()
	db, err := openDatabase(s.id.database)
	if err != nil {
		s.Fatal(err)
	}
	return db
}

func (s *stage) exec(db *sql.DB, statement string) {
	s.Helper()
	if _, err := db.ExecContext(s.Context(), statement); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
}

// stall makes whoever writes to a table wait until go on is called.
func (s *stage) stall(event, table string) (goOn func()) {
	s.Helper()
	db := s.open()
	if strings.HasPrefix(s.id.database, "sqlite:") {
		s.exec(db, `CREATE TRIGGER stall BEFORE `+event+` ON `+table+` BEGIN
			SELECT COUNT(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000000000) SELECT n FROM c); END`)
		return func() {
			s.exec(db, `DROP TRIGGER stall`)
			db.Close()
		}
	}
	tx, err := db.BeginTx(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := tx.ExecContext(s.Context(), `LOCK TABLE `+table+` IN EXCLUSIVE MODE`); err != nil {
		s.Fatal(err)
	}
	return func() {
		_ = tx.Rollback()
		db.Close()
	}
}

// until waits for what another process does, which has no signal to give.
func (s *stage) until(what string, is func() bool) {
	s.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited for ever until %s\n%s", what, s.id.output.String())
		}
	}
}

// moments are those at which the server is killed while people publish. Each returns what is
// to be done once it is dead.
var moments = []struct {
	name  string
	reach func(s *stage) (after func())
}{
	{"any moment", func(*stage) func() {
		time.Sleep(rand.N(300 * time.Millisecond)) // the test's random input
		return func() {}
	}},
	{"versions are pending, and the append is not committed", func(s *stage) func() {
		goOn := s.stall("UPDATE", "log_heads")
		db := s.open()
		defer db.Close()
		s.until("somebody has published", func() bool { return s.count(db, `SELECT COUNT(*) FROM people_versions WHERE position = 0`) > 0 })
		time.Sleep(rand.N(50 * time.Millisecond)) // and the append has begun, or not
		return goOn
	}},
	{"the append is committed, and nothing signed", func(s *stage) func() {
		fifo := s.guard + ".new"
		s.until("the guard is not being written", func() bool { return syscall.Mkfifo(fifo, 0o600) == nil })
		reader, err := os.Open(fifo) // waits until the guard is about to be told
		if err != nil {
			s.Fatal(err)
		}
		return func() {
			reader.Close()
			if err := os.Remove(fifo); err != nil {
				s.Fatal(err)
			}
		}
	}},
	{"the guard knows, and the note is not stored", func(s *stage) func() {
		goOn := s.stall("INSERT", "log_checkpoints")
		db := s.open()
		defer db.Close()
		s.until("the guard is further than the notes", func() bool {
			return s.guarded() > s.count(db, `SELECT MAX(size) FROM log_checkpoints WHERE log = 'users'`)
		})
		return goOn
	}},
}

func (s *stage) count(db *sql.DB, query string) (n int64) {
	s.Helper()
	if err := db.QueryRowContext(s.Context(), query).Scan(&n); err != nil {
		s.Fatalf("%s: %v", query, err)
	}
	return n
}

// guarded is the size that the guard remembers.
func (s *stage) guarded() (size int64) {
	s.Helper()
	text, err := os.ReadFile(s.guard)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "%s\n%d\n", new(string), &size); err != nil {
		s.Fatal(err)
	}
	return size
}

// checkLog holds what the log says of who is behind an address to what the server has said.
func (a *person) checkLog(v *verifier) {
	a.Helper()
	if a.bound == "unknown" {
		return
	}
	want := map[string]string{"yes": a.user, "no": ""}[a.bound]
	behind := func(r proof.Result) string {
		if b, is := r.Value.(*value.Association); is {
			return b.MXID.String()
		}
		return ""
	}
	found := v.await("binding:email:"+a.address, func(r proof.Result) bool { return behind(r) == want })
	if behind(found) != want {
		a.Errorf("%s is bound: %s; the log says %q in version %d", a.user, a.bound, behind(found), found.Version)
	}
}

// keyKills is how often the server is killed on each engine: 25 times in the suite on both
// together, a thousand in script/soak.
func keyKills(t *testing.T) int {
	if os.Getenv("SIGNET_KILLS") == "" {
		return 13
	}
	return kills(t)
}

// generation is for how many rounds the same people publish: an owner's history that can be
// verified has an end.
const generation = 8

// The server is killed at each step between the commit of a publication and that of its
// checkpoint, and anywhere else, while people publish keys and bind addresses and others watch
// the logs. No two notes of one size differ, each goes on from all before, and whatever was
// answered is found with proof.
func TestKillWhileKeysArePublished(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		c := s.trust()
		watchers := []*watcher{s.watcher("users", c.Users), s.watcher("servers", c.Servers)}
		binder := s.join("binder")
		reader := s.verifier(c, binder.token)
		var publishers []*publisher
		rounds := keyKills(s.T)
		for round := range rounds {
			if round%generation == 0 {
				publishers = []*publisher{s.publisher(fmt.Sprintf("anna%d", round), c), s.publisher(fmt.Sprintf("otto%d", round), c)}
			}
			s.killOnce(round, publishers, binder, watchers)
			binder.check()
			binder.checkLog(reader)
			for _, a := range publishers {
				a.check()
				if round%generation == generation-1 || round == rounds-1 {
					a.checkAll()
				}
			}
			for _, w := range watchers {
				w.check()
			}
		}
		binder.mustWalk()
		binder.checkLog(reader)
		if logged := watchers[0].auditor.Seen().N; logged < int64(rounds) {
			s.Errorf("nobody came to do much: the log has %d entries", logged)
		}
	})
}

// killOnce has everybody do their work until the server is killed.
func (s *stage) killOnce(round int, publishers []*publisher, binder *person, watchers []*watcher) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	var all sync.WaitGroup
	for _, w := range watchers {
		all.Go(func() { w.watch(ctx) })
	}
	all.Go(func() { binder.live(round) })
	for _, a := range publishers {
		all.Go(a.live)
	}
	moment := moments[round%len(moments)]
	after := moment.reach(s)
	s.Logf("kill %d: %s", round, moment.name)
	if err := s.id.end(syscall.SIGKILL); err == nil {
		s.Error("killed, and ended well")
	}
	after()
	if err := endLeases(s.id.database); err != nil {
		s.Fatal(err)
	}
	s.id.start()
	cancel()
	all.Wait()
}
