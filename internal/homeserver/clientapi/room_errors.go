package clientapi

import (
	"net/http"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/publicrooms"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// Errcodes that only rooms have.
const (
	badAlias            matrix.ErrCode = "M_BAD_ALIAS"
	incompatibleVersion matrix.ErrCode = "M_INCOMPATIBLE_ROOM_VERSION"
	invalidRoomState    matrix.ErrCode = "M_INVALID_ROOM_STATE"
	roomInUse           matrix.ErrCode = "M_ROOM_IN_USE"
	unsupportedVersion  matrix.ErrCode = "M_UNSUPPORTED_ROOM_VERSION"
)

// roomAnswers is what the errors of rooms and their events mean to a client.
var roomAnswers = mxhttp.Answers{
	{room.ErrRoomState, http.StatusBadRequest, invalidRoomState},
	{room.ErrUnknownRoom, http.StatusNotFound, matrix.NotFound},
	{room.ErrUnknownEvent, http.StatusNotFound, matrix.NotFound},
	{room.ErrUnknownAlias, http.StatusNotFound, matrix.NotFound},
	{room.ErrNotInRoom, http.StatusForbidden, matrix.Forbidden},
	{room.ErrNotMember, http.StatusForbidden, matrix.Forbidden},
	{room.ErrNotBanned, http.StatusForbidden, matrix.Forbidden},
	{room.ErrMayNot, http.StatusForbidden, matrix.Forbidden},
	{errOtherDirectory, http.StatusNotFound, matrix.NotFound},
	{errServer, http.StatusBadRequest, matrix.InvalidParam},
	{receipt.ErrKind, http.StatusBadRequest, matrix.InvalidParam},
	{receipt.ErrThread, http.StatusBadRequest, matrix.InvalidParam},
	{errOtherThread, http.StatusBadRequest, matrix.InvalidParam},
	{errUnthreaded, http.StatusBadRequest, matrix.InvalidParam},
	{errTypingTimeout, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrStillThere, http.StatusBadRequest, matrix.Unknown},
	{publicrooms.ErrToken, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrRedacts, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrUserID, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrToken, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrBadAlias, http.StatusBadRequest, badAlias},
	{room.ErrAliasFormat, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrAliasTaken, http.StatusBadRequest, roomInUse},
	{errVisibility, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrPreset, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrInitialState, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrManyInvites, http.StatusBadRequest, matrix.InvalidParam},
	{room.ErrContent, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrVersion, http.StatusBadRequest, unsupportedVersion},
	{event.ErrJSON, http.StatusBadRequest, matrix.NotJSON},
	{event.ErrCanonical, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrDuplicate, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrNesting, http.StatusBadRequest, matrix.BadJSON},
	{event.ErrTooLarge, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{event.ErrFieldLength, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{event.ErrFieldNUL, http.StatusBadRequest, matrix.InvalidParam},
	{authz.ErrLevelsFormat, http.StatusBadRequest, matrix.BadJSON},
	{authz.ErrLevelsUsers, http.StatusBadRequest, matrix.BadJSON},
	{authz.ErrLevelsCreator, http.StatusBadRequest, matrix.BadJSON},
	{authz.ErrCreatePrev, http.StatusBadRequest, matrix.InvalidParam}, // whoever it is, no room has a second one
	{authz.ErrMembership, http.StatusBadRequest, matrix.BadJSON},
	{stream.ErrFull, http.StatusServiceUnavailable, matrix.Unknown},
	{stream.ErrNotStored, http.StatusServiceUnavailable, matrix.Unknown},
	{stream.ErrStopped, http.StatusServiceUnavailable, matrix.Unknown},
}
