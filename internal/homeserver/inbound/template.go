package inbound

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/matrix"
)

// references are the events that a template follows or cites: ids, and in the first two
// versions of rooms each with its hash.
func references(v event.Version, list event.Value, hashes map[string][sha256.Size]byte) (ids []string, err error) {
	elements, isList := list.Elements()
	if !isList {
		return nil, remote.ErrTemplate
	}
	for _, element := range elements {
		if v.EventIDInEvent() {
			pair, _ := element.Elements()
			if len(pair) != 2 {
				return nil, remote.ErrTemplate
			}
			element = pair[0]
			id, _ := element.Text()
			text, _ := pair[1].Field("sha256").Text()
			hash, err := matrix.DecodeBase64(text)
			if err != nil || len(hash) != sha256.Size {
				return nil, remote.ErrTemplate
			}
			hashes[id] = [sha256.Size]byte(hash)
		}
		id, isText := element.Text()
		if !isText || id == "" {
			return nil, remote.ErrTemplate
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// integer is a depth, at least 1.
func integer(v event.Value) (int64, error) {
	if !v.Exists() {
		return 1, nil
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 {
		return 0, remote.ErrTemplate
	}
	return n, nil
}

// withText is an object with one text more.
func withText(object []byte, name, text string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, fmt.Errorf("reading a membership: %w", err)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("writing a membership: %w", err)
	}
	members[name] = quoted
	return json.Marshal(members)
}

// alone is a membership that follows another and cites nothing else.
func alone(of *event.Event, content []byte, ts int64, signer event.Signer) (*event.Event, error) {
	key, _ := of.StateKey()
	p := event.Proto{RoomID: of.RoomID(), Type: of.Type(), StateKey: &key, Sender: key, Content: content, OriginServerTS: ts,
		Depth: min(of.Depth(), math.MaxInt64-1) + 1, AuthEvents: []string{of.ID()}, PrevEvents: []string{of.ID()},
		Hashes: map[string][sha256.Size]byte{of.ID(): of.ReferenceHash()}}
	if of.Version().EventIDInEvent() {
		p.EventID = "$" + strings.ToLower(rand.Text()) + ":" + signer.Server.String()
	}
	return of.Version().Build(p, signer)
}
