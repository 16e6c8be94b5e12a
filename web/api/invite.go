package api

import (
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/lookup/invite"
)

// storeInviteRequest has what a message shows. Avatars and join rules are not read: a
// message loads nothing remote.
type storeInviteRequest struct {
	Medium     string `json:"medium" required:"true"`
	Address    string `json:"address" required:"true"`
	RoomID     string `json:"room_id" required:"true"`
	Sender     string `json:"sender" required:"true"`
	RoomAlias  string `json:"room_alias"`
	RoomName   string `json:"room_name"`
	RoomType   string `json:"room_type"`
	SenderName string `json:"sender_display_name"`
	person
}

type invitePublicKey struct {
	PublicKey   string `json:"public_key"`
	ValidityURL string `json:"key_validity_url"`
}

type storeInviteAnswer struct {
	Token       string            `json:"token"`
	PublicKeys  []invitePublicKey `json:"public_keys"`
	DisplayName string            `json:"display_name"`
}

// POST /_matrix/identity/v2/store-invite
func (a *API) storeInvite(c echo.Context, who caller.Caller) error {
	var r storeInviteRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	request, err := r.request(c, who)
	if err != nil {
		return err
	}
	stored, err := a.Invites.Store(c.Request().Context(), request)
	if err != nil {
		return err
	}
	// The ephemeral key is in the alphabet that survives a query string as it stands.
	return mxhttp.Reply(c, http.StatusOK, storeInviteAnswer{
		Token: stored.Token,
		PublicKeys: []invitePublicKey{
			{matrix.EncodeBase64(stored.ServerKey), a.PublicURL + pubkeyIsValidPath},
			{base64.RawURLEncoding.EncodeToString(stored.Ephemeral), a.PublicURL + ephemeralIsValidPath},
		},
		DisplayName: stored.DisplayName,
	})
}

func (r storeInviteRequest) request(c echo.Context, who caller.Caller) (invite.Request, error) {
	q := invite.Request{
		RoomName: r.RoomName, RoomAlias: r.RoomAlias, RoomType: r.RoomType, SenderName: r.SenderName,
		Language: r.language(c),
	}
	var addressErr, roomErr, clientErr error
	q.Address, addressErr = threepid.Parse(r.Medium, r.Address)
	q.Room, roomErr = matrix.ParseRoomID(r.RoomID)
	q.Client, clientErr = r.client(c, who)
	if errors.Is(addressErr, threepid.ErrMedium) {
		addressErr = invite.ErrMedium
	}
	if err := errors.Join(addressErr, roomErr, clientErr); err != nil {
		return q, err
	}
	sender, err := matrix.ParseUserID(r.Sender)
	if err != nil {
		return q, err
	}
	q.Sender = sender
	return q, mayInvite(who, sender)
}

// mayInvite lets accounts invite in their own name, and homeservers in that of their users.
func mayInvite(who caller.Caller, sender matrix.UserID) error {
	user, ok := who.Account()
	if ok && user == sender || !ok && who.Homeserver == sender.Server() {
		return nil
	}
	return forbidden("the sender must be the account that calls, or a user of the homeserver that does")
}

// GET /_matrix/identity/v2/pubkey/ephemeral/isvalid
func (a *API) ephemeralIsValid(c echo.Context) error {
	public, err := mxhttp.Query(c, "public_key")
	if err != nil {
		return err
	}
	valid, err := a.Invites.KeyValid(c.Request().Context(), public)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Valid bool `json:"valid"`
	}{valid})
}

type signInviteRequest struct {
	MXID       string `json:"mxid" required:"true"`
	Token      string `json:"token" required:"true"`
	PrivateKey string `json:"private_key" required:"true"`
}

// POST /_matrix/identity/v2/sign-ed25519
func (a *API) signInvite(c echo.Context, _ caller.Caller) error {
	var r signInviteRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	user, err := matrix.ParseUserID(r.MXID)
	if err != nil {
		return err
	}
	signed, err := a.Invites.Sign(c.Request().Context(), user, r.Token, r.PrivateKey)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}

// sentInvitation is an invitation as its sender sees it.
type sentInvitation struct {
	ID          string          `json:"id"`
	Medium      threepid.Medium `json:"medium"`
	Address     string          `json:"address"`
	DisplayName string          `json:"display_name"`
	RoomID      matrix.RoomID   `json:"room_id"`
	RoomName    string          `json:"room_name,omitzero"`
	Token       string          `json:"token"`
	State       invite.State    `json:"state"`
	Messages    int             `json:"messages"`
	SentTS      int64           `json:"sent_ts"`
	CreatedTS   int64           `json:"created_ts"`
	ExpiresTS   int64           `json:"expires_ts"`
}

// GET /_signet/v1/invitations
func (a *API) listInvites(c echo.Context, user matrix.UserID) error {
	list, err := a.Invites.List(c.Request().Context(), user)
	if err != nil {
		return err
	}
	all := make([]sentInvitation, len(list))
	for i, v := range list {
		all[i] = sentInvitation{
			ID: v.ID, Medium: v.Address.Medium(), Address: v.Address.String(), DisplayName: v.DisplayName, RoomID: v.Room, RoomName: v.RoomName,
			Token: v.Token, State: v.State, Messages: v.Messages,
			SentTS: v.Sent.UnixMilli(), CreatedTS: v.Created.UnixMilli(), ExpiresTS: v.Expires.UnixMilli(),
		}
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Invitations []sentInvitation `json:"invitations"`
	}{all})
}

// POST /_signet/v1/invitations/{id}/resend
func (a *API) resendInvite(c echo.Context, user matrix.UserID) error {
	return a.atInvite(c, func(id string) error { return a.Invites.Resend(c.Request().Context(), user, id) })
}

// DELETE /_signet/v1/invitations/{id}
func (a *API) revokeInvite(c echo.Context, user matrix.UserID) error {
	return a.atInvite(c, func(id string) error { return a.Invites.Revoke(c.Request().Context(), user, id) })
}

func (a *API) atInvite(c echo.Context, do func(id string) error) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	if err := do(id); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
