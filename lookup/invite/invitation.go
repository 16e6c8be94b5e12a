package invite

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/internal/wording"
)

// State is how an invitation stands.
type State string

// The states of an invitation. Expired is not stored: it is what time makes of the
// pending and the claimed.
const (
	Pending  State = "pending"
	Claimed  State = "claimed"  // signed for an account by the key, and not bound yet
	Accepted State = "accepted" // by whoever the address was bound to
	Revoked  State = "revoked"
	Expired  State = "expired"
)

// The most characters that are kept of what strangers call themselves and their rooms.
const (
	maxSenderName = 20
	maxRoomName   = 30
)

// maxMessages is how often one invitation is sent, the first time included.
const maxMessages = 3

// resendAfter is how long a sender waits after each message before the next.
var resendAfter = [maxMessages - 1]time.Duration{hour, day}

// keyLingers is how long an ephemeral key is still valid after it has signed: the room's
// servers ask when the account joins, and an account may have to join again.
const keyLingers = time.Hour

// content is what a row of invite_invitations says, which stands there sealed.
type content struct {
	Medium     string          `json:"medium"`
	Address    string          `json:"address"`
	Token      string          `json:"token"`
	Sender     matrix.UserID   `json:"sender"`
	SenderName string          `json:"sender_name,omitempty"`
	Room       matrix.RoomID   `json:"room"`
	RoomName   string          `json:"room_name,omitempty"`
	Space      bool            `json:"space,omitempty"`
	Language   locale.Language `json:"language"`
	// ServerKey is that of the server which stands in the room beside the token.
	ServerKey []byte `json:"server_key,omitempty"`

	address threepid.Address
}

// invitation is a row of invite_invitations.
type invitation struct {
	content
	id        string
	key       ed25519.PrivateKey // nil once it is over
	keyIndex  []byte
	linkMAC   []byte
	state     State
	claimedBy []byte // the tag of the user whom the key has signed for, or who has accepted
	messages  int
	sent      time.Time
	created   time.Time
	expires   time.Time
	ended     time.Time // when it was claimed, accepted or revoked
}

// now is the state at a moment.
func (v *invitation) now(now time.Time) State {
	if (v.state == Pending || v.state == Claimed) && !v.expires.After(now) {
		return Expired
	}
	return v.state
}

// waits tells whether a message may still lead to the invitation: it is pending, and no
// replica, whose clock may go before, has forgotten its key.
func (v *invitation) waits(now time.Time) bool { return v.now(now) == Pending && v.key != nil }

// secret is the private key as messages and calls carry it: its seed, in the alphabet of
// addresses of the web.
func secret(key ed25519.PrivateKey) string { return base64.RawURLEncoding.EncodeToString(key.Seed()) }

// parseSecret reads a private key in base64 of either alphabet. The error is ErrKey.
func parseSecret(s string) (ed25519.PrivateKey, error) {
	seed, err := matrix.DecodeBase64(s)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, ErrKey
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// contentOf is what is kept of a request.
func contentOf(r Request, token string) content {
	c := content{
		Medium: string(r.Address.Medium()), Address: r.Address.String(), Token: token,
		Sender: r.Sender, SenderName: wording.Name(r.SenderName, maxSenderName),
		Room: r.Room, RoomName: wording.Name(r.RoomName, maxRoomName), Space: r.RoomType == "m.space",
		Language: r.Language, address: r.Address,
	}
	if c.RoomName == "" {
		c.RoomName = wording.Name(r.RoomAlias, maxRoomName)
	}
	return c
}

// The places of a row's sealed values, so that one cannot stand for another.
func contentPlace(id string) []byte { return []byte(id + " content") }
func keyPlace(id string) []byte     { return []byte(id + " key") }

func (i *Invites) sealContent(v *invitation) ([]byte, error) {
	plain, err := json.Marshal(v.content)
	if err != nil {
		return nil, fmt.Errorf("writing an invitation: %w", err)
	}
	return i.box.Seal(plain, contentPlace(v.id)), nil
}

// open fills in what stands sealed in a row.
func (i *Invites) open(v *invitation, contentSealed, keySealed []byte) error {
	plain, err := i.box.Open(contentSealed, contentPlace(v.id))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, &v.content); err != nil {
		return errors.New("an invitation cannot be read") // the cause may quote it
	}
	if v.address, err = threepid.Parse(v.Medium, v.Address); err != nil {
		return err
	}
	if len(keySealed) == 0 {
		return nil
	}
	seed, err := i.box.Open(keySealed, keyPlace(v.id))
	if err != nil {
		return err
	}
	v.key = ed25519.NewKeyFromSeed(seed)
	return nil
}
