package notary_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
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

const day = 24 * time.Hour

var all = notary.Wanted{}

// A document is fetched once, kept for half of its life, and answered as the server signed
// it, with our signature beside.
func TestADocumentIsKeptForHalfOfItsLife(t *testing.T) {
	each(t, func(w *world) {
		document := w.publishes(them, day, k1)
		first := w.ask(them, all)
		if len(first) != 1 || !bytes.Equal(first[0].JSON, mustParse(w, document).JSON) || isPrefixOfUnsigned(first[0].raw) {
			w.Fatalf("answer %+v, want %s", first, document)
		}
		w.clock.Advance(day/2 - time.Millisecond)
		w.want("within half of it", them, all, "k1")
		if n := w.fetches(them); n != 1 {
			w.Errorf("the server was asked %d times, want once", n)
		}
		w.clock.Advance(time.Millisecond)
		w.publishes(them, day, k1)
		w.want("after half of it", them, all, "k1")
		w.restart()
		w.want("after a restart", them, all, "k1")
		if n := w.fetches(them); n != 1 {
			w.Errorf("after half of its life the server was asked %d times, want once", n)
		}
		if got := w.pending(); len(got) != 2 || got[1].Prev != base64url(got[0].raw) {
			w.Errorf("records: %+v", got)
		}
	})
}

func mustParse(w *world, document []byte) serverkeys.Document {
	w.Helper()
	d, err := serverkeys.Parse(them, document)
	w.must(err)
	return d
}

func base64url(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestARecord(t *testing.T) {
	each(t, func(w *world) {
		document := mustParse(w, w.publishes(them, day, k1))
		w.ask(them, all)
		got := w.pending()
		if len(got) != 1 || got[0].Type != "im.signet.keys.server_keys.v1" || got[0].ServerName != them || got[0].Prev != "" || got[0].HeldUntil != 0 ||
			!bytes.Equal(got[0].Keys, document.JSON) || got[0].SHA256 != base64url(document.JSON) || got[0].Seen.MS != w.clock.Now().UnixMilli() {
			w.Errorf("records: %+v", got)
		}
	})
}

// Sytest, "Key notary server should return an expired key if it can't find any others": no
// matter what is asked for, and what the server answers then.
func TestAnExpiredKeyIsBetterThanNone(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, -day, k1)
		until := w.clock.Now().Add(-day)
		w.want("at first", them, of(k1.ID, time.UnixMilli(0)), "k1")
		w.fetches(them)
		w.want("with a later minimum", them, of(k1.ID, until.Add(time.Second)), "k1")
		if n := w.fetches(them); n != 1 {
			w.Errorf("the server was asked %d times, want once more", n)
		}
		w.says(them, 400, []byte("{}"))
		w.want("when the server fails", them, of(k1.ID, until.Add(time.Second)), "k1")
		if n := w.fetches(them); n != 1 {
			w.Errorf("the server was asked %d times, want once more", n)
		}
		if got := w.ask(them, all); !got[0].ValidUntil.Equal(until) {
			w.Errorf("valid until %v, want %v as the server signed it", got[0].ValidUntil, until)
		}
	})
}

// Sytest, "Key notary server must not overwrite a valid key with a spurious result from the
// origin server".
func TestASpuriousAnswerOverwritesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, -day, k1)
		until := w.clock.Now().Add(-day)
		w.want("at first", them, of(k1.ID, time.UnixMilli(0)), "k1")
		w.publishes(them, -day+time.Second, k2)
		w.want("with another key", them, of(k1.ID, w.clock.Now()), "k1")
		w.falls(them)
		w.want("with the old minimum", them, of(k1.ID, until), "k1")
	})
}

// A key that a server adds while an old one signs counts at once. One that it drops without
// a word is still answered, by the last document that had it, before the newest.
func TestADroppedKeyIsKept(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("one", them, all, "k1")
		w.clock.Advance(day / 2)
		w.publishes(them, day, k1, k2)
		w.want("two", them, all, "k1+k2")
		w.clock.Advance(day / 2)
		w.publishes(them, day, k2)
		w.want("one left", them, all, "k1+k2 k2")
		w.want("the one that is left", them, of(k2.ID, time.Time{}), "k2")
		w.want("the one that is gone", them, of(k1.ID, time.Time{}), "k1+k2 k2")
		w.clock.Advance(day / 2)
		d := w.doc(them, day, k2)
		d.Old = []matrix.SigningKey{k1}
		w.says(them, 200, d.JSON(w))
		w.want("with the old one called old", them, all, "k2")
		w.restart()
		w.want("after a restart", them, all, "k2")
	})
}

// Wholly new keys are held: three days while the old ones would do. Nobody is told of them,
// who answers once is not believed, and the record says until when.
func TestWhollyNewKeysAreHeld(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, 7*day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(4 * day)
		w.publishes(them, 7*day, k2)
		w.want("on the first day", them, all, "k1")
		w.want("by name", them, of(k2.ID, time.Time{}), "k1")
		due := w.clock.Now().Add(72 * time.Hour)
		if got := w.pending(); len(got) != 2 || got[1].HeldUntil != due.UnixMilli() {
			w.Errorf("records: %+v", got)
		}
		w.clock.Advance(day)
		w.publishes(them, 7*day, k2) // another document of the same keys
		w.want("on the second day", them, all, "k1")
		w.restart()
		w.clock.Advance(2*day - time.Millisecond)
		w.want("a moment before", them, all, "k1")
		w.clock.Advance(time.Millisecond)
		w.falls(them)
		w.want("when it does not answer", them, all, "k1")
		w.clock.Advance(time.Hour)
		w.publishes(them, 7*day, k2)
		w.want("after three days", them, all, "k1 k2")
		w.want("by name", them, of(k2.ID, time.Time{}), "k2")
	})
}

// Where the old keys are valid no longer an hour is enough.
func TestAnHourIsEnoughAfterTheOldKeysEnded(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(2 * day)
		w.publishes(them, day, k2)
		w.want("at once", them, all, "k1")
		w.clock.Advance(time.Hour)
		w.want("after an hour", them, all, "k1 k2")
	})
}

// Whoever is in the way of one fetch is not there for good: the old keys come back, in
// whatever document that is valid, and what was held is not the server's. It has to begin anew.
func TestWhatIsHeldEndsWhenTheOldKeysComeBack(t *testing.T) {
	for name, back := range map[string]func(w *world, first []byte) []byte{
		"in a new document":      func(w *world, _ []byte) []byte { return w.doc(them, 7*day, k1).JSON(w) },
		"in the same":            func(_ *world, first []byte) []byte { return first },
		"in one that ends first": func(w *world, _ []byte) []byte { return w.doc(them, day, k1).JSON(w) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				first := w.publishes(them, 7*day, k1)
				w.want("before", them, all, "k1")
				w.clock.Advance(4 * day)
				attack := w.publishes(them, 7*day, k2)
				w.want("attacked", them, all, "k1")
				w.clock.Advance(day)
				w.says(them, 200, back(w, first))
				w.want("the server itself", them, all, "k1")
				w.clock.Advance(2*day - time.Hour)
				w.says(them, 200, attack)
				w.want("attacked again", them, all, "k1")
				w.clock.Advance(2 * time.Hour)
				w.want("three days after the first time", them, all, "k1")
			})
		})
	}
}

// A replay of the old document that is not even valid proves nothing against the new keys.
func TestAnOldDocumentThatHasEndedStopsNothing(t *testing.T) {
	each(t, func(w *world) {
		first := w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(2 * day)
		w.publishes(them, day, k2)
		w.want("new keys", them, all, "k1")
		w.clock.Advance(30 * time.Minute)
		fresh := w.doc(them, day, k2).JSON(w)
		w.says(them, 200, first)
		w.want("replayed", them, all, "k1")
		w.clock.Advance(30 * time.Minute)
		w.says(them, 200, fresh)
		w.want("after their hour", them, all, "k1 k2")
	})
}

// A server is asked for what is not known, or not for long enough, and not twice a minute
// for it; while its new keys are held, less often.
func TestHowOftenAServerIsAsked(t *testing.T) {
	each(t, func(w *world) {
		asked := func(when string, wanted notary.Wanted, want int) {
			w.Helper()
			w.ask(them, wanted)
			if n := w.fetches(them); n != want {
				w.Errorf("%s: asked %d times, want %d", when, n, want)
			}
		}
		unknown := of("ed25519:unknown", time.Time{})
		w.publishes(them, 365*day, k1)
		asked("at first", all, 1)
		asked("for a key that is not known, at once", unknown, 0)
		w.clock.Advance(time.Minute)
		asked("for one that is", of(k1.ID, w.clock.Now().Add(day)), 0)
		asked("for one that is not", unknown, 1)
		asked("for all for too long, at once", notary.Wanted{Until: w.clock.Now().Add(8 * day)}, 0)
		w.clock.Advance(time.Minute)
		asked("for all for too long", notary.Wanted{Until: w.clock.Now().Add(8 * day)}, 1)
		w.clock.Advance(time.Minute)
		asked("for one for too long", of(k1.ID, w.clock.Now().Add(8*day)), 1)
		w.clock.Advance(84*time.Hour - time.Millisecond)
		asked("within half of seven days", all, 0)
		w.clock.Advance(time.Millisecond)
		asked("after that", all, 1)

		w.publishes(them, day, k2)
		w.clock.Advance(84 * time.Hour)
		asked("with new keys", all, 1)
		w.clock.Advance(10*time.Minute - time.Millisecond)
		asked("held", unknown, 0)
		w.clock.Advance(time.Millisecond)
		asked("held for ten minutes", unknown, 1)
	})
}

// Another stranger's keys do not profit from the time that the first ones' were held.
func TestEachNewSetOfKeysIsHeldForItself(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(2 * day)
		w.publishes(them, day, k2)
		w.want("one", them, all, "k1")
		w.clock.Advance(59 * time.Minute)
		w.publishes(them, day, k3)
		w.want("another", them, all, "k1")
		w.clock.Advance(time.Minute)
		w.want("after the first one's hour", them, all, "k1")
		w.clock.Advance(time.Hour)
		w.want("after its own", them, all, "k1 k3")
	})
}

// A thief of a former key is no heir: neither by what it signs nor by naming the key that
// counts among the old ones.
func TestAFormerKeyBringsNoNewOnesAlong(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1, k2)
		w.want("two", them, all, "k1+k2")
		w.clock.Advance(day / 2)
		w.publishes(them, 7*day, k2)
		w.want("one left", them, all, "k1+k2 k2")
		w.clock.Advance(4 * day)
		d := w.doc(them, 7*day, k1, k3)
		d.Old = []matrix.SigningKey{k2}
		w.says(them, 200, d.JSON(w))
		w.want("the thief", them, all, "k1+k2 k2")
	})
}

// A server that rotates and signs with both keys, as it may, is not held up.
func TestARotationThatTheOldKeySigns(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(day / 2)
		d := w.doc(them, day, k2)
		d.Old, d.By = []matrix.SigningKey{k1}, []matrix.SigningKey{k2, k1}
		w.says(them, 200, d.JSON(w))
		w.want("after", them, all, "k2")
	})
}

// A document of before, replayed, takes nothing away.
func TestAReplayedDocument(t *testing.T) {
	each(t, func(w *world) {
		unseen := w.doc(them, day, k1).JSON(w)
		w.clock.Advance(time.Hour)
		w.publishes(them, day, k1, k2)
		w.want("before", them, all, "k1+k2")
		w.clock.Advance(day / 2)
		w.says(them, 200, unseen)
		w.want("replayed", them, all, "k1+k2")
		w.clock.Advance(time.Hour)
		w.publishes(them, day, k2)
		w.want("by the key that the replay did not have", them, all, "k1+k2 k2")
	})
}

// A key id stands for its octets for ever. Another's is refused and recorded, once, and
// nothing that was known changes.
func TestAKeyIDNeverChangesItsOctets(t *testing.T) {
	each(t, func(w *world) {
		first := mustParse(w, w.publishes(them, day, k1))
		w.want("before", them, all, "k1")
		impostor := serverkeystest.Key(k1.ID, "somebody else")
		asOld := w.doc(them, day, k2)
		asOld.Old = []matrix.SigningKey{impostor}
		besides := w.doc(them, day, k1, k2)
		besides.Old = []matrix.SigningKey{serverkeystest.Key(k3.ID, "x")}
		for name, d := range map[string]serverkeystest.Doc{"as a key": w.doc(them, day, impostor), "as an old key": asOld} {
			for range 3 {
				w.clock.Advance(3 * day)
				d.Until = w.clock.Now().Add(day)
				w.says(them, 200, d.JSON(w))
				w.want(name, them, all, "k1")
			}
		}
		got := w.pending()
		if len(got) != 2 || got[1].Type != "im.signet.keys.server_keys_conflict.v1" || got[1].KeyID != k1.ID || got[1].Known != base64url(first.JSON) ||
			got[1].SHA256 != base64url(got[1].Keys) {
			w.Fatalf("records: %+v", got)
		}
		evidence, err := serverkeys.Parse(them, got[1].Keys)
		if err != nil || published(evidence, k1.ID, impostor) == false {
			w.Errorf("the evidence: %+v, %v", evidence, err)
		}
	})
}

func published(d serverkeys.Document, id matrix.KeyID, k matrix.SigningKey) bool {
	return d.Verify[id].Equal(k.Public()) || d.Old[id].Key.Equal(k.Public())
}

// A server cannot fill the log with its contradictions.
func TestContradictionsAreRecordedSoOften(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, time.Minute, k1)
		w.want("before", them, all, "k1")
		for i := range 20 {
			w.clock.Advance(2 * time.Hour)
			w.publishes(them, day, serverkeystest.Key(k1.ID, fmt.Sprint(i)))
			w.want("a contradiction", them, all, "k1")
		}
		if got := w.pending(); len(got) != 17 {
			w.Errorf("%d records, want 16 contradictions", len(got)-1)
		}
	})
}

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
