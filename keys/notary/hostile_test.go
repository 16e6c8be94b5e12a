package notary_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
	"signet/keys/notary"
)

// What is no document of the server is as good as no answer: nothing is stored, and the
// server is left alone for longer and longer.
func TestHostileServers(t *testing.T) {
	each(t, func(w *world) {
		good := w.doc(them, day, k1)
		other := good
		other.Server = "other.example"
		unsigned := good
		unsigned.By = []matrix.SigningKey{k2}
		float := good
		float.More = map[string]any{"x": 1.5}
		deep := good
		deep.More = map[string]any{"x": nested(40)}
		huge := good
		huge.More = map[string]any{"x": strings.Repeat("x", serverkeys.MaxSize)}
		for name, answer := range map[string][]byte{
			"another server's": other.JSON(w), "not signed": unsigned.JSON(w), "no canonical form": float.JSON(w), "too deep": deep.JSON(w),
			"too large": huge.JSON(w), "no JSON": []byte("<html>"), "nothing": nil,
		} {
			w.restart()
			w.says(them, 200, answer)
			w.want(name, them, all, "")
			if w.fetches(them) != 1 {
				w.Errorf("%s: not asked once", name)
			}
		}
		w.says(them, 302, good.JSON(w))
		w.restart()
		w.want("a redirect", them, all, "")
		for _, table := range []string{"records", "servers", "objects", "keys", "conflicts"} {
			if n := w.count(`SELECT COUNT(*) FROM notary_` + table); n != 0 {
				w.Errorf("%d rows in notary_%s", n, table)
			}
		}
	})
}

func nested(depth int) any {
	if depth == 0 {
		return 1
	}
	return []any{nested(depth - 1)}
}

func TestADeadServerIsLeftAlone(t *testing.T) {
	each(t, func(w *world) {
		for _, wait := range []time.Duration{10, 20, 40, 80} {
			w.want("asked", "dead.example", all, "")
			w.clock.Advance(wait*time.Second - time.Millisecond)
			w.want("not asked", "dead.example", all, "")
			if n := w.fetches("dead.example"); n != 1 {
				w.Errorf("asked %d times in %d s, want once", n, wait)
			}
			w.clock.Advance(time.Millisecond)
		}
		w.publishes("dead.example", day, k1)
		w.want("alive again", "dead.example", all, "k1")
	})
}

// Many who want the same server share one fetch, and servers are asked side by side.
func TestOneFetchForMany(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		let, answer := make(chan struct{}), w.servers[them]
		w.servers[them] = func() (int, []byte) { <-let; return answer() }
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { w.want("together", them, all, "k1") })
		}
		close(let)
		group.Wait()
		if n := w.fetches(them); n != 1 {
			w.Errorf("asked %d times, want once", n)
		}
	})
}

func TestManyServers(t *testing.T) {
	each(t, func(w *world) {
		wanted := map[matrix.ServerName]notary.Wanted{us: {}, "dead.example": {}}
		for i := range 30 {
			name := matrix.ServerName(fmt.Sprintf("hs%02d.example", i))
			w.publishes(name, day, k1)
			wanted[name] = notary.Wanted{}
		}
		got := w.query(wanted)
		if len(got) != 31 || got[0].Server != "hs00.example" || got[29].Server != "hs29.example" || got[30].Server != us {
			w.Errorf("%d documents", len(got))
		}
		if own, err := w.notary.Own(w.Context()); err != nil || w.fetches(us) != 0 || !bytes.Contains(own, []byte(`"old_verify_keys":{}`)) {
			w.Errorf("our own: %s, %v", own, err)
		}
	})
}

func TestAQueryIsBounded(t *testing.T) {
	each(t, func(w *world) {
		many := map[matrix.ServerName]notary.Wanted{}
		for i := range notary.MaxServers + 1 {
			many[matrix.ServerName(fmt.Sprintf("hs%d.example", i))] = notary.Wanted{}
		}
		ids := map[matrix.KeyID]time.Time{}
		for i := range notary.MaxKeys + 1 {
			ids[matrix.KeyID(fmt.Sprintf("ed25519:%d", i))] = time.Time{}
		}
		for _, servers := range []map[matrix.ServerName]notary.Wanted{many, {them: {Keys: ids}}} {
			if _, err := w.notary.Query(w.Context(), notary.Query{Servers: servers}); !errors.Is(err, notary.ErrTooMany) {
				w.Errorf("Query = %v, want ErrTooMany", err)
			}
		}
		if len(w.asked) != 0 {
			w.Errorf("servers were asked: %v", w.asked)
		}
	})
}

// A network has a budget; a server is asked only so often, whoever wants it, and then what is
// known is the answer.
func TestBudgets(t *testing.T) {
	each(t, func(w *world) {
		q := notary.Query{Servers: map[matrix.ServerName]notary.Wanted{}, Network: netip.MustParsePrefix("2001:db8::/64")}
		for i := range notary.MaxServers {
			q.Servers[matrix.ServerName(fmt.Sprintf("hs%d.example", i))] = notary.Wanted{}
		}
		var err error
		for range 5 {
			_, err = w.notary.Query(w.Context(), q)
			w.clock.Advance(30 * time.Minute >> 5)
			w.restart()
		}
		if _, limited := errors.AsType[matrix.LimitExceeded](err); !limited {
			w.Errorf("Query = %v, want a limit", err)
		}
		q.Network = netip.MustParsePrefix("2001:db8:1::/64")
		if _, err := w.notary.Query(w.Context(), q); err != nil {
			w.Errorf("another network: %v", err)
		}

		w.publishes(them, -day, k1) // has to be asked each time
		for range 120 {
			w.want("known", them, all, "k1")
		}
		if n := w.fetches(them); n != 100 {
			w.Errorf("asked %d times, want 100", n)
		}
	})
}

// Names that strangers think of below a domain cost their budget, not that of the servers
// there.
func TestStrangersNamesSilenceNoServer(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		names := map[matrix.ServerName]notary.Wanted{}
		for i := range 2500 {
			names[matrix.ServerName(fmt.Sprintf("n%d.%s", i, them))] = notary.Wanted{}
			if len(names) == notary.MaxServers {
				w.query(names)
				clear(names)
			}
		}
		asked := 0
		for range w.asked {
			asked++
		}
		if asked > 2001 {
			w.Errorf("%d servers of one owner were asked", asked)
		}
		w.clock.Advance(day / 2)
		w.publishes(them, day, k1, k2)
		w.want("after", them, all, "k1+k2")
	})
}

// However many documents hold keys of a server, an answer is short: it has the newest.
func TestAnAnswerIsBounded(t *testing.T) {
	each(t, func(w *world) {
		var before matrix.SigningKey
		for i := range 20 {
			key := serverkeystest.Key(matrix.KeyID(fmt.Sprintf("ed25519:n%02d", i)), fmt.Sprint(i))
			d := w.doc(them, time.Hour, key)
			d.More = map[string]any{"x": strings.Repeat("x", 9<<10)}
			if d.By = []matrix.SigningKey{key}; i > 0 {
				d.Old, d.By = []matrix.SigningKey{before}, []matrix.SigningKey{key, before}
			}
			w.says(them, 200, d.JSON(w))
			w.ask(them, of("ed25519:none", time.Time{}))
			before = key
			w.clock.Advance(time.Hour / 2)
		}
		got := w.ask(them, all)
		if len(got) != 5 || got[4].ids() != "n19" || got[3].ids() != "n18" || got[0].ids() != "n15" {
			w.Errorf("%d documents, the last of %s", len(got), got[len(got)-1].ids())
		}
	})
}

// A server that thinks of ever more keys is not believed for ever: each query about it reads
// them all. What it had before stays, and is answered.
func TestTheKeysOfAServerAreBounded(t *testing.T) {
	each(t, func(w *world) {
		inventive := func(from int) {
			d := w.doc(them, day, k1)
			for i := range 150 {
				d.Old = append(d.Old, serverkeystest.Key(matrix.KeyID(fmt.Sprintf("ed25519:o%d", from+i)), fmt.Sprint(from+i)))
			}
			w.says(them, 200, d.JSON(w))
		}
		for round := range 4 {
			inventive(150 * round)
			w.want("however many", them, of("ed25519:k1", time.Time{}), "k1")
			w.clock.Advance(day / 2)
		}
		if n := w.count(`SELECT COUNT(*) FROM notary_keys`); n != 301 {
			w.Errorf("%d keys are known, want those of two documents", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM notary_records`); n != 2 {
			w.Errorf("%d records, want two", n)
		}
		w.publishes(them, day, k1)
		w.want("no new ones", them, of("ed25519:k1", w.clock.Now().Add(day/2)), "k1")
		if n := w.count(`SELECT COUNT(*) FROM notary_records`); n != 3 {
			w.Errorf("%d records, want that of the document without new keys, too", n)
		}
	})
}

func TestSweep(t *testing.T) {
	each(t, func(w *world) {
		l := &testLog{}
		for range 6 {
			w.publishes(them, day, k1)
			w.want("", them, all, "k1")
			w.clock.Advance(day / 2)
		}
		w.clock.Advance(8 * day)
		w.must(w.notary.Sweep(w.Context()))
		if n := w.count(`SELECT COUNT(*) FROM notary_objects`); n != 6 {
			w.Errorf("%d objects: what is not logged must stay", n)
		}
		w.sequence(l)
		w.must(w.notary.Sweep(w.Context()))
		if n := w.count(`SELECT COUNT(*) FROM notary_objects`) + w.count(`SELECT COUNT(*) FROM notary_records`); n != 2 {
			w.Errorf("%d rows, want an object and its record", n)
		}
		w.falls(them)
		w.want("what is left", them, all, "k1")
		w.publishes(them, day, k1)
		w.clock.Advance(time.Hour)
		w.want("and goes on", them, all, "k1")
		if got := w.pending(); len(got) != 1 || got[0].Prev != base64url(l.entries[6][1:]) {
			w.Errorf("the next record: %+v", got)
		}
	})
}
