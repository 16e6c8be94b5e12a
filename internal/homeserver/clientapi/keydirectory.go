package clientapi

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/publication"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/keys/value"
)

// keyDirectoryRoutes is the part of the table that stands on publication and keycheck.
func (a *API) keyDirectoryRoutes() []mxhttp.Route {
	const keys = "/_signet/client/v1/keys"
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: keys + "/directory", Handler: a.authenticated(a.publication)},
		{Method: http.MethodGet, Path: keys + "/:userId", Handler: a.authenticated(a.checkKeys)},
	}
}

// What a look-up in the key directory is refused with.
var errNoKeyDirectory = errors.New("this server uses no key directory")

// keyDirectoryAnswers is what the errors of keycheck mean to a client.
var keyDirectoryAnswers = mxhttp.Answers{
	{errNoKeyDirectory, http.StatusNotFound, matrix.Unrecognized},
	{keydirectory.ErrNoDirectory, http.StatusNotFound, matrix.Unrecognized},
	{keydirectory.ErrLabel, http.StatusBadRequest, matrix.InvalidParam},
	{keydirectory.ErrNotInForce, http.StatusNotFound, matrix.NotFound},
	{keycheck.ErrAway, http.StatusBadGateway, matrix.Unknown},
}

type publicationAnswer struct {
	Publish   bool              `json:"publish"`
	State     publication.Phase `json:"state"`
	Server    matrix.ServerName `json:"identity_server"`
	Version   *int64            `json:"version,omitzero"`
	HeldUntil int64             `json:"held_until_ts,omitzero"`
	Checked   int64             `json:"checked_ts,omitzero"`
	Alarm     int64             `json:"alarm_since_ts,omitzero"`
	Problem   string            `json:"problem,omitzero"`
	Retry     int64             `json:"retry_ts,omitzero"`
}

// GET /_signet/client/v1/keys/directory
func (a *API) publication(c echo.Context, by account.Device) error {
	if a.Checks == nil {
		return errNoKeyDirectory
	}
	s, err := a.Publications.State(c.Request().Context(), by.User)
	if err != nil {
		return err
	}
	answer := publicationAnswer{Publish: s.Agreed, State: s.Phase, Server: a.Publications.At.Name, HeldUntil: store.Millis(s.HeldUntil),
		Checked: store.Millis(s.Checked), Alarm: store.Millis(s.Alarm), Problem: s.Problem, Retry: store.Millis(s.Retry)}
	if s.Version >= 0 {
		answer.Version = &s.Version
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

type checkAnswer struct {
	UserID  matrix.UserID          `json:"user_id"`
	State   keycheck.State         `json:"state"`
	Version *uint32                `json:"version,omitzero"`
	Keys    map[value.KeyID]string `json:"keys,omitzero"`
	How     value.How              `json:"how,omitzero"`
	Sealed  int64                  `json:"sealed_ts"`
	Lookup  jsontext.Value         `json:"lookup"`
	Trust   jsontext.Value         `json:"trust"`
}

// The states of a check beside those of keycheck.
const (
	unknownKeys keycheck.State = "unknown" // the user's server does not say what their keys are
	heldKeys    keycheck.State = "held"    // the caller's own keys wait to take the place of others
)

// GET /_signet/client/v1/keys/{userId}
func (a *API) checkKeys(c echo.Context, by account.Device) error {
	text, err := mxhttp.Segment(c, "userId")
	if err != nil {
		return err
	}
	user, err := matrix.ParseUserID(text)
	if err != nil {
		return err
	}
	if a.Checks == nil {
		return errNoKeyDirectory
	}
	if err := a.charge(c, slices.Concat(byCheckOf.ofClient(c, 1), []quota.Charge{{Budget: string(byCheck), Subject: by.User.String(), N: 1}})...); err != nil {
		return err
	}
	ctx := c.Request().Context()
	found, err := a.Checks.Lookup(ctx, user)
	if err != nil {
		return err
	}
	answer := checkAnswer{UserID: user, Sealed: found.Sealed.UnixMilli(), Lookup: found.Answer, Trust: found.Root}
	if answer.State, err = a.compareKeys(ctx, by.User, user, found); err != nil {
		return err
	}
	if found.Present {
		answer.Version = &found.Version
	}
	if keys, is := found.Value.(*value.User); is {
		answer.Keys, answer.How = map[value.KeyID]string{}, keys.Auth.How
		for id, key := range keys.Keys {
			answer.Keys[id] = matrix.EncodeBase64(key)
		}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// compareKeys holds what was found against what the user's server shows to the caller.
func (a *API) compareKeys(ctx context.Context, by, user matrix.UserID, found keydirectory.Found) (keycheck.State, error) {
	keys, failures, err := a.Encryption.Query(ctx, by, e2ee.Query{user: nil}, keysWait)
	if err != nil {
		return "", err
	}
	if failures[user.Server()] != nil && found.Present {
		return unknownKeys, nil
	}
	state := keycheck.Compare(found, shownKeys(user, keys))
	if by != user || state != keycheck.Different {
		return state, nil
	}
	own, err := a.Publications.State(ctx, by)
	if err == nil && own.Phase == publication.Held {
		state = heldKeys
	}
	return state, err
}

// shownKeys is the cross-signing keys of a user in an answer to clients.
func shownKeys(user matrix.UserID, keys e2ee.Keys) keycheck.Shown {
	name := func(of map[matrix.UserID]jsontext.Value, usage signedkey.Usage) string {
		key, err := signedkey.ParseCrossSigning(of[user], user, usage)
		if err != nil {
			return "" // none, or nothing that a client would take
		}
		return key.Name
	}
	return keycheck.Shown{Master: name(keys.Master, signedkey.Master), SelfSigning: name(keys.SelfSigning, signedkey.SelfSigning), UserSigning: name(keys.UserSigning, signedkey.UserSigning)}
}

// checkedMember is the member of a master key's unsigned under which a check stands.
const checkedMember = "im.signet.keys"

type checkedKeys struct {
	State   keycheck.State `json:"state"`
	Version *uint32        `json:"version,omitzero"`
	Lookup  jsontext.Value `json:"lookup"`
}

// addChecks adds to master keys what was looked up of their users, where that is at hand: the
// directory is asked for nothing. What another server says there itself is proven by nobody.
func (a *API) addChecks(keys e2ee.Keys) error {
	for user, master := range keys.Master {
		var checked jsontext.Value
		if a.Checks != nil {
			if found, there := a.Checks.AtHand(user); there {
				check := checkedKeys{State: keycheck.Compare(found, shownKeys(user, keys)), Lookup: found.Answer}
				if found.Present {
					check.Version = &found.Version
				}
				var err error
				if checked, err = json.Marshal(check); err != nil {
					return err
				}
			}
		}
		var err error
		if keys.Master[user], err = withChecked(master, checked); err != nil {
			return err
		}
	}
	return nil
}

// withChecked is a key with a check in its unsigned, or, for nil, with none.
func withChecked(key, checked jsontext.Value) (jsontext.Value, error) {
	var members, unsigned map[string]jsontext.Value
	if err := json.Unmarshal(key, &members); err != nil {
		return key, nil // what is no object has no unsigned
	}
	if json.Unmarshal(members["unsigned"], &unsigned) != nil || unsigned == nil {
		unsigned = map[string]jsontext.Value{}
	}
	_, claimed := unsigned[checkedMember]
	if checked == nil && !claimed {
		return key, nil
	}
	delete(unsigned, checkedMember)
	if checked != nil {
		unsigned[checkedMember] = checked
	}
	var err error
	if members["unsigned"], err = json.Marshal(unsigned, json.Deterministic(true)); err != nil {
		return nil, err
	}
	return json.Marshal(members, json.Deterministic(true))
}
