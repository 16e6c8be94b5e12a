package publication

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// ConsentType is the account data, of no room, by which users say whether their keys are to
// be published: {"publish": true}. Whatever else stands there does not agree.
const ConsentType = "im.signet.publish_keys"

func agrees(content []byte) bool {
	var said struct {
		Publish jsontext.Value `json:"publish"`
	}
	return json.Unmarshal(content, &said) == nil && string(said.Publish) == "true"
}

// Consented writes down what a user wants, in the transaction of their account data. Who agrees
// again wishes anew.
func (p *Publications) Consented(ctx context.Context, tx *store.Tx, user matrix.UserID, content jsontext.Value) error {
	var err error
	if agrees(content) {
		err = putWish(ctx, tx, user, p.At.Name, p.Now())
	} else {
		err = withdrawWishes(ctx, tx, user, p.Now())
	}
	if err != nil {
		return fmt.Errorf("writing down whether keys are to be published: %w", err)
	}
	p.tell()
	return nil
}

// CrossSigned writes down, in the transaction that stores new cross-signing keys of a user,
// that they are to be published if the user agrees.
func (p *Publications) CrossSigned(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if err := renewWishes(ctx, tx, user, p.Now()); err != nil {
		return fmt.Errorf("writing down that keys are to be published: %w", err)
	}
	p.tell()
	return nil
}

// Leaver is the account.Leaver by which keys end that were published for an account.
type Leaver struct{ Now func() time.Time }

// Leave writes down that the keys of a user are to be erased.
func (l Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, _ bool) error {
	if err := withdrawWishes(ctx, tx, user, l.Now()); err != nil {
		return fmt.Errorf("writing down that keys are to be erased: %w", err)
	}
	return nil
}

// tell has Run look when what was written is visible. Where the stream takes nothing in, Run
// finds it within a minute.
func (p *Publications) tell() {
	_, _ = p.told.Add(struct{}{}, 1)
}

// bell is the Publisher of wishes.
type bell struct{ *Publications }

func (b bell) Publish([]stream.Placed[struct{}], func(matrix.UserID)) {
	select {
	case b.ring <- struct{}{}:
	default:
	}
}
