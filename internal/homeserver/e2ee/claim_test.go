package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
)

// claim asks for one key of a device and returns its name, or nothing.
func (w *world) claim(user matrix.UserID, id e2ee.DeviceID) string {
	w.Helper()
	claimed, err := w.ClaimHere(w.Context(), e2ee.Claims{user: {id: "signed_curve25519"}})
	if err != nil {
		w.Fatal(err)
	}
	for name := range claimed[user][id] {
		return name
	}
	return ""
}

// Those that were uploaded first are given out first, then the fallback key, again and
// again.
func TestOneAfterTheOther(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(alice, "PHONE")
		w.upload(p, e2ee.Upload{Device: p.Keys(), OneTime: p.OneTimes(5, 1)})
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(3, 1)})
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(4, 1), Fallback: p.Fallback("F")})
		w.fallbacks(p.ID, "signed_curve25519")
		for _, want := range []string{"000005", "000003", "000004", "F", "F"} {
			if got := w.claim(alice, "PHONE"); got != "signed_curve25519:"+want {
				w.Errorf("claimed %s, want %s", got, want)
			}
		}
		w.fallbacks(p.ID)
		w.upload(p, e2ee.Upload{Fallback: p.Fallback("F")}) // which is used
		w.fallbacks(p.ID)
		w.upload(p, e2ee.Upload{Fallback: p.Fallback("G")})
		w.fallbacks(p.ID, "signed_curve25519")
		if got := w.claim(alice, "PHONE"); got != "signed_curve25519:G" {
			w.Errorf("claimed %s, want the new fallback key", got)
		}
	})
}

// fallbacks checks which of Alice's fallback keys nobody was given.
func (w *world) fallbacks(id string, want ...string) {
	w.Helper()
	if got := w.changes(e2ee.Device{User: alice, ID: e2ee.DeviceID(id)}, e2ee.Since{}).UnusedFallbacks; !slices.Equal(got, want) {
		w.Errorf("unused fallback keys = %v, want %v", got, want)
	}
}

// Many want a key at the same moment while others are uploaded: each key goes to one of
// them, and none is left while somebody has got nothing.
func TestManyClaimAtTheSameMoment(t *testing.T) {
	const rivals, before, later = 60, 20, 30
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", before)
		var mu sync.Mutex
		got := map[string]int{}
		crowd(rivals+3, func(i int) {
			if i >= rivals {
				w.upload(p, e2ee.Upload{OneTime: p.OneTimes(before+(i-rivals)*later/3, later/3)})
				return
			}
			name := w.claim(alice, "PHONE")
			mu.Lock()
			defer mu.Unlock()
			got[name]++
		})
		nothing := got[""]
		delete(got, "")
		for name, n := range got {
			if n > 1 {
				w.Errorf("%s was given out %d times", name, n)
			}
		}
		left, err := w.OneTimeCounts(w.Context(), device(p))
		if err != nil || len(got)+nothing != rivals || len(got)+int(left["signed_curve25519"]) != before+later {
			w.Errorf("%d got one, %d nothing, %v are left, %v", len(got), nothing, left, err)
		}
		for range left["signed_curve25519"] {
			if name := w.claim(alice, "PHONE"); name == "" || got[name] > 0 {
				w.Errorf("claimed %q afterwards", name)
			}
		}
	})
}

func TestClaimsOfManyDevices(t *testing.T) {
	each(t, func(w *world) {
		claims := e2ee.Claims{alice: {}, bob: {"LAPTOP": "signed_curve25519"}, unknownOne: {"X": "signed_curve25519"}}
		w.ready(bob, "LAPTOP", 1)
		for i := range 120 {
			id := fmt.Sprintf("D%d", i)
			w.ready(alice, id, 1)
			claims[alice][e2ee.DeviceID(id)] = "signed_curve25519"
		}
		claims[alice]["MISSING"] = "signed_curve25519"
		claims[alice]["D0"] = "curve25519"
		claims[alice]["\x00"] = "signed_curve25519"
		claimed, failures, err := w.Claim(w.Context(), claims, time.Minute)
		if err != nil || len(failures) != 0 || len(claimed[alice]) != 119 || len(claimed[bob]) != 1 || len(claimed) != 2 {
			w.Errorf("claimed %d and %d keys of %d users, %v, %v", len(claimed[alice]), len(claimed[bob]), len(claimed), failures, err)
		}
		w.unchanged("the same again", func() {
			if claimed, err := w.ClaimHere(w.Context(), claims); err != nil || len(claimed) != 0 {
				w.Errorf("claimed again: %v, %v", claimed, err)
			}
		})
		for i := range 2000 {
			claims[carol] = map[e2ee.DeviceID]string{}
			claims[alice][e2ee.DeviceID(fmt.Sprint(i))] = "signed_curve25519"
		}
		if _, _, err := w.Claim(w.Context(), claims, time.Minute); !errors.Is(err, e2ee.ErrTooMany) {
			w.Errorf("2,000 and more: %v", err)
		}
	})
}

// Other servers answer for their own users alone.
func TestClaimsElsewhere(t *testing.T) {
	each(t, func(w *world) {
		key := map[string]jsontext.Value{"signed_curve25519:X": raw(`{}`)}
		w.land.claimed = e2ee.Claimed{dave: {"TABLET": key, "UNASKED": key}, bob: {"LAPTOP": key}}
		claimed, failures, err := w.Claim(w.Context(), e2ee.Claims{
			dave: {"TABLET": "signed_curve25519", "MISSING": "signed_curve25519"}, "@erin:gone.test": {"X": "signed_curve25519"},
		}, time.Minute)
		if err != nil || len(claimed) != 1 || len(claimed[dave]) != 1 || len(claimed[dave]["TABLET"]) != 1 {
			w.Errorf("claimed %v, %v", claimed, err)
		}
		if len(failures) != 1 || !errors.Is(failures["gone.test"], errUnreachable) {
			w.Errorf("failures = %v", failures)
		}
		if claimed, err := w.ClaimHere(w.Context(), e2ee.Claims{dave: {"TABLET": "signed_curve25519"}}); err != nil || len(claimed) != 0 {
			w.Errorf("another server claims through us: %v, %v", claimed, err)
		}
	})
}

// A server that does not answer is waited for as long as the client wants, and many of them
// no longer.
func TestServersThatDoNotAnswer(t *testing.T) {
	each(t, func(w *world) {
		query, claims := e2ee.Query{}, e2ee.Claims{}
		for i := range 25 {
			user := matrix.UserID(fmt.Sprintf("@erin:%d.%s", i, stuck))
			query[user], claims[user] = nil, map[e2ee.DeviceID]string{"X": "signed_curve25519"}
		}
		_, unasked, err := w.Query(w.Context(), alice, query, time.Millisecond)
		if err != nil {
			w.Error(err)
		}
		_, unclaimed, err := w.Claim(w.Context(), claims, time.Millisecond)
		if err != nil {
			w.Error(err)
		}
		for _, failures := range []e2ee.Failures{unasked, unclaimed} {
			if len(failures) != 25 || !errors.Is(failures["7."+stuck], context.DeadlineExceeded) {
				w.Errorf("failures = %v", failures)
			}
		}
	})
}

// The owner of a key that was given out is woken, to upload others.
func TestTheOwnerIsWoken(t *testing.T) {
	each(t, func(w *world) {
		w.ready(alice, "PHONE", 1)
		waits := w.stream.Notifier().Wait(alice)
		defer waits.Stop()
		w.claim(alice, "PHONE")
		select {
		case <-waits.Woken():
		default:
			w.Error("Alice is not woken")
		}
	})
}
