package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/keys/value"
	"signet/verify"
)

// sealPatience is a few of the quarters of a second in which the log is sealed.
const sealPatience = 5 * time.Second

// GET /_signet/v1/keys/config
func (a *API) keysConfig(c echo.Context) error {
	config, err := a.Trust(c.Request().Context())
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, config)
}

// Trust is the trust root of who verifies answers of the key directory.
func (a *API) Trust(ctx context.Context) (proof.Config, error) {
	config, err := a.People.Trust(ctx)
	if err != nil {
		return proof.Config{}, err
	}
	if a.Servers != nil {
		if config.Servers, err = a.Servers(ctx); err != nil {
			return proof.Config{}, err
		}
	}
	// After the CONFIGs, so that each key which they name is among these, unless it is revoked.
	own, err := a.Keys.All(ctx)
	if err != nil {
		return proof.Config{}, err
	}
	config.Server, config.Keys = a.Keys.Name, map[matrix.KeyID]proof.Hash{}
	for id, public := range own {
		config.Keys[id] = proof.Hash(public)
	}
	return config, nil
}

type keysLookupRequest struct {
	Label    string `json:"label" required:"true"`
	LastSize int64  `json:"last_size"`
}

// POST /_signet/v1/keys/lookup
func (a *API) keysLookup(c echo.Context, who caller.Caller) error {
	var r keysLookupRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	label, err := entry.ParseLabel(r.Label)
	if err != nil {
		return err
	}
	if err := a.People.Ask(c.Request().Context(), keysAskerOf(c, who)); err != nil {
		return err
	}
	// Whether somebody is behind an address is told within the budget of look-ups.
	if address, is := label.ThirdParty(); is {
		if err := a.Directory.Ask(c.Request().Context(), askerOf(c, who), address); err != nil {
			return err
		}
	}
	found, err := a.People.Lookup(c.Request().Context(), label, r.LastSize)
	if err != nil {
		return err
	}
	return replyPadded(c, found)
}

// keysAskerOf is on whose account the directory of keys works.
func keysAskerOf(c echo.Context, who caller.Caller) people.Asker {
	return people.Asker{Account: who.User, Homeserver: who.Homeserver, Network: mxhttp.ClientNetwork(c)}
}

// proofRequest is how an address is proven; without a session, the caller's own user id is.
type proofRequest struct {
	SID          string `json:"sid"`
	ClientSecret string `json:"client_secret"`
}

type keysPublishRequest struct {
	proofRequest
	Value jsontext.Value `json:"value" required:"true"`
	Wait  bool           `json:"wait"`
}

// POST /_signet/v1/keys/publish
func (a *API) keysPublish(c echo.Context, who caller.Caller) error {
	if user, ok := who.Account(); ok {
		return a.publishForAccount(c, user)
	}
	return a.publishForHomeserver(c, who.Homeserver)
}

func (a *API) publishForAccount(c echo.Context, user matrix.UserID) error {
	var r keysPublishRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := a.People.Attempt(c.Request().Context(), keysAskerOf(c, caller.Account(user))); err != nil {
		return err
	}
	right, err := a.rightOf(c.Request().Context(), r.proofRequest, user)
	if err != nil {
		return err
	}
	object, err := value.Canonical(r.Value)
	if err != nil {
		return err
	}
	ticket, err := a.People.Publish(c.Request().Context(), right.From(mxhttp.ClientNetwork(c)), object)
	if err != nil {
		return err
	}
	return a.replyTicket(c, ticket, r.Wait)
}

func (a *API) rightOf(ctx context.Context, r proofRequest, user matrix.UserID) (people.Right, error) {
	if r.SID == "" {
		return people.ByToken(user)
	}
	p, err := a.Verifier.Prove(ctx, verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}, verify.Account(user))
	if err != nil {
		return people.Right{}, err
	}
	return people.ByProof(p)
}

// Whoever has the key that stands in the directory needs nothing else.
type keysByKeyRequest struct {
	Value jsontext.Value `json:"value" required:"true"`
	Wait  bool           `json:"wait"`
}

// POST /_signet/v1/keys/revoke
func (a *API) keysRevoke(c echo.Context) error { return a.keysByKey(c, a.People.Revoke) }

// POST /_signet/v1/keys/object
func (a *API) keysObject(c echo.Context) error { return a.keysByKey(c, a.People.Object) }

func (a *API) keysByKey(c echo.Context, change func(ctx context.Context, object []byte) (people.Ticket, error)) error {
	var r keysByKeyRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := a.People.Attempt(c.Request().Context(), keysAskerOf(c, caller.Caller{})); err != nil {
		return err
	}
	object, err := value.Canonical(r.Value)
	if err != nil {
		return err
	}
	ticket, err := change(c.Request().Context(), object)
	if err != nil {
		return err
	}
	return a.replyTicket(c, ticket, r.Wait)
}

// heldReply is a ticket for keys that wait for their owner to object: no promise.
type heldReply struct {
	Label     string `json:"label"`
	Version   uint32 `json:"version"`
	SHA256    string `json:"sha256"` // of the value, in unpadded base64url as the next one names it
	HeldUntil int64  `json:"held_until_ts"`
}

// replyTicket answers with what was promised, signed, or with its proof if that comes in time. The
// keys are committed, so that an answer that says otherwise would lose them: whatever keeps the
// proof from coming, the promise stands.
func (a *API) replyTicket(c echo.Context, t people.Ticket, wait bool) error {
	if !t.Due.IsZero() {
		hash := base64.RawURLEncoding.EncodeToString(t.Hash[:])
		return mxhttp.Reply(c, http.StatusAccepted, heldReply{t.Label.String(), t.Version, hash, t.Due.UnixMilli()})
	}
	if wait {
		ctx, cancel := context.WithTimeout(c.Request().Context(), cmp.Or(a.SealPatience, sealPatience))
		defer cancel()
		found, err := a.People.Await(ctx, t)
		if err == nil {
			return mxhttp.Reply(c, http.StatusOK, found)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			mxhttp.Log(c).Error("what was published is not proven yet", "error", err)
		}
	}
	promise, err := a.People.Promise(c.Request().Context(), t)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusAccepted, jsontext.Value(promise))
}
