package keydirectory

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/fedclient"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/proof"
	"signet/keys/value"
)

// Found is what a look-up has shown, with all that others need to verify it themselves.
type Found struct {
	proof.Result
	Answer jsontext.Value // the directory's, as it came
	Root   jsontext.Value // the trust root (proof.Config) that it was verified by
}

// maxTries is how often the directory is asked for one answer: its log may have been seen to move
// on meanwhile.
const maxTries = 5

// question is one look-up. Of each try it has what was known before, and what was answered.
type question struct {
	label     entry.Label
	refreshed bool // the trust root was, which is done once
	root      proof.Config
	asked     proof.Asked
	answer    []byte
}

// Lookup is what is published under the label of a user, "mxid:" and the user id, or that nothing
// is. It asks the identity server each time. With ErrNotInForce it is told what is proven all the
// same. Errors: *Alarm, ErrNotInForce, ErrErasing, ErrLabel,
// ErrNoDirectory, ErrRoot, ErrBusy, and those of fedclient where the identity server does not answer.
func (d *Directory) Lookup(ctx context.Context, label string) (Found, error) {
	l, err := entry.ParseLabel(label)
	if err != nil || l.Medium() != entry.MXID {
		return Found{}, ErrLabel
	}
	q := question{label: l}
	for range maxTries {
		found, again, err := d.lookup(ctx, &q)
		if notProven(err) {
			return Found{}, d.raise(ctx, Users, label, err, q.answer)
		}
		if err != nil || !again {
			return found, err
		}
	}
	return Found{}, ErrBusy
}

// lookup asks once. again says that the log was seen to move on meanwhile.
func (d *Directory) lookup(ctx context.Context, q *question) (found Found, again bool, err error) {
	if q.root, err = d.root(ctx); err != nil {
		return Found{}, false, err
	}
	if err := d.stopped(ctx, Users); err != nil {
		return Found{}, false, err
	}
	if q.asked, err = d.asked(ctx, q.root, q.label); err != nil {
		return Found{}, false, err
	}
	q.answer, err = d.Asker.LookupKeys(ctx, d.At, q.label.String(), sizeOf(q.asked.Head))
	if err != nil {
		return Found{}, false, err
	}
	var ended error
	if found.Result, err = d.verified(ctx, q); errors.Is(err, ErrNotInForce) {
		ended = err
	} else if err != nil {
		return Found{}, false, err
	}
	found.Answer = q.answer
	if found.Root, err = json.Marshal(q.root, json.Deterministic(true)); err != nil {
		return Found{}, false, fmt.Errorf("writing the trust root: %w", err)
	}
	if again, err = d.remember(ctx, q.root, q.asked.Head, found.Result); err != nil || again {
		return Found{}, again, err
	}
	return found, false, ended
}

// verified verifies an answer, and once more if it is signed by a key that is not known, by what
// the log has vouched for since. It is the same answer: whoever has shown what does not hold
// cannot take it back.
func (d *Directory) verified(ctx context.Context, q *question) (proof.Result, error) {
	result, err := d.verify(q.answer, q.asked, q.root)
	if q.refreshed || !errors.Is(err, proof.ErrLogKey) && !errors.Is(err, value.ErrServerKey) {
		return result, err
	}
	q.refreshed = true
	if err := d.Refresh(ctx); err != nil {
		return proof.Result{}, fmt.Errorf("looking for a key that is not known: %w", err)
	}
	if q.root, err = d.root(ctx); err != nil {
		return proof.Result{}, err
	}
	return d.verify(q.answer, q.asked, q.root)
}

// asked is what is known before the question.
func (d *Directory) asked(ctx context.Context, root proof.Config, l entry.Label) (asked proof.Asked, err error) {
	asked.Label = l.String()
	if asked.Head, err = selectHead(ctx, d.DB, root.Users.Origin); err != nil {
		return proof.Asked{}, fmt.Errorf("reading the head of the log: %w", err)
	}
	if asked.Version, err = selectVersion(ctx, d.DB, root.Users.Origin, l.String()); err != nil {
		return proof.Asked{}, fmt.Errorf("reading the version that was seen: %w", err)
	}
	return asked, nil
}

func sizeOf(head *tlog.Tree) int64 {
	if head == nil {
		return 0
	}
	return head.N
}

// notProven tells a proof that failed, or that is none, from all else that goes wrong.
func notProven(err error) bool {
	if errors.Is(err, ErrRoot) || errors.Is(err, fedclient.ErrBadAnswer) {
		return false
	}
	_, failed := errors.AsType[*proof.Failed](err)
	return (failed || errors.Is(err, proof.ErrProof)) && !errors.Is(err, proof.ErrUnread)
}

// verify verifies an answer.
func (d *Directory) verify(answer []byte, asked proof.Asked, root proof.Config) (proof.Result, error) {
	policy, err := root.Policy()
	if err != nil {
		return proof.Result{}, err
	}
	lookup, err := proof.Parse(answer)
	if err != nil {
		return proof.Result{}, err
	}
	result, err := proof.Verify(lookup, asked, policy, d.Now())
	if failed, is := errors.AsType[*proof.Failed](err); is && failed.Proven != nil {
		return *failed.Proven, fmt.Errorf("%w: %w", ErrNotInForce, failed.Err)
	}
	if errors.Is(err, proof.ErrErased) {
		return proof.Result{}, ErrErasing
	}
	return result, err
}

// remember keeps how far the log was seen, and the version, unless somebody else has seen it go
// on from where this question began: then it is another tree, which nothing leads to.
func (d *Directory) remember(ctx context.Context, root proof.Config, from *tlog.Tree, r proof.Result) (moved bool, err error) {
	origin := root.Users.Origin
	err = d.DB.Tx(ctx, func(tx *store.Tx) error {
		head, err := selectHead(ctx, tx, origin)
		if err != nil {
			return err
		}
		if moved = !same(head, from) && !same(head, &r.Head); moved {
			return nil
		}
		if err := upsertHead(ctx, tx, origin, r.Head); err != nil {
			return err
		}
		if r.Present {
			if err := upsertVersion(ctx, tx, origin, r.Label.String(), r.Version, d.Now()); err != nil {
				return err
			}
		}
		return d.onTime(ctx, tx, Users)
	})
	if err != nil {
		return false, fmt.Errorf("keeping the head of the log: %w", err)
	}
	return moved, nil
}

func same(a, b *tlog.Tree) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
