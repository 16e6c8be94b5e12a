package fedapi_test

import (
	"testing"

	"signet/internal/mxhttp/answerstest"
)

// withoutAnswer are the errors that no table has, by the reason.
var withoutAnswer = map[string][]string{
	"a client gets it": {"account.*", "userdata.*", "e2ee.ErrTooManyKeys", "e2ee.ErrKeyConflict", "e2ee.ErrKeyIDInUse", "e2ee.ErrNoDevice", "e2ee.ErrNoDeviceKeys", "e2ee.ErrNoMaster",
		"e2ee.ErrNoKey", "e2ee.ErrOtherKey", "e2ee.ErrNotSignable", "e2ee.ErrContent", "e2ee.ErrNoRemote", "inbound.ErrNoServer", "inbound.ErrJoin", "room.ErrPreset", "room.ErrInitialState",
		"room.ErrManyInvites", "room.ErrAliasTaken", "room.ErrContent", "room.ErrRoomState", "room.ErrStillThere", "room.ErrImport", "room.ErrNotMember", "room.ErrNotBanned", "room.ErrUserID",
		"room.ErrNotInRoom", "room.ErrRedacts", "room.ErrMayNot", "room.ErrBadAlias", "stream.ErrToken", "thirdparty.ErrNotCome", "thirdparty.ErrToken", "thirdparty.ErrTerms",
		"thirdparty.ErrRefused", "thirdparty.ErrIdentity"},
	"an operator gets it":                    {"keyring.*", "store.ErrHeld", "store.ErrSchemaTooNew", "store.ErrURL"},
	"a package between makes another of it":  {"event.ErrReference", "event.ErrSignature", "event.ErrVersion", "matrix.ErrBase64", "matrix.ErrSignature", "matrix.ErrXMatrix", "mxhttp.ErrNoBearer", "room.ErrResident", "serverkeys.ErrDocument"},
	"it ends one event, or one EDU, of many": {"e2ee.ErrEDU", "e2ee.ErrOrigin", "inbound.ErrGivenUp", "inbound.ErrPanic", "room.ErrSecondCreate"},
	"it is a fault of this server's":         {"quota.ErrBudget", "store.ErrUnsettled", "stream.ErrReplaced", "event.ErrDamaged"},
}

// Whoever gives a package below a new error has to say here what it means to another server: what
// nobody names is a fault of this one's.
func TestEveryErrorHasItsAnswer(t *testing.T) { answerstest.Check(t, withoutAnswer) }
