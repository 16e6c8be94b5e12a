package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/keys/proof"
)

// chronicle is the history of an address as its owner reads it: what the log proves and
// nothing that it does not.
type chronicle struct {
	Behind bool // something is not in the log yet
	Unread bool // the log could not be read; then there is nothing more than Waits
	Waits  *waits
	// Failed says why the history is not to be believed; then there is nothing more of it.
	Failed string
	Stale  bool     // as the newest checkpoint is not of now
	Held   []string // the steps of the verification that held
	Events []event  // the newest first
	Back   int      // how many pages before the newest they are
	Older  bool     // there are older ones
	// Named is whom the keys name that are published now, if that is somebody else than is
	// behind the address.
	Named  matrix.UserID
	Size   int64 // of the log, in entries; 0 where it has none yet
	Sealed time.Time
	Root   string
	Verify string // the commands by which others verify
	Audit  string
}

// history is the chronicle of an address, nil where there is none. user is who is behind the
// address now, as the directory has it. What an owner may do on the page does not depend on
// the log: one that cannot be read, as after an older database was restored, is said to be so.
func (p *Pages) history(c echo.Context, a threepid.Address, user matrix.UserID, back int) *chronicle {
	if p.Log == nil {
		return nil
	}
	bound, err := entry.BindingLabel(a)
	if err != nil {
		return nil // it is too long to be in the log
	}
	keys, err := entry.AddressLabel(a)
	if err != nil {
		return nil
	}
	h := &chronicle{Back: back}
	err = p.read(c, h, a, user, bound, keys)
	if _, limited := waitFor(err); err != nil && !limited {
		mxhttp.Log(c).Error("the history of an address cannot be read", "error", err)
	}
	h.Unread = err != nil
	return h
}

// read fills in what waits, how others verify, and what the log proves.
func (p *Pages) read(c echo.Context, h *chronicle, a threepid.Address, user matrix.UserID, bound, keys entry.Label) error {
	ctx := c.Request().Context()
	if err := p.readWaiting(ctx, h, keys); err != nil {
		return err
	}
	config, err := p.Trust(ctx)
	if err != nil {
		return err
	}
	h.setCommands(config, a, p.PublicURL)
	parts, back, err := p.windows(ctx, h.Back, bound, keys)
	if err != nil {
		return err
	}
	h.Back = back
	for _, w := range parts { // each version costs a proof, and the page may be loaded again and again
		if w.empty {
			continue
		}
		if err := p.Log.AskHistory(ctx, people.Asker{Network: mxhttp.ClientNetwork(c)}, w.label, w.Page); err != nil {
			return err
		}
	}
	return p.tell(c, h, config, user, parts)
}

// readWaiting reads what is on its way into the log.
func (p *Pages) readWaiting(ctx context.Context, h *chronicle, keys entry.Label) error {
	r, err := p.Log.Waiting(ctx, keys)
	if err != nil {
		return err
	}
	if r != nil {
		h.Waits = waitsOf(r)
	}
	h.Behind, err = p.Log.Behind(ctx, keys)
	return err
}

// waits is keys that wait and that no old key has signed.
type waits struct {
	Until    time.Time
	Replaces bool          // there is an old key, which could object
	Names    matrix.UserID // whom they name; empty for nobody
	Keys     []fingerprint // none if they cannot be read
}

func waitsOf(r *people.Recovery) *waits {
	w := &waits{Until: r.Due.UTC(), Replaces: r.Replaces}
	if r.Value != nil {
		w.Names, w.Keys = r.Value.MXID, fingerprints(r.Value.Keys)
	}
	return w
}

// setCommands says how others verify, as a shell takes it.
func (h *chronicle) setCommands(config proof.Config, a threepid.Address, publicURL string) {
	text := a.String()
	if a.Medium() == threepid.MSISDN {
		text = "+" + text
	}
	h.Verify = fmt.Sprintf("idserver verify --server %s -- %s", publicURL, quoted(text)) // it may begin with a -
	if len(config.Users.VKeys) > 0 {
		h.Audit = fmt.Sprintf("idserver audit %s/_signet/v1/keys/log/users --key %s", publicURL, quoted(config.Users.VKeys[0]))
	}
}

// quoted is one word of a shell, whatever is in it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// tell fills in what the log proves. A proof that fails is told to the owner, and to whoever
// runs the server.
func (p *Pages) tell(c echo.Context, h *chronicle, config proof.Config, user matrix.UserID, parts []window) error {
	now, pasts, err := p.verify(c.Request().Context(), config, parts)
	switch {
	case errors.Is(err, people.ErrNotYet):
		h.Behind = true
		return nil
	case err != nil && h.refuse(err):
		mxhttp.Log(c).Error("the history of an address is not shown as true", "error", err)
		return nil
	case err != nil:
		return err
	}
	h.Size, h.Sealed, h.Root = now.Head.N, now.Sealed.UTC(), now.Head.Hash.String()
	for i, past := range pasts {
		h.Held = append(h.Held, lines(past.Held)...)
		h.Events = append(h.Events, eventsOf(past, i == 1)[parts[i].context:]...)
		h.Older = h.Older || parts[i].older
	}
	slices.SortStableFunc(h.Events, func(a, b event) int { return cmp.Compare(b.Number, a.Number) })
	if h.Back > 0 {
		return nil // who is found now is on the newest page
	}
	h.Behind = h.Behind || boundIn(pasts[0]) != user
	if named := namedIn(pasts[1]); named != user {
		h.Named = named
	}
	return nil
}

// refuse says why a history is not to be believed; false is of one that could not be read. A
// log that stands still contradicts nothing.
func (h *chronicle) refuse(err error) bool {
	failed, is := errors.AsType[*proof.Failed](err)
	switch {
	case is:
		h.Failed, h.Held = failed.Error(), lines(failed.Held)
		h.Stale = errors.Is(err, proof.ErrStale) || errors.Is(err, proof.ErrAhead)
	case errors.Is(err, people.ErrDamaged), errors.Is(err, proof.ErrProof):
		h.Failed = err.Error()
	default:
		return false
	}
	return true
}

// verify asks for parts of histories and verifies each as anybody would who has it as a file:
// with nothing but the trust root, and the second against the log that the first has shown.
func (p *Pages) verify(ctx context.Context, config proof.Config, parts []window) (newest proof.Past, pasts []proof.Past, err error) {
	policy, err := config.Policy()
	if err != nil {
		return proof.Past{}, nil, err
	}
	var seen *tlog.Tree
	for _, w := range parts {
		if w.empty {
			pasts = append(pasts, proof.Past{})
			continue
		}
		if newest, err = p.verifyOne(ctx, policy, w, seen); err != nil {
			return proof.Past{}, nil, err
		}
		head := newest.Head
		seen, pasts = &head, append(pasts, newest)
	}
	return newest, pasts, nil
}

func (p *Pages) verifyOne(ctx context.Context, policy proof.Policy, w window, seen *tlog.Tree) (proof.Past, error) {
	asked := proof.Asked{Label: w.label.String(), From: w.From, Head: seen}
	var size int64
	if seen != nil {
		size = seen.N
	}
	h, err := p.Log.History(ctx, w.label, w.Page, size)
	if err != nil {
		return proof.Past{}, err
	}
	file, err := json.Marshal(h)
	if err != nil {
		return proof.Past{}, err
	}
	read, err := proof.ParseHistory(file)
	if err != nil {
		return proof.Past{}, err
	}
	return proof.VerifyHistory(read, asked, policy, p.Now())
}

func lines(held []proof.Line) (all []string) {
	for _, l := range held {
		all = append(all, l.String())
	}
	return all
}
