package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/keys/notary"
)

// maxKeysQueryBody holds notary.MaxServers names and notary.MaxKeys ids with room for white
// space.
const maxKeysQueryBody = 512 << 10

// keysRequest is what is asked of each server, by key id.
type keysRequest struct {
	ServerKeys map[string]map[string]keyCriteria `json:"server_keys" required:"true"`
}

type keyCriteria struct {
	MinimumValidUntilTS *int64 `json:"minimum_valid_until_ts"` // milliseconds; absent: now
}

// keysAnswer is the documents of the servers that are known. Blocked are the others that may
// not be known here; the specification's answer has no such member.
type keysAnswer struct {
	ServerKeys []jsontext.Value   `json:"server_keys"`
	Blocked    []blockedKeyServer `json:"im.signet.blocked,omitzero"`
}

// blockedKeyServer says where in the servers' log it stands why; 0 while it is not logged.
type blockedKeyServer struct {
	ServerName matrix.ServerName `json:"server_name"`
	Position   int64             `json:"position"`
}

// GET /_matrix/key/v2/server
func (a *API) ownKeys(c echo.Context) error {
	own, err := a.Notary.Own(c.Request().Context())
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(own))
}

// GET /_matrix/key/v2/query/{serverName} and, as older servers ask,
// /_matrix/key/v2/query/{serverName}/{keyId}
func (a *API) keysOfServer(c echo.Context) error {
	segment, err := mxhttp.Segment(c, "serverName")
	if err != nil {
		return err
	}
	server, err := matrix.ParseServerName(segment)
	if err != nil {
		return err
	}
	wanted, err := wantedByGET(c)
	if err != nil {
		return err
	}
	answer, err := a.Notary.Query(c.Request().Context(), notary.Query{
		Servers: map[matrix.ServerName]notary.Wanted{server: wanted},
		Network: mxhttp.ClientNetwork(c),
	})
	if err != nil {
		return err
	}
	defer answer.Release()
	if len(answer.Refused) > 0 {
		return answer.Refused[0]
	}
	return mxhttp.Reply(c, http.StatusOK, newKeysAnswer(answer))
}

func wantedByGET(c echo.Context) (w notary.Wanted, err error) {
	if c.QueryParams().Has("minimum_valid_until_ts") {
		text, err := mxhttp.Query(c, "minimum_valid_until_ts")
		if err != nil {
			return notary.Wanted{}, err
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return notary.Wanted{}, errMinimumValid
		}
		w.Until = time.UnixMilli(ms)
	}
	if c.Param("keyId") == "" {
		return w, nil
	}
	id, err := mxhttp.Segment(c, "keyId")
	w.Keys = map[matrix.KeyID]time.Time{matrix.KeyID(id): w.Until}
	return w, err
}

var errMinimumValid = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
	Message: "minimum_valid_until_ts must be a time in milliseconds"}

// POST /_matrix/key/v2/query
//
// A name that is none is a server that cannot be reached, which is left out: one such event
// in a room must not cost a homeserver all others' keys.
func (a *API) keysOfServers(c echo.Context) error {
	var r keysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	q := notary.Query{Servers: map[matrix.ServerName]notary.Wanted{}, Network: mxhttp.ClientNetwork(c)}
	for name, criteria := range r.ServerKeys {
		if server, err := matrix.ParseServerName(name); err == nil {
			q.Servers[server] = wantedByPOST(criteria)
		}
	}
	answer, err := a.Notary.Query(c.Request().Context(), q)
	if err != nil {
		return err
	}
	defer answer.Release()
	return mxhttp.Reply(c, http.StatusOK, newKeysAnswer(answer))
}

func wantedByPOST(criteria map[string]keyCriteria) notary.Wanted {
	w := notary.Wanted{Keys: map[matrix.KeyID]time.Time{}}
	for id, c := range criteria {
		w.Keys[matrix.KeyID(id)] = time.Time{}
		if c.MinimumValidUntilTS != nil {
			w.Keys[matrix.KeyID(id)] = time.UnixMilli(*c.MinimumValidUntilTS)
		}
	}
	return w
}

func newKeysAnswer(a notary.Answer) keysAnswer {
	answer := keysAnswer{ServerKeys: []jsontext.Value{}}
	for _, object := range a.Objects {
		answer.ServerKeys = append(answer.ServerKeys, object)
	}
	for _, b := range a.Refused {
		answer.Blocked = append(answer.Blocked, blockedKeyServer{b.Server, b.Position})
	}
	return answer
}

// serverPast is what stands in the servers' log about a server.
type serverPast struct {
	ServerName matrix.ServerName `json:"server_name"`
	Records    []notary.Record   `json:"records"`
	// NextBefore asks for the records before these; absent: there are none.
	NextBefore int64             `json:"next_before,omitzero"`
	Blocked    *blockedKeyServer `json:"blocked,omitzero"`
}

// GET /_signet/v1/keys/servers/{serverName}
func (a *API) pastOfServer(c echo.Context) error {
	segment, err := mxhttp.Segment(c, "serverName")
	if err != nil {
		return err
	}
	server, err := matrix.ParseServerName(segment)
	if err != nil {
		return err
	}
	before := int64(0)
	if c.QueryParams().Has("before") {
		text, err := mxhttp.Query(c, "before")
		if err != nil {
			return err
		}
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return errBefore
		}
	}
	past, err := a.Notary.Records(c.Request().Context(), server, before, mxhttp.ClientNetwork(c))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, newServerPast(server, past))
}

var errBefore = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
	Message: "before must be the position of an entry"}

func newServerPast(server matrix.ServerName, past notary.Past) serverPast {
	answer := serverPast{ServerName: server, Records: append([]notary.Record{}, past.Records...), NextBefore: past.Before}
	if b := past.Blocked; b != nil {
		answer.Blocked = &blockedKeyServer{b.Name, b.Position}
	}
	return answer
}
