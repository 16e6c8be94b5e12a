package publication

import (
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/matrix"
	"signet/keys/value"
)

// finding is what stands in the directory for a user, as this server sees it.
type finding string

const (
	unseen  finding = ""        // nobody has looked yet
	nothing finding = "none"    // there never was anything
	same    finding = "same"    // the keys that the user has here
	older   finding = "older"   // keys that the user had here, or that do not hold any more
	foreign finding = "foreign" // a key that this server does not know as the user's
	revoked finding = "revoked"
	erased  finding = "erased"
)

// problem is why the last attempt failed.
type problem string

const (
	away     problem = "away" // it did not answer, or not as it should
	limited  problem = "limited"
	refusing problem = "refused"
	unproven problem = "unproven"
	unable   problem = "unsupported" // the identity server has no key directory
)

// wish is what a user wants of a directory, and what has become of it.
type wish struct {
	user              matrix.UserID
	at                matrix.ServerName
	agreed            bool // to be found; otherwise to be erased
	number, fulfilled int64
	sent              jsontext.Value // last, whether it was taken or not; empty: nothing
	version           int64          // of what the directory has taken; -1: nothing
	promised          time.Time      // when it did
	heldUntil         time.Time      // zero unless it waits
	found             finding
	foundVersion      int64
	checked           time.Time
	alarm             time.Time // since when what is found is not as it should be; zero: it is
	problem           problem
	tries             int // that have failed
	due               time.Time
}

const (
	// mergeDelay is how long the directory may take for what it has promised, and slack what the
	// clocks differ by at most.
	mergeDelay = value.MaxMergeDelay
	slack      = time.Hour
)

// look takes in what was found in the directory. known are all keys of the user's.
func (w *wish) look(f keydirectory.Found, cross map[value.KeyID]string, known map[string]bool, now time.Time) {
	w.found, w.foundVersion = judge(f, cross, known), -1
	if f.Present {
		w.foundVersion = int64(f.Version)
	}
	w.checked = now
	switch {
	case w.found != foreign && !w.broken(now):
		w.alarm = time.Time{}
	case w.alarm.IsZero():
		w.alarm = now
	}
}

// broken tells whether the directory has promised a version that it does not have by now.
func (w *wish) broken(now time.Time) bool {
	return w.pending() && w.heldUntil.IsZero() && now.After(w.promised.Add(mergeDelay+slack))
}

// pending tells whether what was taken is not to be seen yet.
func (w *wish) pending() bool { return w.version > w.foundVersion }

// next is when to look again after all went well: soon for what is about to be seen, so that
// the user is shown what is true.
func (w *wish) next(now time.Time) time.Time {
	const day, soon = 24 * time.Hour, time.Minute
	switch {
	case !w.pending():
	case w.heldUntil.After(now):
		if after := w.heldUntil.Add(soon); after.Before(now.Add(day)) {
			return after
		}
	case now.Before(later(w.promised, w.heldUntil).Add(10 * time.Minute)):
		return now.Add(soon)
	case now.Before(later(w.promised, w.heldUntil).Add(mergeDelay + 2*slack)):
		return now.Add(time.Hour)
	}
	return now.Add(day)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sentAlready tells whether what was sent last is just what would be sent now.
func (w *wish) sentAlready(f keydirectory.Found, cross map[value.KeyID]string) bool {
	sent, err := value.ParseUser(w.sent)
	if err != nil || len(sent.Keys) != len(cross) {
		return false
	}
	for id, key := range cross {
		if matrix.EncodeBase64(sent.Keys[id]) != key {
			return false
		}
	}
	version, previous := after(f)
	named := ""
	if sent.Previous != nil {
		named = base64.RawURLEncoding.EncodeToString(sent.Previous[:])
	}
	return sent.Version == version && named == previous
}

// judge says what a proven answer is to a user who has the cross-signing keys here.
func judge(f keydirectory.Found, cross map[value.KeyID]string, known map[string]bool) finding {
	if !f.Present {
		return nothing
	}
	keys, is := f.Value.(*value.User)
	switch {
	case !is:
		return erased
	case keys.Revoked != "":
		return revoked
	}
	for _, key := range keys.Keys {
		if !known[matrix.EncodeBase64(key)] {
			return foreign
		}
	}
	for id, key := range cross {
		if matrix.EncodeBase64(keys.Keys[id]) != key {
			return older
		}
	}
	return same
}

// whole tells whether there is what a value is made of.
func whole(keys map[value.KeyID]string) bool {
	return keys[value.Master] != "" && keys[value.SelfSigning] != ""
}

// keyIDs is the cross-signing keys by the names that they have in the directory.
func keyIDs(cross []signedkey.CrossSigning) map[value.KeyID]string {
	ids := map[value.KeyID]string{}
	for _, key := range cross {
		ids[value.KeyID("ed25519:"+string(key.Usage))] = key.Name
	}
	return ids
}
