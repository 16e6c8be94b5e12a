package event_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"

	"signet/internal/homeserver/event"
)

// What we build, an implementation written apart reads as the same event, whole and well
// signed.
func TestOthersReadWhatWeBuild(t *testing.T) {
	for _, v := range event.Versions() {
		for _, p := range events(v) {
			e := build(t, v, p)
			pdu, err := library(v).NewEventFromUntrustedJSON(e.JSON())
			if err != nil || pdu.Redacted() || pdu.EventID() != e.ID() {
				t.Errorf("version %s: %s\nis read as %s, %v; want %s", v, e.JSON(), pdu.EventID(), err, e.ID())
				continue
			}
			agree(t, e, pdu)
			verifyThere(t, pdu)
		}
	}
}

// What an implementation written apart builds, we read as the same event.
func TestWeReadWhatOthersBuild(t *testing.T) {
	for _, v := range event.Versions() {
		for _, p := range events(v) {
			pdu := buildThere(t, v, p)
			e, err := v.Parse(pdu.JSON())
			if err != nil || e.Redacted() {
				t.Errorf("version %s: Parse(%s) = %v", v, pdu.JSON(), err)
				continue
			}
			agree(t, e, pdu)
			if err := e.Verify(keys); err != nil {
				t.Errorf("version %s: %s: %v", v, pdu.JSON(), err)
			}
		}
	}
}

// Both agree about random content, too, and what redaction leaves of it.
func TestWeAgreeAboutAnyContent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		for _, v := range event.Versions() {
			p := events(v)[r.IntN(10)]
			p.Content = []byte(randomObject(r, 3))
			e, err := v.Parse(buildThere(t, v, p).JSON())
			if err != nil {
				t.Fatalf("version %s: %s: %v", v, p.Content, err)
			}
			agree(t, e, buildThere(t, v, p))
		}
	}
}

// agree compares an event with what the independent implementation reads in it. It makes
// up an id in versions 1 and 2.
func agree(t *testing.T, e *event.Event, pdu gomatrixserverlib.PDU) {
	t.Helper()
	v := e.Version()
	if !v.EventIDInEvent() && e.ID() != pdu.EventID() {
		t.Errorf("version %s: id of %s = %s, want %s", v, e.JSON(), e.ID(), pdu.EventID())
	}
	redacted, err := library(v).RedactEventJSON(e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	redacted, err = gomatrixserverlib.CanonicalJSON(redacted)
	if got := e.Redact().JSON(); err != nil || string(got) != string(redacted) {
		t.Errorf("version %s: redacted %s\ngot  %s\nwant %s, %v", v, e.JSON(), got, redacted, err)
	}
	auth := pdu.AuthEventIDs()
	if id, ok := v.CreateEventID(e.RoomID()); ok && len(auth) > 0 && auth[0] == id {
		auth = auth[1:] // it adds what the event does not cite
	}
	if e.Type() == "m.room.create" && v.RoomIDFromCreate() {
		auth = e.AuthEvents() // it takes all away
	}
	key, isState := e.StateKey()
	got := fmt.Sprint(e.RoomID(), e.Type(), key, isState, e.Sender(), e.OriginServerTS(), e.Depth(), e.AuthEvents(), e.PrevEvents(), string(e.Content()))
	theirKey := ""
	if pdu.StateKey() != nil {
		theirKey = *pdu.StateKey()
	}
	content, _ := gomatrixserverlib.CanonicalJSON(pdu.Content())
	want := fmt.Sprint(pdu.RoomID().String(), pdu.Type(), theirKey, pdu.StateKey() != nil, string(pdu.SenderID()), int64(pdu.OriginServerTS()), pdu.Depth(), auth, pdu.PrevEventIDs(), string(content))
	if got != want {
		t.Errorf("version %s:\ngot  %s\nwant %s", v, got, want)
	}
}

// allKeys verifies signatures by our key alone.
type allKeys struct{}

func (allKeys) VerifyJSONs(_ context.Context, requests []gomatrixserverlib.VerifyJSONRequest) ([]gomatrixserverlib.VerifyJSONResult, error) {
	results := make([]gomatrixserverlib.VerifyJSONResult, len(requests))
	for i, r := range requests {
		if r.ServerName == "x.org" {
			results[i].Error = gomatrixserverlib.VerifyJSON("x.org", "ed25519:1", ours.Key.Public(), r.Message)
		}
	}
	return results, nil
}

func verifyThere(t *testing.T, pdu gomatrixserverlib.PDU) {
	t.Helper()
	if err := verifySignature(pdu); err != nil {
		t.Errorf("signature of %s: %v", pdu.JSON(), err)
	}
}

func verifySignature(pdu gomatrixserverlib.PDU) error {
	return gomatrixserverlib.VerifyEventSignatures(context.Background(), pdu, allKeys{}, func(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
		return spec.NewUserID(string(sender), true)
	})
}
