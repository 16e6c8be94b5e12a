package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

func TestAMessageFromElsewhere(t *testing.T) {
	each(t, func(w *world) {
		_, laptop, _ := w.phones()
		edu := []byte(`{"sender":"@dave:elsewhere.test","type":"m.test","message_id":"1","messages":{
			"@bob:hs.test":{"LAPTOP":{"n":1},"MISSING":{}},"@erin:elsewhere.test":{"X":{}}}}`)
		for range 2 {
			if err := w.ReceiveToDevice(w.Context(), elsewhere, edu); err != nil {
				w.Fatal(err)
			}
		}
		got := w.changes(laptop, e2ee.Since{}).Messages
		if texts(got) != `{"n":1}` || got[0].Sender != dave || len(w.land.queued) != 0 {
			w.Errorf("messages = %+v, queued %v", got, w.land.queued)
		}
		for name, bad := range map[string]struct {
			edu  string
			want error
		}{
			"nothing":        {``, e2ee.ErrEDU},
			"a list":         {`[]`, e2ee.ErrEDU},
			"no id":          {`{"sender":"@dave:elsewhere.test","type":"t","messages":{}}`, e2ee.ErrEDU},
			"a long id":      {`{"sender":"@dave:elsewhere.test","type":"t","message_id":"` + strings.Repeat("é", 33) + `","messages":{}}`, e2ee.ErrEDU},
			"no type":        {`{"sender":"@dave:elsewhere.test","message_id":"2","messages":{}}`, e2ee.ErrEDU},
			"no sender":      {`{"type":"t","message_id":"2","messages":{}}`, e2ee.ErrEDU},
			"another's user": {`{"sender":"@dave:other.test","type":"t","message_id":"2","messages":{"@bob:hs.test":{"LAPTOP":{}}}}`, e2ee.ErrOrigin},
			"one of ours":    {`{"sender":"@alice:hs.test","type":"t","message_id":"2","messages":{"@bob:hs.test":{"LAPTOP":{}}}}`, e2ee.ErrOrigin},
			"a text":         {`{"sender":"@dave:elsewhere.test","type":"t","message_id":"2","messages":{"@bob:hs.test":{"LAPTOP":"x"}}}`, e2ee.ErrContent},
			"not a user":     {`{"sender":"@dave:elsewhere.test","type":"t","message_id":"2","messages":{"bob":{"LAPTOP":{}}}}`, e2ee.ErrID},
			"a text for all": {`{"sender":"@dave:elsewhere.test","type":"t","message_id":"2","messages":"x"}`, e2ee.ErrEDU},
			"NUL":            {`{"sender":"@dave:elsewhere.test","type":"t\u0000","message_id":"2","messages":{}}`, e2ee.ErrEDU},
		} {
			w.unchanged(name, func() {
				if err := w.ReceiveToDevice(w.Context(), elsewhere, []byte(bad.edu)); !errors.Is(err, bad.want) {
					w.Errorf("%s: %v, want %v", name, err, bad.want)
				}
			})
		}
	})
}

// A message reaches those who hear its sender, and nobody else of those whom it names.
func TestWhoIsNotHeard(t *testing.T) {
	each(t, func(w *world) {
		phone, laptop, _ := w.phones()
		w.Hears = func(_ context.Context, user, sender matrix.UserID) (bool, error) {
			return sender != dave || user == bob, nil
		}
		edu := func(sender, id string) {
			w.Helper()
			text := fmt.Appendf(nil, `{"sender":%q,"type":"m.test","message_id":%q,"messages":{"@alice:hs.test":{"*":{"n":1}},"@bob:hs.test":{"*":{"n":2}}}}`, sender, id)
			if err := w.ReceiveToDevice(w.Context(), elsewhere, text); err != nil {
				w.Fatal(err)
			}
		}
		edu("@dave:elsewhere.test", "1")
		if alices, bobs := texts(w.changes(phone, e2ee.Since{}).Messages), texts(w.changes(laptop, e2ee.Since{}).Messages); alices != "" || bobs != `{"n":2}` {
			w.Errorf("Alice is sent %s, Bob %s", alices, bobs)
		}
		edu("@erin:elsewhere.test", "2")
		if alices := texts(w.changes(phone, e2ee.Since{}).Messages); alices != `{"n":1}` {
			w.Errorf("by somebody else Alice is sent %s", alices)
		}
	})
}

func TestAListThatChangedElsewhere(t *testing.T) {
	each(t, func(w *world) {
		since := w.stream.Visible()
		for _, edu := range []string{`{"user_id":"@erin:elsewhere.test","device_id":"X","stream_id":1}`} {
			w.unchanged("somebody whom nobody follows", func() {
				if err := w.ReceiveListUpdate(w.Context(), elsewhere, []byte(edu)); err != nil {
					w.Error(err)
				}
			})
		}
		for edu, want := range map[string]error{
			`x`:                            e2ee.ErrEDU,
			`{}`:                           e2ee.ErrEDU,
			`{"user_id":1}`:                e2ee.ErrEDU,
			`{"user_id":"@dave:far.test"}`: e2ee.ErrOrigin,
			`{"user_id":"@alice:hs.test"}`: e2ee.ErrOrigin,
		} {
			w.unchanged(edu, func() {
				if err := w.ReceiveListUpdate(w.Context(), elsewhere, []byte(edu)); !errors.Is(err, want) {
					w.Errorf("%s: %v, want %v", edu, err, want)
				}
			})
		}
		if err := w.ReceiveListUpdate(w.Context(), elsewhere, []byte(`{"user_id":"@dave:elsewhere.test","device_id":"X","stream_id":1}`)); err != nil {
			w.Fatal(err)
		}
		w.changed("Dave", alice, since, dave)
		w.changed("Dave", stranger, since)
		if len(w.land.queued) != 0 {
			w.Errorf("other servers are told of Dave: %v", w.land.queued)
		}
	})
}

// Each update names the one before it, so that another server notices what it has missed,
// and a list that is fetched whole says where it stands.
func TestOtherServersFollowALocalUser(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		w.land.queued = nil
		p := w.ready(alice, "PHONE", 1)
		w.sign(alice, alice, "PHONE", e2eetest.Sign(alice, e2eetest.Name(i.Self), i.Self, p.Keys()))
		w.ready(stranger, "PHONE", 1)
		list, err := w.DevicesOf(w.Context(), alice)
		if err != nil || len(list.Devices) != 1 || list.Devices[0].DisplayName != "the PHONE" || list.Master == nil || list.SelfSigning == nil {
			w.Errorf("the list = %+v, %v", list, err)
		}
		if len(w.land.queued) != 2 {
			t.Fatalf("queued %v, want two updates", w.land.queued)
		}
		first, second := string(w.land.queued[0].edu.Content), string(w.land.queued[1].edu.Content)
		var before stream.Pos
		if _, err := fmt.Sscanf(second[strings.Index(second, `"prev_id":[`):], `"prev_id":[%d]`, &before); err != nil {
			w.Fatalf("%s names no update before it", second)
		}
		if !strings.Contains(first, fmt.Sprintf(`"stream_id":%d,`, before)) {
			w.Errorf("%s does not follow %s", second, first)
		}
		if !strings.Contains(second, fmt.Sprintf(`"stream_id":%d,`, list.Stream)) {
			w.Errorf("the list stands at %d, the last update is %s", list.Stream, second)
		}
		if strings.Contains(first, e2eetest.Name(i.Self)) || !strings.Contains(second, e2eetest.Name(i.Self)) {
			w.Errorf("the signature is not in the second update alone: %s, %s", first, second)
		}
		if _, err := w.DevicesOf(w.Context(), unknownOne); !errors.Is(err, e2ee.ErrNoUser) {
			w.Errorf("of nobody: %v", err)
		}
		if _, err := w.DevicesOf(w.Context(), dave); !errors.Is(err, e2ee.ErrNoUser) {
			w.Errorf("of somebody elsewhere: %v", err)
		}
	})
}

// Other servers are sent the new cross-signing keys, the user-signing key never.
func TestCrossSigningKeysGoElsewhere(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		if len(w.land.queued) != 1 || w.land.queued[0].to != elsewhere || w.land.queued[0].edu.Type != e2ee.EDUSigningKeyUpdate {
			w.Fatalf("queued %v", w.land.queued)
		}
		text := string(w.land.queued[0].edu.Content)
		if !strings.Contains(text, e2eetest.Name(i.Master)) || !strings.Contains(text, e2eetest.Name(i.Self)) || strings.Contains(text, e2eetest.Name(i.Others)) {
			w.Errorf("sent %s", text)
		}
	})
}
