package fedapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/transaction"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxTransaction is the size of a body that is a transaction: 50 events of 64 KiB, and
// EDUs, whose size nobody bounds.
const maxTransaction = 16 << 20

type sendRequest struct {
	PDUs []jsontext.Value  `json:"pdus"`
	EDUs []transaction.EDU `json:"edus"`
}

type sendAnswer struct {
	PDUs transaction.Results `json:"pdus"`
}

// PUT /_matrix/federation/v1/send/{txnId}
//
// Each event is judged by itself, also one that is nested deeper, or says more, than any
// request of ours may: else one such event would keep all others of its server out.
func (a *API) send(c echo.Context, origin matrix.ServerName) error {
	id, err := mxhttp.Segment(c, "txnId")
	if err != nil {
		return err
	}
	var r sendRequest
	if err := decoded(c, &r); err != nil {
		return err
	}
	results, err := a.Transactions.Take(c.Request().Context(), transaction.Transaction{Origin: origin, ID: id, PDUs: r.PDUs, EDUs: r.EDUs})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, sendAnswer{results})
}

// Explain is an error as another server reads it beside an event of its transaction.
func Explain(err error) string {
	if p, known := Translate(err); known {
		return p.Message
	}
	return "the event could not be processed"
}
