package publication

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/value"
)

// lingering is how long after an erasure the directory is asked for it once more: keys that were
// under way may have come there since.
const lingering = 10 * time.Minute

func (p *Publications) fulfil(ctx context.Context, w wish) error {
	if w.agreed {
		return p.publish(ctx, w)
	}
	return p.erase(ctx, w)
}

// publish looks what stands in the directory, and sends what is to stand there unless that was
// done for this wish already.
func (p *Publications) publish(ctx context.Context, w wish) error {
	cross, err := p.Keys.CrossSigning(ctx, w.user)
	if err != nil {
		return fmt.Errorf("reading keys to be published: %w", err)
	}
	known, err := selectKeys(ctx, p.DB, w.user)
	if err != nil {
		return fmt.Errorf("reading keys that were published: %w", err)
	}
	f, err := p.Directory.Lookup(ctx, label(w.user))
	ended := errors.Is(err, value.ErrExpired) && errors.Is(err, keydirectory.ErrNotInForce)
	if err != nil && !ended {
		return p.failed(ctx, w, err)
	}
	ids := keyIDs(cross)
	for _, name := range ids {
		known[name] = true
	}
	before := w.alarm
	w.look(f, ids, known, p.Now())
	if ended && w.found == same {
		w.found = older // what stands there is of before, and new keys can follow on it
	}
	if before.IsZero() && !w.alarm.IsZero() {
		p.Log.Error("the key directory has for a user what is not theirs, or not what it has promised", "user", w.user, "found", w.found, "version", w.foundVersion)
	}
	if whole(ids) && w.found != same && w.fulfilled < w.number {
		return p.send(ctx, w, cross, f)
	}
	w.fulfilled, w.problem, w.tries = w.number, "", 0
	return p.settle(ctx, w, w.next(p.Now()))
}

func label(user matrix.UserID) string { return "mxid:" + user.String() }

// send sends keys as the next version. A value is written down before, so that it is the same
// that is sent again, by a later wish for the same too: another one would make a recovery wait
// from the start.
func (p *Publications) send(ctx context.Context, w wish, cross []signedkey.CrossSigning, f keydirectory.Found) (err error) {
	if !w.sentAlready(f, keyIDs(cross)) {
		if w.sent, err = p.draft(w.user, cross, f); err != nil {
			return p.failed(ctx, w, err)
		}
		wanted, err := p.prepare(ctx, w, keyIDs(cross))
		if err != nil || !wanted {
			return err
		}
	}
	ticket, err := p.Identity.PublishKeys(ctx, p.At, w.user, w.sent)
	if answer, is := errors.AsType[fedclient.Refusal](err); is && answer.Status == http.StatusConflict {
		w.sent = nil // another was faster, or what was found is not the newest any more
	}
	if err != nil {
		return p.failed(ctx, w, err)
	}
	w.fulfilled, w.problem, w.tries = w.number, "", 0
	w.version, w.promised, w.heldUntil = int64(ticket.Version), p.Now(), ticket.HeldUntil
	return p.settle(ctx, w, w.next(p.Now()))
}

// draft is the value that comes after what was found.
func (p *Publications) draft(user matrix.UserID, cross []signedkey.CrossSigning, f keydirectory.Found) ([]byte, error) {
	d := value.Draft{User: user, NotBefore: p.Now()}
	d.Version, d.Previous = after(f)
	for _, key := range cross {
		switch key.Usage {
		case signedkey.Master:
			d.Master = key.JSON()
		case signedkey.SelfSigning:
			d.SelfSigning = key.JSON()
		case signedkey.UserSigning:
			d.UserSigning = key.JSON()
		}
	}
	return value.FromCrossSigning(d)
}

// after is the number of the next version, and the hash that it has to name, if any.
func after(f keydirectory.Found) (version uint32, previous string) {
	if f.Present {
		version = f.Version + 1
	}
	if before, is := f.Value.(*value.User); is {
		previous = before.Hash()
	}
	return version, previous
}

// prepare writes down what is about to be sent, and tells whether the user still wishes it.
func (p *Publications) prepare(ctx context.Context, w wish, keys map[value.KeyID]string) (wanted bool, err error) {
	err = p.DB.Tx(ctx, func(tx *store.Tx) error {
		for name := range maps.Values(keys) {
			if err := insertKey(ctx, tx, w.user, name); err != nil {
				return err
			}
		}
		wanted, err = updateWish(ctx, tx, w)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("writing down what is published: %w", err)
	}
	return wanted, nil
}

// erase has the keys erased: twice, and then nothing is kept of the wish.
func (p *Publications) erase(ctx context.Context, w wish) error {
	at, err := p.known(w.at)
	if err != nil { // no directory was there yet when they agreed
		return p.forget(ctx, w)
	}
	err = p.Identity.EraseKeys(ctx, at, w.user)
	switch {
	case err == nil && w.fulfilled == w.number, w.takesNothing(err):
		return p.forget(ctx, w)
	case err == nil:
		w.fulfilled, w.tries, w.problem = w.number, 0, ""
		w.version, w.heldUntil, w.alarm = -1, time.Time{}, time.Time{}
		return p.settle(ctx, w, p.Now().Add(lingering))
	case w.tries == fedclient.Hope:
		return errors.Join(err, p.forget(ctx, w))
	}
	return p.failed(ctx, w, err)
}

// takesNothing tells whether the error of an erasure says that nothing is to be erased there: of a
// server without a directory. Where one was seen, an answer that is none of Matrix, as a proxy
// gives in its server's place, says nothing.
func (w *wish) takesNothing(err error) bool {
	answer, refused := errors.AsType[fedclient.Refusal](err)
	return refused && answer.Unrecognized() && (answer.Errcode == matrix.Unrecognized || w.found == unseen)
}

// known is an identity server that was asked before, also one that is used no more.
func (p *Publications) known(name matrix.ServerName) (idclient.Server, error) {
	if at, err := p.Trusted.Named(name.String()); err == nil {
		return at, nil
	}
	return idclient.ParseServer(name.String())
}

func (p *Publications) forget(ctx context.Context, w wish) error {
	ctx = context.WithoutCancel(ctx)
	if err := p.DB.Tx(ctx, func(tx *store.Tx) error { return deleteWish(ctx, tx, w) }); err != nil {
		return fmt.Errorf("ending a wish: %w", err)
	}
	return nil
}

// settle writes what has become of a wish and when to look at it again. A wish that has come
// since is due already.
func (p *Publications) settle(ctx context.Context, w wish, due time.Time) error {
	w.due = due
	if _, err := updateWish(context.WithoutCancel(ctx), p.DB, w); err != nil {
		return fmt.Errorf("writing what has become of a wish: %w", err)
	}
	return nil
}

// failed has a wish tried again later, and returns why.
func (p *Publications) failed(ctx context.Context, w wish, why error) error {
	w.tries++
	answer, is := errors.AsType[fedclient.Refusal](why)
	_, alarm := errors.AsType[*keydirectory.Alarm](why)
	switch {
	case alarm:
		w.problem = unproven
	case errors.Is(why, keydirectory.ErrNoDirectory):
		w.problem = unable
	case is && answer.Status == http.StatusTooManyRequests:
		w.problem = limited
	case refused(why):
		w.problem = refusing
	default:
		w.problem = away
	}
	return errors.Join(why, p.settle(ctx, w, p.Now().Add(max(fedclient.Pause(w.tries), answer.RetryAfter))))
}

// refused tells whether an error is about one user alone, and others may still be asked for.
func refused(err error) bool {
	answer, _ := errors.AsType[fedclient.Refusal](err)
	is := (fedclient.Final(err) || answer.Status == http.StatusConflict) && !errors.Is(err, keydirectory.ErrNoDirectory)
	for _, unfit := range []error{keydirectory.ErrLabel, keydirectory.ErrNotInForce, entry.ErrLabel, value.ErrValue, value.ErrSignature} {
		is = is || errors.Is(err, unfit)
	}
	return is
}
