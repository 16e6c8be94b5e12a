package clientapi

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/mxhttp"
	"signet/internal/store"
	"signet/internal/threepid"
)

func (a *API) contactRoutes() []mxhttp.Route {
	routes := []mxhttp.Route{
		{Method: http.MethodGet, Path: v3 + "/account/3pid", Handler: a.authenticated(a.contacts)},
		{Method: http.MethodPost, Path: v3 + "/account/3pid/add", Handler: a.limitedTo(byConfirm, a.addContact)},
		{Method: http.MethodPost, Path: v3 + "/account/3pid/bind", Handler: a.limitedTo(byAddress, a.bindContact)},
		{Method: http.MethodPost, Path: v3 + "/account/3pid/unbind", Handler: a.limitedTo(byAddress, a.unbindContact)},
		{Method: http.MethodPost, Path: v3 + "/account/3pid/delete", Handler: a.limitedTo(byAddress, a.deleteContact)},
		{Method: http.MethodPost, Path: v3 + "/account/3pid", Handler: a.limitedTo(byAddress, a.bindContactAsBefore)},
	}
	for _, medium := range []threepid.Medium{threepid.Email, threepid.MSISDN} {
		routes = slices.Concat(routes, []mxhttp.Route{
			{Method: http.MethodPost, Path: v3 + "/register/" + string(medium) + "/requestToken", Handler: a.limited(byCode, a.requestRegisterToken(medium))},
			{Method: http.MethodPost, Path: v3 + "/account/password/" + string(medium) + "/requestToken", Handler: a.limited(byCode, a.requestResetToken(medium))},
			{Method: http.MethodPost, Path: v3 + "/account/3pid/" + string(medium) + "/requestToken", Handler: a.limited(byCode, a.requestAddToken(medium))},
			{Method: http.MethodPost, Path: submitPath(medium), Handler: a.limited(byGuess, a.submitToken(medium))},
		})
	}
	return routes
}

type contactsAnswer struct {
	Threepids []contactAnswer `json:"threepids"`
}

// contactAnswer is an address of an account; times are milliseconds since 1970.
type contactAnswer struct {
	Medium      threepid.Medium `json:"medium"`
	Address     string          `json:"address"`
	ValidatedAt int64           `json:"validated_at"`
	AddedAt     int64           `json:"added_at"`
}

// GET /_matrix/client/v3/account/3pid
func (a *API) contacts(c echo.Context, by account.Device) error {
	all, err := a.Contacts.Of(c.Request().Context(), by.User)
	if err != nil {
		return err
	}
	answer := contactsAnswer{Threepids: make([]contactAnswer, len(all))}
	for i, contact := range all {
		answer.Threepids[i] = contactAnswer{contact.Address.Medium(), contact.Address.String(), contact.Validated.UnixMilli(), contact.Added.UnixMilli()}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

type addContactRequest struct {
	Auth         *authData `json:"auth"`
	SID          string    `json:"sid" required:"true"`
	ClientSecret string    `json:"client_secret" required:"true"`
}

// POST /_matrix/client/v3/account/3pid/add
//
// Whether the address was shown is looked at first: a client that asks in order to learn it
// need not have the person type their password for nothing.
func (a *API) addContact(c echo.Context, by account.Device) error {
	var r addContactRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	auth, err := r.Auth.auth()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	proof, err := a.Contacts.Prove(ctx, idclient.Session{SID: r.SID, ClientSecret: r.ClientSecret}, idclient.Add, by.User)
	if err != nil {
		return fromIdentity(err, false)
	}
	op := account.Operation{Name: account.OpAddAddress, By: by, Params: []string{r.SID, r.ClientSecret}}
	err = a.Accounts.Authenticated(ctx, op, auth, func(tx *store.Tx) error {
		if err := a.Contacts.Spend(ctx, tx, proof); err != nil {
			return err
		}
		if err := a.Contacts.TellOfAddress(ctx, tx, newsOf(c, by), proof); err != nil {
			return err
		}
		return a.Contacts.Add(ctx, tx, by.User, proof)
	})
	a.Contacts.Send()
	return answer(c, empty{}, err)
}

// newsOf is who does something of which the owner of the account is told, and from where.
func newsOf(c echo.Context, by account.Device) contact.News {
	return contact.News{User: by.User, Client: mxhttp.ClientAddr(c), Language: language(c, "")}
}
