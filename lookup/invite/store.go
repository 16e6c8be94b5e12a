package invite

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Request is an invitation as it is asked for. The names are as strangers wrote them.
type Request struct {
	Address    threepid.Address
	Sender     matrix.UserID
	Room       matrix.RoomID
	SenderName string
	RoomName   string
	RoomAlias  string // shown where the room has no name
	RoomType   string
	Client     netip.Addr // of the sender; the zero one where it is not known
	Language   locale.Language
}

// Stored is what the sender's homeserver puts into the room.
type Stored struct {
	Token       string
	ServerKey   ed25519.PublicKey // that signs when the address is bound
	Ephemeral   ed25519.PublicKey // that signs for whoever has the message
	DisplayName string            // of the invitee, which does not tell the address
}

// Store keeps an invitation and sends it to the address. It is durable when Store
// returns; its message leaves later, and nobody is told whether it arrives: nor would
// they be whether it is refused. Each call is an invitation of its own. Errors: ErrMedium;
// InUse for an address that is bound, after the discovery budget was charged for the
// answer; ErrDestination and fraud's for a number; matrix.LimitExceeded.
func (i *Invites) Store(ctx context.Context, r Request) (Stored, error) {
	if !i.serves(r.Address.Medium()) {
		return Stored{}, ErrMedium
	}
	if err := i.ask(ctx, r); err != nil {
		return Stored{}, err
	}
	serverKey, err := i.Signer.Current(ctx)
	if err != nil {
		return Stored{}, fmt.Errorf("reading the server's key: %w", err)
	}
	v, err := i.newInvitation(r, serverKey)
	if err != nil {
		return Stored{}, err
	}
	err = i.send(ctx, v, func(ctx context.Context, tx *store.Tx) error { return i.insertInvitation(ctx, tx, v) })
	if err != nil {
		return Stored{}, err
	}
	if err := i.boundMeanwhile(ctx, r.Address); err != nil {
		return Stored{}, err
	}
	return Stored{Token: v.Token, ServerKey: serverKey, Ephemeral: v.key.Public().(ed25519.PublicKey), DisplayName: r.Address.Redacted()}, nil
}

// ask finds out whether the address is bound. The answer is charged for before it is
// known, or trying addresses out would be free.
func (i *Invites) ask(ctx context.Context, r Request) error {
	if i.Discovery != nil {
		if err := i.Discovery.Ask(ctx, r.Sender, r.Client, r.Address); err != nil {
			return err
		}
	}
	user, bound, err := i.Bindings.UserOf(ctx, r.Address)
	if err != nil {
		return fmt.Errorf("asking who is behind an address: %w", err)
	}
	if bound {
		return InUse{user}
	}
	return nil
}

// boundMeanwhile accepts what was stored while somebody bound the address: their bind may
// have looked for invitations before ours was there.
func (i *Invites) boundMeanwhile(ctx context.Context, a threepid.Address) error {
	user, bound, err := i.Bindings.UserOf(ctx, a)
	if err == nil && bound {
		err = i.DB.Tx(ctx, func(tx *store.Tx) error { return i.Bound(ctx, tx, a, user) })
	}
	if err != nil {
		return fmt.Errorf("asking again who is behind an address: %w", err)
	}
	return nil
}

// newInvitation draws a token of 128 bits and a key.
func (i *Invites) newInvitation(r Request, serverKey ed25519.PublicKey) (*invitation, error) {
	var token [16]byte
	seed := make([]byte, ed25519.SeedSize)
	_, tokenErr := io.ReadFull(i.Rand, token[:])
	_, seedErr := io.ReadFull(i.Rand, seed)
	if err := errors.Join(tokenErr, seedErr); err != nil {
		return nil, fmt.Errorf("drawing an invitation's secrets: %w", err)
	}
	now := i.Now()
	v := &invitation{
		content: contentOf(r, base64.RawURLEncoding.EncodeToString(token[:])),
		id:      store.NewID(now), key: ed25519.NewKeyFromSeed(seed), state: Pending,
		messages: 1, sent: now, created: now, expires: now.Add(i.ExpireAfter),
	}
	v.ServerKey = serverKey
	v.keyIndex = i.keyTag(v.key.Public().(ed25519.PublicKey))
	v.linkMAC = i.linkMAC(v.Token, proofOf(secret(v.key)))
	return v, nil
}

func (i *Invites) tokenMAC(token string) []byte { return i.mac.Of("token", token) }

// linkMAC is by what the page knows those who have an invitation's message. The token
// alone stands in the room, too.
func (i *Invites) linkMAC(token, proof string) []byte { return i.mac.Of("link", token, proof) }

// proofOf is what the page shows of a private key, which it keeps to itself.
func proofOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
