package clientapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/fedclient"
	"signet/internal/homeserver/publicrooms"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// Remote asks other servers, as remote.Client does.
type Remote interface {
	Profile(ctx context.Context, server matrix.ServerName, user matrix.UserID, field string) (map[string]jsontext.Value, error)
	Directory(ctx context.Context, server matrix.ServerName, alias string) (matrix.RoomID, []matrix.ServerName, error)
	PublicRooms(ctx context.Context, server matrix.ServerName, l remote.Listing) (remote.Listed, error)
}

// elsewhere tells whether something is to be asked of another server, for which the client's
// network is charged: who asks may be anybody.
func (a *API) elsewhere(c echo.Context, server matrix.ServerName) (bool, error) {
	if a.Remote == nil || server == a.ServerName {
		return false, nil
	}
	return true, a.chargeNetwork(c, byLookup)
}

// remoteProfile is the profile of a user of another server, or one field of it.
func (a *API) remoteProfile(c echo.Context, user matrix.UserID, field string) (userdata.Profile, error) {
	return a.Remote.Profile(c.Request().Context(), user.Server(), user, field)
}

// alias is the room of an alias of any server, and by which servers it can be joined.
func (a *API) alias(c echo.Context, name string) (id string, via []matrix.ServerName, err error) {
	ctx := c.Request().Context()
	_, text, _ := strings.Cut(name, ":")
	if server, err := matrix.ParseServerName(text); err == nil && strings.HasPrefix(name, "#") {
		if ask, err := a.elsewhere(c, server); err != nil {
			return "", nil, err
		} else if ask {
			id, via, err := a.Remote.Directory(ctx, server, name)
			return id.String(), via, err
		}
	}
	if id, err = a.Rooms.RoomOfAlias(ctx, name); err != nil {
		return "", nil, err
	}
	others, err := a.Rooms.OtherServers(ctx, id)
	if errors.Is(err, room.ErrUnknownRoom) {
		err = nil
	}
	slices.Sort(others)
	return id, append([]matrix.ServerName{a.ServerName}, others...), err
}

// remoteRooms is a look into the published directory of another server.
func (a *API) remoteRooms(c echo.Context, name string, l publicrooms.Listing) error {
	server, err := matrix.ParseServerName(name)
	if err != nil {
		return errServer
	}
	ask, err := a.elsewhere(c, server)
	if err != nil {
		return err
	}
	if !ask {
		return errOtherDirectory
	}
	found, err := a.Remote.PublicRooms(c.Request().Context(), server, remote.Listing(l))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, found)
}

// passedOn are the errcodes of other servers that mean the same to a client.
var passedOn = []matrix.ErrCode{matrix.NotFound, matrix.Forbidden, unsupportedVersion, incompatibleVersion,
	"M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN", "M_INVITE_BLOCKED"}

// translateRemote is the part of Translate that is about other servers. What one of them
// refuses it refuses the client too; what else is wrong with it is no fault of the client's.
func translateRemote(err error) (mxhttp.Problem, bool) {
	refusal, refused := errors.AsType[fedclient.Refusal](err)
	if refused && refusal.Status < http.StatusInternalServerError && slices.Contains(passedOn, refusal.Errcode) {
		p := mxhttp.Problem{Status: refusal.Status, Code: refusal.Errcode, Message: refusal.Message}
		if refusal.Errcode == incompatibleVersion {
			p.Extra = map[string]any{"room_version": refusal.RoomVersion}
		}
		return p, true
	}
	for _, theirs := range []error{fedclient.ErrUnreachable, fedclient.ErrBadAnswer, fedclient.ErrTooLarge} {
		refused = refused || errors.Is(err, theirs)
	}
	return mxhttp.Problem{Status: http.StatusBadGateway, Code: matrix.Unknown, Message: "the other server cannot be asked, or does not answer as it should"}, refused
}
