package clientapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// The sizes in bytes that bodies with keys may have: those of all devices of a large room
// are asked for, and sent to, at once.
const (
	maxKeysBody     = 512 << 10
	maxToDeviceBody = 2 << 20
	maxBackupBody   = 4 << 20
)

// encryptionRoutes is the part of the table that stands on e2ee and roomkeys.
func (a *API) encryptionRoutes() []mxhttp.Route {
	const keys, roomKeys = v3 + "/keys", v3 + "/room_keys"
	return []mxhttp.Route{
		{Method: http.MethodPost, Path: keys + "/upload", Handler: a.limitedTo(byWrite, a.uploadKeys), MaxBody: maxKeysBody},
		{Method: http.MethodPost, Path: keys + "/query", Handler: a.authenticated(a.queryKeys), MaxBody: maxKeysBody},
		{Method: http.MethodPost, Path: keys + "/claim", Handler: a.limitedTo(byWrite, a.claimKeys), MaxBody: maxKeysBody},
		{Method: http.MethodGet, Path: keys + "/changes", Handler: a.authenticated(a.keyChanges)},
		{Method: http.MethodPost, Path: keys + "/device_signing/upload", Handler: a.limitedTo(byConfirm, a.uploadCrossSigning)},
		{Method: http.MethodPost, Path: keys + "/signatures/upload", Handler: a.limitedTo(byWrite, a.uploadSignatures), MaxBody: maxKeysBody},
		{Method: http.MethodPut, Path: v3 + "/sendToDevice/:eventType/:txnId", Handler: a.limitedTo(byWrite, a.sendToDevice), MaxBody: maxToDeviceBody},
		{Method: http.MethodPost, Path: roomKeys + "/version", Handler: a.limitedTo(byWrite, a.createBackup)},
		{Method: http.MethodGet, Path: roomKeys + "/version", Handler: a.authenticated(a.currentBackup)},
		{Method: http.MethodGet, Path: roomKeys + "/version/:version", Handler: a.authenticated(a.backup)},
		{Method: http.MethodPut, Path: roomKeys + "/version/:version", Handler: a.limitedTo(byWrite, a.updateBackup)},
		{Method: http.MethodDelete, Path: roomKeys + "/version/:version", Handler: a.limitedTo(byWrite, a.deleteBackup)},
		{Method: http.MethodPut, Path: roomKeys + "/keys", Handler: a.limitedTo(byWrite, a.putRooms), MaxBody: maxBackupBody},
		{Method: http.MethodGet, Path: roomKeys + "/keys", Handler: a.authenticated(a.getRooms)},
		{Method: http.MethodDelete, Path: roomKeys + "/keys", Handler: a.limitedTo(byWrite, a.deleteBackupKeys)},
		{Method: http.MethodPut, Path: roomKeys + "/keys/:roomId", Handler: a.limitedTo(byWrite, a.putRoom), MaxBody: maxBackupBody},
		{Method: http.MethodGet, Path: roomKeys + "/keys/:roomId", Handler: a.authenticated(a.getRoom)},
		{Method: http.MethodDelete, Path: roomKeys + "/keys/:roomId", Handler: a.limitedTo(byWrite, a.deleteBackupKeys)},
		{Method: http.MethodPut, Path: roomKeys + "/keys/:roomId/:sessionId", Handler: a.limitedTo(byWrite, a.putSession)},
		{Method: http.MethodGet, Path: roomKeys + "/keys/:roomId/:sessionId", Handler: a.authenticated(a.getSession)},
		{Method: http.MethodDelete, Path: roomKeys + "/keys/:roomId/:sessionId", Handler: a.limitedTo(byWrite, a.deleteBackupKeys)},
	}
}

var (
	errMember      = errors.New("a member that is needed is missing")
	errToken       = errors.New("not a token of /sync")
	errBodyVersion = errors.New("the version in the body is not the one in the path")
)

// encryptionAnswers is what the errors of e2ee, roomkeys and their handlers mean to a client.
var encryptionAnswers = mxhttp.Answers{
	{errMember, http.StatusBadRequest, matrix.BadJSON}, // "missing required keys"
	{errToken, http.StatusBadRequest, matrix.InvalidParam},
	{errBodyVersion, http.StatusBadRequest, matrix.InvalidParam},
	{signedkey.ErrMalformed, http.StatusBadRequest, matrix.BadJSON},
	{signedkey.ErrTooLarge, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{signedkey.ErrOwner, http.StatusBadRequest, matrix.InvalidParam},
	{signedkey.ErrAlgorithm, http.StatusBadRequest, matrix.InvalidParam},
	{signedkey.ErrSignature, http.StatusBadRequest, matrix.InvalidSignature},
	{e2ee.ErrTooMany, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{e2ee.ErrTooManyKeys, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrKeyConflict, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrKeyIDInUse, http.StatusForbidden, matrix.Forbidden},
	{e2ee.ErrNoDevice, http.StatusUnauthorized, matrix.UnknownToken},
	{e2ee.ErrNoDeviceKeys, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrNoMaster, http.StatusBadRequest, matrix.MissingParam},
	{e2ee.ErrNoKey, http.StatusNotFound, matrix.NotFound},
	{e2ee.ErrOtherKey, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrNotSignable, http.StatusForbidden, matrix.Forbidden},
	{e2ee.ErrNoRemote, http.StatusNotFound, matrix.NotFound},
	{e2ee.ErrID, http.StatusBadRequest, matrix.InvalidParam},
	{e2ee.ErrContent, http.StatusBadRequest, matrix.BadJSON},
	{roomkeys.ErrEnded, http.StatusUnauthorized, matrix.UnknownToken},
	{roomkeys.ErrNoBackup, http.StatusNotFound, matrix.NotFound},
	{roomkeys.ErrNoKey, http.StatusNotFound, matrix.NotFound},
	{roomkeys.ErrTooManyBackups, http.StatusForbidden, matrix.Forbidden},
	{roomkeys.ErrAlgorithm, http.StatusBadRequest, matrix.InvalidParam},
	{roomkeys.ErrData, http.StatusBadRequest, matrix.BadJSON},
	{roomkeys.ErrFull, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{roomkeys.ErrTooMany, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{roomkeys.ErrID, http.StatusBadRequest, matrix.InvalidParam},
}

// encrypting is a device as e2ee calls it.
func encrypting(d account.Device) e2ee.Device {
	return e2ee.Device{User: d.User, ID: e2ee.DeviceID(d.ID)}
}

// forgetDevices erases what there is of a user's devices that are logged out, if err does
// not say that they are not. A client that does not wait for it changes nothing.
func (a *API) forgetDevices(ctx context.Context, user matrix.UserID, err error) error {
	if err != nil {
		return err
	}
	return a.Encryption.DeleteDevices(context.WithoutCancel(ctx), user)
}

// present is a member that may be absent, or null.
func present(raw jsontext.Value) jsontext.Value {
	if raw.Kind() == 'n' {
		return nil
	}
	return raw
}
