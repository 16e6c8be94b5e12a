package keyring

import "errors"

// Purpose is what the keys of a ring are for.
type Purpose string

// The purposes.
const (
	// Association keys sign what the identity server says of an address, and are
	// published at /pubkey.
	Association Purpose = "association"
	// Federation keys sign requests to other servers (X-Matrix) and what is published
	// at /_matrix/key/v2.
	Federation Purpose = "federation"
	// UsersLog and ServersLog keys sign the checkpoints of one log each (C2SP
	// tlog-checkpoint).
	UsersLog   Purpose = "users-log"
	ServersLog Purpose = "servers-log"
	// VRF keys hide the labels of the users' log (RFC 9381,
	// ECVRF-EDWARDS25519-SHA512-TAI). They sign nothing.
	VRF Purpose = "vrf"
)

// IDServer and HomeServer are the purposes of each program. The first is the one that
// its only key had before there were several, and never changes: the keys that are in
// its database say nothing of it.
var (
	IDServer   = []Purpose{Association, Federation, UsersLog, ServersLog, VRF}
	HomeServer = []Purpose{Federation}
)

// ErrVRFKey says that a VRF's key cannot change.
var ErrVRFKey = errors.New("the VRF key stays as long as its log: with another one, no entry of the log would be found any more. " +
	"It is replaced with the log, by a successor log of another origin, into which the living bindings are carried over: " +
	"docs/operations.md, \"A successor log\", has the steps. Nothing was changed")

// changeable is nil for a purpose whose keys can be rotated and revoked.
func (p Purpose) changeable() error {
	if p == VRF {
		return ErrVRFKey
	}
	return nil
}

// OfLog tells whether its keys sign the checkpoints of a log.
func (p Purpose) OfLog() bool { return p == UsersLog || p == ServersLog }

// algorithm is the first part of the ids of its keys: a VRF's must not pass for one that
// signs.
func (p Purpose) algorithm() string {
	if p == VRF {
		return "vrf"
	}
	return "ed25519"
}
