package keydirectory

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/proof"
)

// Found is what a look-up has shown, with all that others need to verify it themselves.
type Found struct {
	proof.Result
	Answer jsontext.Value // the directory's, as it came
	Root   jsontext.Value // the trust root (proof.Config) that it was verified by
}

// maxTries is how often the directory is asked for one answer: its log may have been seen to move
// on meanwhile, or its keys may have.
const maxTries = 5

// Lookup is what is published under the label of a user, "mxid:" and the user id, or that nothing
// is. It asks the identity server each time. With ErrNotInForce it is told what is proven all the
// same. Errors: *Alarm, ErrNotInForce, ErrErasing, ErrLabel,
// ErrNoDirectory, ErrRoot, ErrBusy, and those of fedclient where the identity server does not answer.
func (d *Directory) Lookup(ctx context.Context, label string) (Found, error) {
	l, err := entry.ParseLabel(label)
	if err != nil || l.Medium() != entry.MXID {
		return Found{}, ErrLabel
	}
	refreshed := false
	for range maxTries {
		found, again, err := d.lookup(ctx, l)
		if errors.Is(err, proof.ErrLogKey) && !refreshed { // the log may have another key since
			refreshed = true
			if err := d.Refresh(ctx); err != nil {
				return Found{}, err
			}
			continue
		}
		if notProven(err) {
			return Found{}, d.raise(ctx, Users, label, err, found.Answer)
		}
		if err != nil || !again {
			return found, err
		}
	}
	return Found{}, ErrBusy
}

// lookup asks once. Of what is notProven Found has the answer.
// again says that the log was seen to move on meanwhile.
func (d *Directory) lookup(ctx context.Context, l entry.Label) (found Found, again bool, err error) {
	root, err := d.root(ctx)
	if err != nil {
		return Found{}, false, err
	}
	if err := d.stopped(ctx, Users); err != nil {
		return Found{}, false, err
	}
	asked, err := d.asked(ctx, root, l)
	if err != nil {
		return Found{}, false, err
	}
	found.Answer, err = d.Asker.LookupKeys(ctx, d.At, l.String(), sizeOf(asked.Head))
	if err != nil {
		return Found{}, false, err
	}
	var ended error
	if found.Result, err = d.verify(found.Answer, asked, root); errors.Is(err, ErrNotInForce) {
		ended = err
	} else if err != nil {
		return found, false, err
	}
	if found.Root, err = json.Marshal(root, json.Deterministic(true)); err != nil {
		return Found{}, false, fmt.Errorf("writing the trust root: %w", err)
	}
	if again, err = d.remember(ctx, root, asked.Head, found.Result); err != nil || again {
		return Found{}, again, err
	}
	return found, false, ended
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
	if errors.Is(err, ErrRoot) {
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
