package clientapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// What is wrong with an invitation by a third-party identifier, or one that is presented.
var (
	errThreepid  = errors.New("this server cannot invite by a third-party identifier")
	errThreepids = errors.New("too many people are invited by third-party identifiers at once")
	errWhom      = errors.New("user_id is needed, or id_server, id_access_token, medium and address")
	errTwoWhom   = errors.New("either a user_id is invited, or whoever has an address")
	errPresented = errors.New("third_party_signed is not an object of a sender, an mxid, a token and signatures")
)

// invite3pid is how a person is named by an address (client-server API, Invite3pid).
type invite3pid struct {
	IDServer string `json:"id_server"`
	Token    string `json:"id_access_token"`
	Medium   string `json:"medium"`
	Address  string `json:"address"`
}

// read checks it. Errors: errWhom, those of idclient.Trusted and threepid.Parse.
func (p invite3pid) read(trusted idclient.Trusted) (a thirdparty.Address, err error) {
	if p.IDServer == "" || p.Token == "" || p.Medium == "" || p.Address == "" {
		return a, errWhom
	}
	a.Token = p.Token
	if a.At, err = trusted.Named(p.IDServer); err != nil {
		return a, err
	}
	a.Address, err = threepid.Parse(p.Medium, p.Address)
	return a, err
}

type inviteRequest struct {
	UserID matrix.UserID `json:"user_id"`
	Reason string        `json:"reason"`
	invite3pid
}

// POST /_matrix/client/v3/rooms/{roomId}/invite
func (a *API) inviteSomebody(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var r inviteRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	byAddress := r.invite3pid != invite3pid{}
	switch {
	case byAddress && r.UserID != "":
		return errTwoWhom
	case byAddress:
		err = a.inviteAddress(c, device.User, id, r)
	case r.UserID == "":
		return errWhom
	default:
		err = a.invite(c.Request().Context(), room.Membership{Room: id, Sender: device.User, Target: r.UserID, Reason: r.Reason})
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

func (a *API) inviteAddress(c echo.Context, sender matrix.UserID, id string, r inviteRequest) error {
	if a.ThirdParty == nil {
		return errThreepid
	}
	whom, err := r.read(a.Trusted)
	if err != nil {
		return err
	}
	return a.ThirdParty.Invite(c.Request().Context(), thirdparty.Invitation{Address: whom, Room: id, Sender: sender, Reason: r.Reason, Language: language(c, "")})
}

// How many people a new room invites by third-party identifiers, and how long that may take
// for those who are not known.
const (
	maxThreepids = 20
	unknownLife  = 30 * time.Second
)

// behind are the users behind the addresses that a new room invites, and the addresses behind
// which nobody is. An identity server that cannot be asked, or that says no, is known by it
// before there is a room.
func (a *API) behind(ctx context.Context, list []invite3pid) (found []matrix.UserID, unknown []thirdparty.Address, err error) {
	switch {
	case len(list) == 0:
		return nil, nil, nil
	case a.ThirdParty == nil:
		return nil, nil, errThreepid
	case len(list) > maxThreepids:
		return nil, nil, errThreepids
	}
	var addresses []thirdparty.Address
	for _, p := range list {
		whom, err := p.read(a.Trusted)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(addresses, func(other thirdparty.Address) bool { return other.Address == whom.Address }) {
			addresses = append(addresses, whom)
		}
	}
	users, err := a.ThirdParty.Behind(ctx, addresses)
	if err != nil {
		return nil, nil, err
	}
	for i, user := range users {
		if user == "" {
			unknown = append(unknown, addresses[i])
		} else {
			found = append(found, user)
		}
	}
	return found, unknown, nil
}

// inviteUnknown invites those into a new room behind whose addresses nobody is. The room is
// there: who cannot be invited is not, as with users whose server refuses, and may be invited
// again in it.
func (a *API) inviteUnknown(c echo.Context, sender matrix.UserID, id string, unknown []thirdparty.Address) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), unknownLife)
	defer cancel()
	for _, whom := range unknown {
		n := thirdparty.Invitation{Address: whom, Room: id, Sender: sender, Language: language(c, "")}
		if err := a.ThirdParty.InviteUnknown(ctx, n); err != nil {
			mxhttp.Log(c).Info("a new room does not invite somebody by an address", "room", id, "error", err)
		}
	}
}

// presentSigned invites a user by what they present, if they present anything.
func (a *API) presentSigned(ctx context.Context, user matrix.UserID, id string, signed jsontext.Value, servers []matrix.ServerName) error {
	if len(signed) == 0 || signed.Kind() == 'n' {
		return nil
	}
	if a.ThirdParty == nil {
		return errThreepid
	}
	c, err := presented(id, signed)
	if err != nil {
		return err
	}
	return a.ThirdParty.Present(ctx, user, c, servers)
}

// presented reads a third_party_signed. The error is errPresented.
func presented(id string, signed jsontext.Value) (c thirdparty.Claim, err error) {
	var said struct {
		Sender string `json:"sender"`
	}
	if err := json.Unmarshal(signed, &said); err != nil {
		return c, errPresented
	}
	c.Room = id
	if c.Sender, err = matrix.ParseUserID(said.Sender); err != nil {
		return c, errPresented
	}
	if c.Signed, err = thirdparty.ParseSigned(signed); err != nil {
		return c, errPresented
	}
	return c, nil
}

// thirdPartyAnswers is what the errors of invitations by third-party identifiers mean to a
// client.
var thirdPartyAnswers = mxhttp.Answers{
	{errThreepid, http.StatusBadRequest, matrix.Unknown},
	{errThreepids, http.StatusBadRequest, matrix.InvalidParam},
	{errWhom, http.StatusBadRequest, matrix.MissingParam},
	{errTwoWhom, http.StatusBadRequest, matrix.InvalidParam},
	{errPresented, http.StatusBadRequest, matrix.BadJSON},
	{thirdparty.ErrToken, http.StatusForbidden, matrix.Unauthorized},
	{thirdparty.ErrTerms, http.StatusForbidden, matrix.TermsNotSigned},
	{thirdparty.ErrRefused, http.StatusForbidden, matrix.Forbidden},
	{thirdparty.ErrIdentity, http.StatusBadGateway, matrix.Unknown},
	{thirdparty.ErrRevoked, http.StatusForbidden, matrix.Forbidden},
	{thirdparty.ErrValidity, http.StatusBadGateway, matrix.Unknown},
	{thirdparty.ErrNotCome, http.StatusBadGateway, matrix.Unknown},
	{thirdparty.ErrNoServer, http.StatusNotFound, matrix.NotFound},
}
