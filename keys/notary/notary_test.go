package notary_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
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
		unrecorded, said := 0, new(bytes.Buffer)
		o := w.notary.Options
		o.Log = slog.New(slog.NewTextHandler(said, nil))
		o.Observe = func(outcome string) {
			if outcome == "unrecorded" {
				unrecorded++
			}
		}
		w.notary = notary.New(o)
		for i := range 20 {
			w.clock.Advance(2 * time.Hour)
			w.publishes(them, day, serverkeystest.Key(k1.ID, fmt.Sprint(i)))
			w.want("a contradiction", them, all, "k1")
		}
		w.clock.Advance(2 * time.Hour)
		w.publishes(them, day, serverkeystest.Key(k1.ID, "3")) // which is recorded
		w.want("an old contradiction", them, all, "k1")
		if got := w.pending(); len(got) != 17 {
			w.Errorf("%d records, want 16 contradictions", len(got)-1)
		}
		if n := strings.Count(said.String(), "which is not recorded"); unrecorded != 4 || n != 4 {
			w.Errorf("%d are counted that were not recorded, and %d told of, want 4:\n%s", unrecorded, n, said)
		}
	})
}
