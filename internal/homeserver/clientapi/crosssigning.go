package clientapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/store"
)

type uploadCrossSigningRequest struct {
	Auth        *authData      `json:"auth"`
	Master      jsontext.Value `json:"master_key"`
	SelfSigning jsontext.Value `json:"self_signing_key"`
	UserSigning jsontext.Value `json:"user_signing_key"`
}

// POST /_matrix/client/v3/keys/device_signing/upload
func (a *API) uploadCrossSigning(c echo.Context, device account.Device) error {
	var r uploadCrossSigningRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	auth, err := r.Auth.auth()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	keys := e2ee.CrossSigningUpload{Master: present(r.Master), SelfSigning: present(r.SelfSigning), UserSigning: present(r.UserSigning)}
	op := account.Operation{Name: account.OpReplaceKeys, By: device, Params: []string{oneForm(keys.Master), oneForm(keys.SelfSigning), oneForm(keys.UserSigning)}}
	err = a.Encryption.UploadCrossSigning(ctx, device.User, keys, a.authentication(op, auth))
	return answer(c, empty{}, a.Accounts.Again(ctx, op, err))
}

// oneForm is the same text for the same object: a client that sends its request again may
// write the members in another order.
func oneForm(raw jsontext.Value) string {
	form := raw.Clone()
	if form.Canonicalize() != nil {
		return string(raw) // which is refused
	}
	return string(form)
}

// authentication is that of account, spent where the stream writes.
func (a *API) authentication(op account.Operation, auth *account.Auth) e2ee.Authenticate {
	return func(ctx context.Context) (func(context.Context, *store.Tx) error, error) {
		pass, err := a.Accounts.Pass(ctx, op, auth)
		return func(ctx context.Context, tx *store.Tx) error {
			err := a.Accounts.Spend(ctx, tx, pass)
			if errors.Is(err, account.ErrUIASession) {
				return stream.Refuse(err)
			}
			return err
		}, err
	}
}

type uploadSignaturesAnswer struct {
	Failures map[matrix.UserID]map[string]failure `json:"failures"`
}

// POST /_matrix/client/v3/keys/signatures/upload
func (a *API) uploadSignatures(c echo.Context, device account.Device) error {
	var r e2ee.SignedKeys
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	failures, err := a.Encryption.UploadSignatures(c.Request().Context(), device.User, r)
	if err != nil {
		return err
	}
	answer := uploadSignaturesAnswer{map[matrix.UserID]map[string]failure{}}
	for user, byKey := range failures {
		answer.Failures[user] = map[string]failure{}
		for key, err := range byKey {
			answer.Failures[user][key] = failureOf(err)
		}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}
