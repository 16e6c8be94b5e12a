package event

import (
	"crypto/sha256"
	"encoding/base64"

	"signet/internal/matrix"
)

// contentHash covers all of an event but its hashes and signatures (server-server API,
// "Calculating the content hash for an event"). No event here has unsigned.
func contentHash(event object) [sha256.Size]byte {
	return sha256.Sum256(event.without("hashes", "signatures").bytes())
}

// hashMatches tells whether the event has the content hash it says it has. It does not
// if it was redacted on its way, or changed.
func hashMatches(event object) bool {
	hashes, err := split(event.find("hashes"))
	if err != nil {
		return false
	}
	said := hashes.find("sha256")
	if !isText(said) {
		return false
	}
	hash, err := matrix.DecodeBase64(string(unquoted(said)))
	want := contentHash(event)
	return err == nil && string(hash) == string(want[:])
}

// signed is what the signatures of an event and its reference hash cover: what redaction
// leaves, without the signatures (server-server API, "Calculating the reference hash for
// an event").
func (v Version) signed(event object) []byte {
	return v.redact(event).without("signatures").bytes()
}

// eventID is the id of the event whose signed part is given, in versions where that is
// its reference hash ("Event IDs" of room versions 3 and 4).
func (v Version) eventID(signed []byte) string {
	hash := sha256.Sum256(signed)
	encoding := base64.RawStdEncoding
	if v.URLSafeEventIDs() {
		encoding = base64.RawURLEncoding
	}
	return "$" + encoding.EncodeToString(hash[:])
}

// ReferenceHash is the hash by which other events of versions 1 and 2 cite this one.
func (e *Event) ReferenceHash() [sha256.Size]byte {
	return sha256.Sum256(e.version.signed(e.object()))
}
