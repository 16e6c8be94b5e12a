package page

import (
	"maps"
	"slices"
	"strings"
	"time"

	"signet/internal/matrix"
	"signet/keys/proof"
	"signet/keys/value"
)

// event is one entry of the log about an address, of which the proof was verified.
type event struct {
	What   happening
	OfKeys bool          // of the label of the keys, not of who is behind the address
	At     time.Time     // as the server has signed it; zero if that was erased
	Number int64         // of the entry; 0 if that was not proven
	User   matrix.UserID // who was bound, or whom the keys name
	Reason string        // of a revocation, in the words of whoever revoked
	Until  time.Time     // when the keys end by themselves; zero: they do not
	Keys   []fingerprint
}

// happening is a part of the key of a phrase.
type happening string

const (
	wasBound     happening = "bound"
	wasUnbound   happening = "unbound"
	wasPublished happening = "published"
	wasRotated   happening = "rotated"
	wasRecovered happening = "recovered"
	wasReturned  happening = "returned" // where there were none any more
	wasRevoked   happening = "revoked"
	wasErased    happening = "erased" // all before it was
	isGone       happening = "gone"   // it was itself
)

// Grave tells whether the owner should take notice.
func (e event) Grave() bool { return e.What == wasRecovered || e.What == wasReturned }

// Names is whom the keys name, empty for nobody: those of an address may be of another user
// than is bound to it, as of who had the number before.
func (e event) Names() matrix.UserID {
	if !e.OfKeys {
		return ""
	}
	return e.User
}

// fingerprint is a key as people compare it: by its octets in base64, in groups of four.
type fingerprint struct{ ID, Groups string }

// eventsOf are the versions of a label.
func eventsOf(past proof.Past, ofKeys bool) []event {
	events := make([]event, len(past.Values))
	for i, v := range past.Values {
		var before value.Value
		if i > 0 {
			before = past.Values[i-1]
		}
		events[i] = eventOf(v, before)
		events[i].Number, events[i].OfKeys = past.Positions[i], ofKeys
	}
	return events
}

func eventOf(now, before value.Value) event {
	switch v := now.(type) {
	case *value.Association:
		if v.MXID == "" {
			return event{What: wasUnbound, At: v.TS.UTC()}
		}
		return event{What: wasBound, At: v.TS.UTC(), User: v.MXID}
	case *value.User:
		e := event{What: publishedHow(v, before), User: v.MXID, Reason: v.Revoked, Keys: fingerprints(v.Keys), Until: utc(v.NotAfter)}
		if v.Auth != nil {
			e.At = time.UnixMilli(v.Auth.TS).UTC()
		}
		return e
	case *value.Tombstone:
		return event{What: wasErased, At: v.TS.UTC()}
	}
	return event{What: isGone}
}

// publishedHow is in which way keys came. That the old key has signed is said only where that
// key is known, and so the signature was verified.
func publishedHow(v *value.User, before value.Value) happening {
	old, known := before.(*value.User)
	_, erased := before.(*value.Tombstone)
	switch {
	case v.Revoked != "":
		return wasRevoked
	case v.SignedByPrevious() && known:
		return wasRotated
	case v.Auth == nil || v.Auth.How != value.ByRecovery:
		return wasPublished
	case erased, known && len(old.Keys) == 0:
		return wasReturned
	}
	return wasRecovered
}

// fingerprints are keys in the order of their ids, the master key first.
func fingerprints(keys map[value.KeyID][]byte) []fingerprint {
	ids := slices.SortedFunc(maps.Keys(keys), func(a, b value.KeyID) int {
		switch {
		case a == b:
			return 0
		case a == value.Master:
			return -1
		case b == value.Master:
			return 1
		}
		return strings.Compare(string(a), string(b))
	})
	all := make([]fingerprint, len(ids))
	for i, id := range ids {
		all[i] = fingerprint{string(id), groups(matrix.EncodeBase64(keys[id]))}
	}
	return all
}

// groups sets spaces behind every fourth character.
func groups(text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), 4) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, " ")
}

// boundIn is who is behind an address as its history has it.
func boundIn(past proof.Past) matrix.UserID {
	if len(past.Values) == 0 {
		return ""
	}
	newest, _ := past.Values[len(past.Values)-1].(*value.Association)
	if newest == nil {
		return ""
	}
	return newest.MXID
}

// namedIn is whom the newest keys of an address name, empty where there are none.
func namedIn(past proof.Past) matrix.UserID {
	if len(past.Values) == 0 {
		return ""
	}
	newest, _ := past.Values[len(past.Values)-1].(*value.User)
	if newest == nil || newest.Revoked != "" {
		return ""
	}
	return newest.MXID
}
