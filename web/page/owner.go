package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/keys/people"
	"signet/lookup"
	"signet/verify"
)

// OwnerPath is the path of the page where the owner of an address sees and takes back what
// is stored about it. Below it are the actions.
const OwnerPath = "/_signet/owner"

// askOwnerPage asks for the address that is to be managed.
type askOwnerPage struct{ forms }

// ownerPage is for whoever has just shown that an address is theirs. Its forms carry the
// session, as those of every page do.
type ownerPage struct {
	waiting
	lookup.Owned
	Refused   time.Time // until when no messages are sent; zero: they are
	NeverPath string    // of the page of those who want no invitations; empty where there are none
	back      int       // how many pages of the history before the newest
	History   *chronicle
	Done      string // what was just done, a part of the key of its phrase
	Trouble   refusal
}

// GET /_signet/owner
func (p *Pages) owner(c echo.Context) error {
	return p.render(c, http.StatusOK, askOwnerName, askOwnerPage{p.forms(c, verify.Manage)})
}

// GET /_signet/owner/{action}
//
// What a browser asks for when somebody returns to the address of a form's answer.
func (p *Pages) startOwner(c echo.Context) error {
	private(c, pagePolicy)
	return c.Redirect(http.StatusSeeOther, withLanguage(OwnerPath, c))
}

func (p *Pages) askOwner(c echo.Context, medium threepid.Medium, a asking) error {
	return p.render(c, a.Trouble.status, askOwnerName, askOwnerPage{p.refill(c, verify.Manage, medium, a)})
}

// proveOwner shows the page after the code was typed.
func (p *Pages) proveOwner(c echo.Context, w waiting, _ verify.Proof) error {
	return p.asOwner(c, w, func(context.Context, verify.Proof) error { return nil }, "")
}

// POST /_signet/owner
//
// For whoever has confirmed by the link in the message, or reads on in the history.
func (p *Pages) showOwner(c echo.Context) error {
	w, f, err := readWaiting(c)
	if err != nil {
		return err
	}
	back, err := backIn(f)
	if err != nil {
		return err
	}
	proof, err := p.prove(c, &w)
	if err != nil {
		return p.failOwner(c, w, err)
	}
	return p.renderOwner(c, proof, ownerPage{waiting: w, back: back})
}

// ownersAction is what the owner of an address may do, with the form that says so.
type ownersAction func(c echo.Context, w waiting, f form) error

// atOwner reads what session an action is done with.
func (p *Pages) atOwner(do ownersAction) echo.HandlerFunc {
	return func(c echo.Context) error {
		w, f, err := readWaiting(c)
		if err != nil {
			return err
		}
		return do(c, w, f)
	}
}

// POST /_signet/owner/unbind
func (p *Pages) unbindOwned(c echo.Context, w waiting, _ form) error {
	return p.asOwner(c, w, p.Directory.UnbindAsOwner, "unbind")
}

// POST /_signet/owner/refuse
func (p *Pages) refuse(c echo.Context, w waiting, _ form) error {
	return p.asOwner(c, w, p.Verifier.Refuse, "refuse")
}

// POST /_signet/owner/allow
func (p *Pages) allowAgain(c echo.Context, w waiting, _ form) error {
	return p.asOwner(c, w, p.Verifier.Allow, "allow")
}

// POST /_signet/owner/discard
//
// What waits no more is in the history, or somebody else has discarded it.
func (p *Pages) discard(c echo.Context, w waiting, _ form) error {
	err := p.asOwner(c, w, p.Log.Discard, "discard")
	if errors.Is(err, people.ErrNoRecovery) {
		return p.proveOwner(c, w, verify.Proof{})
	}
	return err
}

// asOwner does something with the proof of a session and shows the page as it is then.
func (p *Pages) asOwner(c echo.Context, w waiting, do func(context.Context, verify.Proof) error, done string) error {
	proof, err := p.prove(c, &w)
	if err == nil {
		err = do(c.Request().Context(), proof)
	}
	if err != nil {
		return p.failOwner(c, w, err)
	}
	return p.renderOwner(c, proof, ownerPage{waiting: w, Done: done})
}

// prove returns the proof of a session, whose address is the one that counts: a form may
// name any.
func (p *Pages) prove(c echo.Context, w *waiting) (verify.Proof, error) {
	if w.flow.purpose != verify.Manage {
		return verify.Proof{}, errForm
	}
	proof, err := p.Verifier.ProveOwner(c.Request().Context(), w.credentials())
	if err == nil {
		w.address = proof.Address()
	}
	return proof, err
}

func (p *Pages) renderOwner(c echo.Context, proof verify.Proof, o ownerPage) (err error) {
	ctx := c.Request().Context()
	if o.Owned, err = p.Directory.Owned(ctx, proof); err != nil {
		return err
	}
	if o.Refused, err = p.Verifier.RefusedUntil(ctx, proof); err != nil {
		return err
	}
	if p.Invites != nil {
		o.NeverPath = withLanguage(NeverPath(p.Invites.NeverToken(proof.Address())), c)
	}
	o.History = p.history(c, proof.Address(), o.User, o.back)
	o.Since, o.NotAfter, o.Refused = utc(o.Since), utc(o.NotAfter), utc(o.Refused)
	status := http.StatusOK
	if o.Trouble.Is != "" {
		status = o.Trouble.status
	}
	return p.render(c, status, ownerName, o)
}

// failOwner sends back to the code whoever has not confirmed yet, and tells others that
// their time is over. A session of something else is none here.
func (p *Pages) failOwner(c echo.Context, w waiting, err error) error {
	switch {
	case errors.Is(err, verify.ErrNotValidated):
		return p.fail(c, w, verify.ErrNotValidated)
	case errors.Is(err, verify.ErrExpired):
		return p.showProblem(c, refusal{Is: ownerOver, status: http.StatusGone})
	case errors.Is(err, verify.ErrNoSession), errors.Is(err, verify.ErrOtherPurpose):
		return p.showProblem(c, refusal{Is: noSession, status: http.StatusNotFound})
	}
	return err
}

// POST /_signet/owner/erase
//
// What cannot be undone is done with a tick and a button, not with a slip of the hand.
func (p *Pages) erase(c echo.Context, w waiting, f form) error {
	proof, err := p.prove(c, &w)
	if err != nil {
		return p.failOwner(c, w, err)
	}
	if f["sure"] == "" {
		return p.renderOwner(c, proof, ownerPage{waiting: w, Trouble: refusal{Is: unsure, status: http.StatusBadRequest}})
	}
	if err := p.Directory.EraseAsOwner(c.Request().Context(), proof); err != nil {
		return p.failOwner(c, w, err)
	}
	return p.render(c, http.StatusOK, erasedName, w)
}

// download is the file in which the owner of an address takes along what is stored about it.
type download struct {
	Server  matrix.ServerName `json:"server"`
	At      int64             `json:"at_ts"`
	Medium  threepid.Medium   `json:"medium"`
	Address string            `json:"address"`
	Held    lookup.Document   `json:"held"`
}

// POST /_signet/owner/download
func (p *Pages) download(c echo.Context) error {
	w, _, err := readWaiting(c)
	if err != nil {
		return err
	}
	proof, err := p.prove(c, &w)
	if err != nil {
		return p.failOwner(c, w, err)
	}
	held, err := p.Directory.HeldFor(c.Request().Context(), proof)
	if err != nil {
		return err
	}
	file, err := json.Marshal(download{Server: p.Name, At: p.Now().UnixMilli(), Medium: w.address.Medium(), Address: w.address.String(), Held: held},
		json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	private(c, "default-src 'none'; frame-ancestors 'none'")
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="signet.json"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, file)
}
