package clientapi

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type uploadKeysRequest struct {
	Device   jsontext.Value            `json:"device_keys"`
	OneTime  map[string]jsontext.Value `json:"one_time_keys"`
	Fallback map[string]jsontext.Value `json:"fallback_keys"`
}

type uploadKeysAnswer struct {
	Counts map[string]int64 `json:"one_time_key_counts"`
}

// POST /_matrix/client/v3/keys/upload
func (a *API) uploadKeys(c echo.Context, device account.Device) error {
	var r uploadKeysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	counts, err := a.Encryption.Upload(c.Request().Context(), encrypting(device), e2ee.Upload{
		Device: present(r.Device), OneTime: r.OneTime, Fallback: r.Fallback,
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, uploadKeysAnswer{counts})
}

type queryKeysRequest struct {
	Devices e2ee.Query `json:"device_keys"`
	Timeout *int64     `json:"timeout"`
}

// keysWait is how long a client waits for other servers that does not say so, and
// maxKeysWait the longest that any can.
const (
	keysWait    = 10 * time.Second
	maxKeysWait = 30 * time.Second
)

// waitOf is a timeout in milliseconds as clients give it.
func waitOf(timeout *int64) time.Duration {
	if timeout == nil {
		return keysWait
	}
	return time.Duration(min(max(0, *timeout), maxKeysWait.Milliseconds())) * time.Millisecond
}

type queryKeysAnswer struct {
	Failures    map[matrix.ServerName]failure                      `json:"failures"`
	Devices     map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value `json:"device_keys"`
	Master      map[matrix.UserID]jsontext.Value                   `json:"master_keys"`
	SelfSigning map[matrix.UserID]jsontext.Value                   `json:"self_signing_keys"`
	UserSigning map[matrix.UserID]jsontext.Value                   `json:"user_signing_keys"`
}

// failure is an error beside others, in an answer that is none.
type failure struct {
	Code    matrix.ErrCode `json:"errcode"`
	Message string         `json:"error"`
}

func failureOf(err error) failure {
	if p, known := Translate(err); known {
		return failure{p.Code, p.Message}
	}
	return failure{matrix.Unknown, "the server could not be asked"}
}

func failuresOf(failures e2ee.Failures) map[matrix.ServerName]failure {
	m := map[matrix.ServerName]failure{}
	for server, err := range failures {
		m[server] = failureOf(err)
	}
	return m
}

// POST /_matrix/client/v3/keys/query
func (a *API) queryKeys(c echo.Context, device account.Device) error {
	var r queryKeysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Devices == nil {
		return errMember
	}
	if err := a.step(c, byAsk, device.User, max(len(r.Devices), 1)); err != nil {
		return err
	}
	keys, failures, err := a.Encryption.Query(c.Request().Context(), device.User, r.Devices, waitOf(r.Timeout))
	if err == nil {
		err = a.addChecks(keys)
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, queryKeysAnswer{
		Failures: failuresOf(failures), Devices: keys.Devices,
		Master: keys.Master, SelfSigning: keys.SelfSigning, UserSigning: keys.UserSigning,
	})
}

type claimKeysRequest struct {
	OneTime e2ee.Claims `json:"one_time_keys"`
	Timeout *int64      `json:"timeout"`
}

type claimKeysAnswer struct {
	Failures map[matrix.ServerName]failure `json:"failures"`
	OneTime  e2ee.Claimed                  `json:"one_time_keys"`
}

// POST /_matrix/client/v3/keys/claim
func (a *API) claimKeys(c echo.Context, _ account.Device) error {
	var r claimKeysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.OneTime == nil {
		return errMember
	}
	claimed, failures, err := a.Encryption.Claim(c.Request().Context(), r.OneTime, waitOf(r.Timeout))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, claimKeysAnswer{failuresOf(failures), claimed})
}

type keyChangesAnswer struct {
	Changed []matrix.UserID `json:"changed"`
	Left    []matrix.UserID `json:"left"`
}

// GET /_matrix/client/v3/keys/changes
func (a *API) keyChanges(c echo.Context, device account.Device) error {
	since, err := a.position(c, "from")
	if err != nil {
		return err
	}
	to, err := a.position(c, "to")
	if err != nil {
		return err
	}
	if since > to {
		return errToken
	}
	lists, err := a.Encryption.ListsBetween(c.Request().Context(), device.User, since, to)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, keyChangesAnswer{
		Changed: append([]matrix.UserID{}, lists.Changed...), Left: append([]matrix.UserID{}, lists.Left...),
	})
}

// position is that of a token of /sync.
func (a *API) position(c echo.Context, name string) (stream.Pos, error) {
	text, err := query(c, name)
	if err != nil {
		return 0, err
	}
	token, err := stream.ParseToken(text)
	if err != nil || token.Pos > a.Encryption.Stream.Visible() {
		return 0, errToken
	}
	return token.Pos, nil
}

type sendToDeviceRequest struct {
	Messages e2ee.Messages `json:"messages"`
}

// PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}
func (a *API) sendToDevice(c echo.Context, device account.Device) error {
	kind, err := mxhttp.Segment(c, "eventType")
	if err != nil {
		return err
	}
	txn, err := mxhttp.Segment(c, "txnId")
	if err != nil {
		return err
	}
	var r sendToDeviceRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Messages == nil {
		return errMember
	}
	step := a.steps(c, byFill, device.User)
	err = a.Encryption.Send(c.Request().Context(), e2ee.Sending{Sender: encrypting(device), Type: kind, TxnID: txn, Messages: r.Messages,
		Afford: func(octets int) error { return step(1 + octets>>10) }})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
