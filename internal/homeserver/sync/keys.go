package sync

import (
	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
)

// keys is what encryption has to say, with the device's supply of keys. Where nothing has
// concerned the user since the device had its messages, it need not be asked for more than
// whom the user met.
func (a *answer) keys() (c e2ee.Changes, s supply, err error) {
	d := e2ee.Device{User: a.User, ID: e2ee.DeviceID(a.Device)}
	s, quiet := a.device.quiet(a.Stream.Concerned(a.User))
	if quiet && a.base.Messages == a.base.Pos {
		c.Delivered = a.to
		if a.base.Pos > 0 {
			c.Lists, err = a.Encryption.ListsBetween(a.ctx, a.User, a.base.Pos, a.to)
		}
		return c, s, err
	}
	c, err = a.Encryption.Changes(a.ctx, d, e2ee.Since{Pos: a.base.Pos, Messages: a.base.Messages}, a.to)
	if err != nil {
		return c, nil, err
	}
	if s, err = newSupply(c); err == nil && a.device.learn(s, len(c.Messages) > 0, a.to) {
		a.news = true
	}
	return c, s, err
}

// signedCurve is the algorithm whose number of keys is always said: some clients take it
// that nothing has changed where none is.
const signedCurve = "signed_curve25519"

// newSupply writes a device's supply of keys (client-server API, "Extensions to /sync").
func newSupply(c e2ee.Changes) (supply, error) {
	counts := map[string]int64{signedCurve: 0}
	for algorithm, n := range c.OneTimeCounts {
		counts[algorithm] = n
	}
	written, err := json.Marshal(counts, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	fallbacks, err := json.Marshal(c.UnusedFallbacks)
	s := append(supply(`,"device_one_time_keys_count":`), written...)
	return append(append(s, `,"device_unused_fallback_key_types":`...), fallbacks...), err
}

// writeKeys writes messages to the device, changed lists of devices, and its supply.
func (a *answer) writeKeys(c e2ee.Changes, s supply) error {
	if len(c.Messages) > 0 {
		a.news = true
		a.writeMessages(c.Messages)
	}
	if len(c.Lists.Changed)+len(c.Lists.Left) > 0 {
		a.news = true
		a.member("device_lists")
		if err := a.marshal(deviceLists{c.Lists.Changed, c.Lists.Left}); err != nil {
			return err
		}
	}
	a.out = append(a.out, s...)
	return nil
}

type deviceLists struct {
	Changed []matrix.UserID `json:"changed"`
	Left    []matrix.UserID `json:"left"`
}

func (a *answer) writeMessages(messages []e2ee.Message) {
	a.member("to_device")
	a.out = append(a.out, `{"events":[`...)
	for _, m := range messages {
		a.comma()
		a.out = append(append(a.out, `{"content":`...), m.Content...)
		a.member("sender")
		a.quote(m.Sender.String())
		a.member("type")
		a.quote(m.Type)
		a.out = append(a.out, '}')
	}
	a.out = append(a.out, `]}`...)
}
