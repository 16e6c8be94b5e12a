package room_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// onABadDisk has events stored on a disk that fails while failing is on. The schema stays
// as it is meanwhile.
func (w *world) onABadDisk() {
	w.Helper()
	statements := []string{`CREATE TABLE bad_disk (n BIGINT NOT NULL PRIMARY KEY)`,
		`CREATE TRIGGER bad_disk_trigger BEFORE INSERT ON room_events WHEN EXISTS (SELECT 1 FROM bad_disk) BEGIN SELECT RAISE(ABORT, 'bad disk'); END`}
	if w.db.Engine() == store.PostgreSQL {
		statements = append(statements[:1], `CREATE FUNCTION bad_disk_function() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN IF EXISTS (SELECT 1 FROM bad_disk) THEN RAISE EXCEPTION ''bad disk''; END IF; RETURN NEW; END'`,
			`CREATE TRIGGER bad_disk_trigger BEFORE INSERT ON room_events FOR EACH ROW EXECUTE FUNCTION bad_disk_function()`)
	}
	for _, statement := range statements {
		_, err := w.db.Exec(w.Context(), statement)
		w.ok(err)
	}
}

func (w *world) failing(on bool) {
	w.Helper()
	statement := `DELETE FROM bad_disk`
	if on {
		statement = `INSERT INTO bad_disk (n) VALUES (1)`
	}
	_, err := w.db.Exec(w.Context(), statement)
	w.ok(err)
}

// What was built on events that were not stored is not there either: the room goes on
// from what is stored.
func TestABatchThatFails(t *testing.T) {
	each(t, func(w *world) {
		w.onABadDisk()
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		w.say(id, bob, "before")
		w.failing(true)
		s := message(id, bob, "lost")
		s.Transaction = room.Transaction{Device: "PHONE", ID: "1"}
		w.unchanged("a message", func() error { _, err := w.rooms.Send(w.Context(), s); return err }, stream.ErrNotStored)
		w.unchanged("a name", func() error { return w.set(id, alice, "m.room.name", `{"name":"lost"}`) }, stream.ErrNotStored)
		w.unchanged("a member", func() error { return w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: carol}) }, stream.ErrNotStored)
		w.unchanged("a room", func() error {
			_, err := w.rooms.Create(w.Context(), room.Creation{Creator: alice, AliasName: "lost"})
			return err
		}, stream.ErrNotStored)
		w.failing(false)
		if _, err := w.rooms.StateEvent(w.Context(), bob, id, "m.room.name", ""); !errors.Is(err, room.ErrUnknownEvent) {
			t.Errorf("the lost name is there: %v", err)
		}
		if rooms := w.rooms.JoinedRooms(carol); len(rooms) != 0 {
			t.Errorf("carol is in %q", rooms)
		}
		again, err := w.rooms.Send(w.Context(), s) // what the client does
		w.ok(err)
		if same, err := w.rooms.Send(w.Context(), s); err != nil || same != again {
			t.Errorf("the message is %s, sent again %s, %v", again, same, err)
		}
		w.create(room.Creation{AliasName: "lost"})
		if got := strings.Join(w.read(id, bob, 10), " "); got != "before lost" {
			t.Errorf("one reads %q", got)
		}
	})
}

// Many write at the same time while storing fails now and then: what was acknowledged is
// there once, and what is there was acknowledged.
func TestManyWritersAndABadDisk(t *testing.T) {
	each(t, func(w *world) {
		w.onABadDisk()
		id := w.create(room.Creation{Preset: room.PublicChat})
		var users []matrix.UserID
		for i := range 6 {
			users = append(users, matrix.UserID(fmt.Sprintf("@user%d:hs.test", i)))
		}
		w.join(id, users...)
		acknowledged := make([][]string, len(users))
		stop := make(chan struct{})
		var writers, disk sync.WaitGroup
		disk.Go(func() {
			for {
				w.failing(true)
				w.failing(false)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		for i, user := range users {
			writers.Go(func() {
				for n := range 20 {
					text := fmt.Sprintf("%d/%d", i, n)
					_, err := w.rooms.Send(w.Context(), message(id, user, text))
					if err == nil {
						acknowledged[i] = append(acknowledged[i], text)
					} else if !errors.Is(err, stream.ErrNotStored) {
						w.Error(err)
					}
				}
			})
		}
		writers.Wait()
		close(stop)
		disk.Wait()
		read := map[string]int{}
		for _, text := range w.read(id, alice, 50) {
			read[text]++
		}
		for _, texts := range acknowledged {
			for _, text := range texts {
				if read[text] != 1 {
					w.Errorf("%s was acknowledged, and is there %d times", text, read[text])
				}
				delete(read, text)
			}
		}
		if len(read) > 0 {
			w.Errorf("there is what was refused: %v", read)
		}
	})
}

// The same, whoever holds the room in memory.
func TestASmallCache(t *testing.T) {
	storetest.Each(t, []string{"stream", "room"}, func(t *testing.T, db *store.DB) {
		w := open(t, db, 1)
		var ids []string
		for range 4 {
			ids = append(ids, w.create(room.Creation{Preset: room.PublicChat}))
		}
		var all sync.WaitGroup
		for _, user := range []matrix.UserID{bob, carol} {
			all.Go(func() {
				for n := range 10 {
					for _, id := range ids {
						if err := w.rooms.Join(t.Context(), room.Membership{Room: id, Sender: user}); err != nil {
							t.Error(err)
						}
						if _, err := w.rooms.Send(t.Context(), message(id, user, fmt.Sprint(user, n))); err != nil {
							t.Error(err)
						}
						if _, err := w.rooms.State(t.Context(), user, id); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if read := w.read(id, alice, 50); len(read) != 20 {
				t.Errorf("of 20 messages one reads %d", len(read))
			}
		}
		w.check()
	})
}

// killed is the environment variable that makes the test binary a server which writes
// until it is killed.
const killed = "SIGNET_ROOM_TEST_KILLED"

// TestServerThatIsKilled is the other process of TestKill, and nothing otherwise.
func TestServerThatIsKilled(t *testing.T) {
	url := os.Getenv(killed)
	if url == "" {
		return
	}
	w := open(t, storetest.Open(t, url, []string{"stream", "room"}), 0)
	id := w.create(room.Creation{Preset: room.PublicChat})
	fmt.Println("room", id)
	users := []matrix.UserID{"@a:hs.test", "@b:hs.test", "@c:hs.test"}
	w.join(id, users...)
	var all sync.WaitGroup
	for _, user := range users {
		all.Go(func() {
			for n := 0; ; n++ {
				s := message(id, user, fmt.Sprint(user, n))
				s.Transaction = room.Transaction{Device: "PHONE", ID: fmt.Sprint(n)}
				if _, err := w.rooms.Send(t.Context(), s); err != nil {
					return
				}
				fmt.Printf("said %s%d\n", user, n)
			}
		})
	}
	all.Wait()
}

// kill -9 loses nothing that was acknowledged, and leaves nothing half.
func TestKill(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerThatIsKilled$")
		server.Env = append(os.Environ(), killed+"="+url)
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		var id string
		var said []string
		for {
			var word, what string
			if _, err := fmt.Fscan(out, &word, &what); err != nil {
				break
			}
			if word == "room" {
				id = what
			} else if said = append(said, what); len(said) == 60 {
				_ = server.Process.Kill() // SIGKILL; what it has said by then is read to the end
			}
		}
		_ = server.Wait()
		w := open(t, storetest.Open(t, url, []string{"stream", "room"}), 0)
		read := map[string]bool{}
		for _, text := range w.read(id, alice, 100) {
			read[text] = true
		}
		for _, text := range said {
			if !read[text] {
				t.Errorf("%s was acknowledged, and is gone", text)
			}
		}
		if len(said) < 60 {
			t.Errorf("only %d were said", len(said))
		}
		w.say(id, alice, "after")
		w.check()
	})
}
