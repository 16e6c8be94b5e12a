package fedapi

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/publicrooms"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/transaction"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/store"
)

// Errcodes that only the federation has.
const (
	incompatibleVersion matrix.ErrCode = "M_INCOMPATIBLE_ROOM_VERSION"
	unableToAuthorise   matrix.ErrCode = "M_UNABLE_TO_AUTHORISE_JOIN"
	unableToGrant       matrix.ErrCode = "M_UNABLE_TO_GRANT_JOIN"
)

// answers is what the errors of the packages below mean to another server.
var answers = mxhttp.Answers{
	{errSignature, http.StatusUnauthorized, matrix.Unauthorized},
	{errNotJSON, http.StatusBadRequest, matrix.NotJSON},
	{errManyServers, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrServerName, http.StatusBadRequest, matrix.InvalidParam},
	{errShape, http.StatusBadRequest, matrix.BadJSON},
	{transaction.ErrTooMany, http.StatusBadRequest, matrix.InvalidParam},
	{transaction.ErrID, http.StatusBadRequest, matrix.InvalidParam},
	{transaction.ErrLater, http.StatusServiceUnavailable, matrix.Unknown},
	{errNumber, http.StatusBadRequest, matrix.InvalidParam},
	{errList, http.StatusBadRequest, matrix.InvalidParam},
	{errDirection, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrUnknownToken, http.StatusUnauthorized, matrix.UnknownToken},
	{errNoToken, http.StatusUnauthorized, matrix.MissingToken},

	{account.ErrNoUser, http.StatusNotFound, matrix.NotFound},
	{e2ee.ErrNoUser, http.StatusNotFound, matrix.NotFound},
	{e2ee.ErrTooMany, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrID, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrUserID, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrRoomID, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrUnknownAlias, http.StatusNotFound, matrix.NotFound},
	{room.ErrAliasFormat, http.StatusBadRequest, matrix.InvalidParam},
	{publicrooms.ErrToken, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrUnknownRoom, http.StatusNotFound, matrix.NotFound},
	{room.ErrUnknownEvent, http.StatusNotFound, matrix.NotFound},
	{room.ErrUnknownState, http.StatusNotFound, matrix.NotFound},
	{room.ErrOtherRoom, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrDenied, http.StatusForbidden, matrix.Forbidden},
	{resident.ErrNotInRoom, http.StatusForbidden, matrix.Forbidden},
	{resident.ErrTooMany, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrTooLarge, http.StatusServiceUnavailable, matrix.Unknown},

	{resident.ErrNotOwnUser, http.StatusForbidden, matrix.Forbidden},
	{resident.ErrOtherEvent, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrEventHash, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrEventID, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrSignature, http.StatusBadRequest, matrix.InvalidParam},
	{resident.ErrRefused, http.StatusForbidden, matrix.Forbidden},
	{resident.ErrCites, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrCannotTell, http.StatusBadRequest, unableToAuthorise},
	{room.ErrCannotGrant, http.StatusBadRequest, unableToGrant},
	{resident.ErrShown, http.StatusBadRequest, matrix.InvalidParam},
	{userdata.ErrInviteBlocked, http.StatusForbidden, matrix.InviteBlocked},
	{errNobody, http.StatusForbidden, matrix.Forbidden},
	{inbound.ErrInvite, http.StatusBadRequest, matrix.InvalidParam},
	{inbound.ErrSignature, http.StatusBadRequest, matrix.InvalidParam},
	{inbound.ErrDenied, http.StatusForbidden, matrix.Forbidden},
	{inbound.ErrStranger, http.StatusForbidden, matrix.Forbidden},
	{inbound.ErrNotHere, http.StatusNotFound, matrix.NotFound},
	{inbound.ErrLater, http.StatusServiceUnavailable, matrix.Unknown},
	{thirdparty.ErrSigned, http.StatusBadRequest, matrix.InvalidParam},
	{thirdparty.ErrTooMany, http.StatusBadRequest, matrix.InvalidParam},
	{thirdparty.ErrNotOurs, http.StatusBadRequest, matrix.InvalidParam},
	{thirdparty.ErrNobody, http.StatusForbidden, matrix.Forbidden},
	{thirdparty.ErrRevoked, http.StatusForbidden, matrix.Forbidden},
	{thirdparty.ErrValidity, http.StatusBadGateway, matrix.Unknown},
	{thirdparty.ErrDeclined, http.StatusForbidden, matrix.Forbidden},
	{thirdparty.ErrAway, http.StatusBadGateway, matrix.Unknown},
	{thirdparty.ErrNoServer, http.StatusNotFound, matrix.NotFound},
	{errExchange, http.StatusBadRequest, matrix.InvalidParam},
	{inbound.ErrForeign, http.StatusBadGateway, matrix.Unknown},
	{inbound.ErrBacklog, http.StatusServiceUnavailable, matrix.Unknown},
	{event.ErrFormat, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrEventID, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrRoomID, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrSender, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrFieldLength, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrFieldNUL, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrDepth, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrPrevEvents, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrAuthEvents, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrAuthoriser, http.StatusBadRequest, matrix.InvalidParam},
	{event.ErrJSON, http.StatusBadRequest, matrix.NotJSON},
	{event.ErrCanonical, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrDuplicate, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrNesting, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrTooLarge, http.StatusRequestEntityTooLarge, matrix.TooLarge},

	{stream.ErrFull, http.StatusServiceUnavailable, matrix.Unknown},
	{stream.ErrNotStored, http.StatusServiceUnavailable, matrix.Unknown},
	{stream.ErrStopped, http.StatusServiceUnavailable, matrix.Unknown},
	{store.ErrBusy, http.StatusServiceUnavailable, matrix.Unknown},
}

// What the shapes of requests lack.
var (
	errNotJSON     = errors.New("the request body is not valid JSON in UTF-8")
	errShape       = errors.New("the request body is not of the right types")
	errNumber      = errors.New("a query parameter is not a number of 0 or more")
	errList        = errors.New("a query parameter that lists ids is missing or is no valid text")
	errManyServers = errors.New("keys of more than 20 servers are asked for")
	errNobody      = errors.New("there is no such user here")
	errDirection   = errors.New("the query parameter dir is neither f nor b")
)

// errUnknownVersion is the error of a room whose version this server does not know, as the
// other one has it.
type errUnknownVersion string

func (errUnknownVersion) Error() string {
	return "this server does not know the version that the room has"
}

// Translate is the table from errors to answers, for mxhttp.Options. The other server
// reads the error's own text, without what was wrapped around it. What the rules of a room
// refuse is forbidden, with the rule as its text.
func Translate(err error) (mxhttp.Problem, bool) {
	if p, known := answers.To(err); known {
		return p, true
	}
	if other, incompatible := errors.AsType[resident.IncompatibleVersion](err); incompatible {
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: incompatibleVersion, Message: other.Error(),
			Extra: map[string]any{"room_version": other.Version.String()}}, true
	}
	if version, unknown := errors.AsType[errUnknownVersion](err); unknown {
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: incompatibleVersion, Message: version.Error(),
			Extra: map[string]any{"room_version": string(version)}}, true
	}
	if blocked, is := errors.AsType[blocklist.Refusal](err); is {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: blocked.Error(),
			Extra: map[string]any{"im.signet.position": blocked.Position}}, true
	}
	if refusal, refused := errors.AsType[authz.Refusal](err); refused {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: refusal.Error()}, true
	}
	return mxhttp.Problem{}, false
}

// unclean tells whether text is not such as both databases take.
func unclean(s string) bool { return !utf8.ValidString(s) || strings.Contains(s, "\x00") }
