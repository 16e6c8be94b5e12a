package value_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/keys/entry"
	"signet/keys/value"
)

func promised(t testing.TB) (label entry.Label, signed []byte, keys value.ServerKeys) {
	t.Helper()
	label, err := entry.ParseLabel("email:alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	signed, err = server.SignValue(serverName, value.NewTicket(label, 3, sha256.Sum256([]byte("x")), now, now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return label, signed, value.ServerKeys{server.ID: server.Public()}
}

func TestTicket(t *testing.T) {
	label, signed, keys := promised(t)
	got, err := value.ParseTicket(signed)
	if err != nil || got.Label != label || got.Version != 3 || got.Hash != sha256.Sum256([]byte("x")) || got.Due.Sub(got.TS) != time.Hour {
		t.Fatalf("%s is read as %+v, %v", signed, got, err)
	}
	if err := got.CheckServer(serverName, keys); err != nil {
		t.Error(err)
	}
	if err := got.CheckServer("other.example.org", keys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("for another server: %v", err)
	}
}

func TestTicketRefuses(t *testing.T) {
	_, signed, keys := promised(t)
	for old, c := range map[string]struct {
		changed string
		want    error
	}{
		`"version":3`:              {`"version":4`, value.ErrSignature},
		`email:alice`:              {`email:alicf`, value.ErrSignature},
		`1763700000000`:            {`1763700000001`, value.ErrSignature},
		`"version":3}`:             {`"version":3,"x":1}`, value.ErrValue},
		`"due_ts":1763703600000`:   {`"due_ts":1763700000000`, value.ErrValue},
		`"due_ts":1763703600000,`:  {``, value.ErrValue},
		"im.signet.keys.ticket.v1": {"im.signet.keys.user.v1", value.ErrValue},
		`"sha256":"`:               {`"sha256":"A`, value.ErrValue},
		`"label":"email:`:          {`"label":"mail:`, value.ErrValue},
	} {
		bad := strings.Replace(string(signed), old, c.changed, 1)
		if bad == string(signed) {
			t.Fatalf("%s is not in %s", old, signed)
		}
		got, err := value.ParseTicket([]byte(bad))
		if err == nil {
			err = got.CheckServer(serverName, keys)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s for %s: %v, want %v", c.changed, old, err, c.want)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	_, signed, _ := promised(f)
	f.Add(signed)
	f.Add([]byte(`{"due_ts":1,"label":"email:a@b.c","sha256":"","ts":1,"type":"im.signet.keys.ticket.v1","version":0}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		got, err := value.ParseTicket(object)
		if err != nil {
			if !errors.Is(err, value.ErrValue) && !errors.Is(err, value.ErrSignature) {
				t.Fatalf("ParseTicket(%q) = %v", object, err)
			}
			return
		}
		if wait := got.Due.Sub(got.TS); wait <= 0 || wait > value.MaxMergeDelay || got.TS.IsZero() {
			t.Fatalf("%q is due %s after it was made", object, wait)
		}
	})
}
