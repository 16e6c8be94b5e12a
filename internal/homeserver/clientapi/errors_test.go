package clientapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp/answerstest"
)

// withoutAnswer are the errors that no table has, by the reason.
var withoutAnswer = map[string][]string{
	"its handler deals with it":                {"contact.ErrNoSupport", "contact.ErrLater", "matrix.ErrServerName"},
	"it is answered without a table":           {"filter.ErrFilter", "fedclient.ErrUnreachable", "fedclient.ErrTooLarge", "fedclient.ErrBadAnswer", "remote.ErrTemplate", "mxhttp.ErrNoBearer"},
	"the table has it by another name":         {"stream.ErrToken"},
	"a package between makes another of it":    {"keydirectory.ErrErasing", "keydirectory.ErrBusy", "keydirectory.ErrRoot", "idclient.ErrNoHash", "idclient.ErrKey", "idclient.ErrValidityURL", "fedclient.ErrBadKeys", "fedclient.ErrUnknownKey", "fedclient.ErrNotAtHand", "event.ErrSignature", "matrix.ErrSignature", "matrix.ErrBase64", "room.ErrResident"},
	"an operator gets it":                      {"account.ErrFlow", "account.ErrTokenForm", "account.ErrTokenLimit", "account.ErrTokenTaken", "account.ErrTokenUnknown", "keydirectory.ErrNoAlarm", "store.ErrHeld", "store.ErrSchemaTooNew", "store.ErrURL", "turn.ErrURI"},
	"another server gets it":                   {"e2ee.ErrEDU", "e2ee.ErrOrigin", "e2ee.ErrNoUser", "inbound.ErrDenied", "inbound.ErrNotHere", "inbound.ErrLater", "inbound.ErrBacklog", "inbound.ErrStranger", "inbound.ErrInvite", "matrix.ErrXMatrix", "room.ErrUnknownState", "room.ErrCannotTell", "room.ErrCannotGrant", "thirdparty.ErrSigned", "thirdparty.ErrNotOurs", "thirdparty.ErrNobody", "thirdparty.ErrTooMany", "thirdparty.ErrDeclined", "thirdparty.ErrAway"},
	"it is of work that no request waits for":  {"inbound.ErrGivenUp", "inbound.ErrPanic", "keydirectory.ErrNotLogged", "room.ErrSecondCreate", "value.ErrPrevious", "value.ErrValue", "value.ErrOther", "value.ErrSignature", "value.ErrServerKey", "value.ErrNotYet", "value.ErrExpired"},
	"it is a fault of this server's, or worse": {"quota.ErrBudget", "store.ErrUnsettled", "stream.ErrReplaced", "event.ErrDamaged"},
}

// Whoever gives a package below a new error has to say here what it means to a client: what
// nobody names is a fault of this server's.
func TestEveryErrorHasItsAnswer(t *testing.T) {
	answerstest.Check(t, withoutAnswer)
}

// What another server proposes is no fault of the client's, nor of this server's.
func TestOtherServersFaults(t *testing.T) {
	for _, err := range []error{room.ErrOtherRoom, event.ErrAuthoriser, event.ErrPrevEvents, event.ErrDepth, event.ErrRoomID, fmt.Errorf("joining: %w", remote.ErrTemplate)} {
		if p, known := clientapi.Translate(err); !known || p.Status != http.StatusBadGateway || p.Code != matrix.Unknown {
			t.Errorf("%v is answered with %v", err, p)
		}
	}
	if p, known := clientapi.Translate(fmt.Errorf("reading: %w", event.ErrDamaged)); known {
		t.Errorf("an event that is damaged here is answered with %v", p)
	}
}
