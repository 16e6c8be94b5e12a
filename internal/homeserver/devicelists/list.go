package devicelists

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// list is the devices and keys of a user.
type list struct {
	there bool // the user has one
	stale bool
	pos   stream.Pos // of the stream, when it was asked for
	asked time.Time
	keys  keys
}

// keys is what is stored of a list.
type keys struct {
	Devices     map[e2ee.DeviceID]jsontext.Value `json:"devices"`
	Master      jsontext.Value                   `json:"master,omitempty"`
	SelfSigning jsontext.Value                   `json:"self_signing,omitempty"`
}

func newKeys() e2ee.Keys {
	return e2ee.Keys{Devices: map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value{}, Master: map[matrix.UserID]jsontext.Value{},
		SelfSigning: map[matrix.UserID]jsontext.Value{}}
}

// take takes what an answer says of a user.
func (l *list) take(answer e2ee.Keys, user matrix.UserID) {
	l.there = true
	l.keys = keys{Devices: answer.Devices[user], Master: answer.Master[user], SelfSigning: answer.SelfSigning[user]}
}

// addTo adds the list to an answer, of its devices those that are wanted; none stands for
// all.
func (l list) addTo(answer e2ee.Keys, user matrix.UserID, wanted []e2ee.DeviceID) {
	if l.keys.Devices != nil {
		answer.Devices[user] = map[e2ee.DeviceID]jsontext.Value{}
	}
	for id, device := range l.keys.Devices {
		if len(wanted) == 0 || slices.Contains(wanted, id) {
			answer.Devices[user][id] = device
		}
	}
	if l.keys.Master != nil {
		answer.Master[user] = l.keys.Master
	}
	if l.keys.SelfSigning != nil {
		answer.SelfSigning[user] = l.keys.SelfSigning
	}
}
