package e2ee

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Message is a message to a device.
type Message struct {
	Sender  matrix.UserID
	Type    string
	Content jsontext.Value // an object
	pos     stream.Pos
}

// MaxMessages is how many messages one answer of /sync brings (client-server API,
// "Send-to-Device messaging").
const MaxMessages = 100

// Since is what a client proves to have by its token of /sync. Both are 0 for one that
// has nothing.
type Since struct {
	Pos stream.Pos // of all that is told
	// Messages is how far the messages to the device were delivered with it: up to Pos,
	// or less far where there were too many for one answer.
	Messages stream.Pos
}

// Changes is what encryption has to say in one answer of /sync.
type Changes struct {
	// Messages are in the order in which they came, Delivered is how far they go: the
	// next token has to say so, as Since.Messages. Nothing is lost of what comes after.
	Messages  []Message
	Delivered stream.Pos
	// Lists is empty without since, when a client asks for everybody's keys anyway.
	Lists           Lists
	OneTimeCounts   map[string]int64
	UnusedFallbacks []string
}

// Changes is what is new for a device after since and up to to. What since proves to have
// arrived is forgotten, and nothing else, however often it was read.
func (e *Encryption) Changes(ctx context.Context, d Device, since Since, to stream.Pos) (c Changes, err error) {
	if c.Messages, c.Delivered, err = e.messages(ctx, d, since.Messages, to); err != nil {
		return Changes{}, err
	}
	if since.Pos > 0 {
		if c.Lists, err = e.ListsBetween(ctx, d.User, since.Pos, to); err != nil {
			return Changes{}, err
		}
	}
	if c.OneTimeCounts, c.UnusedFallbacks, err = selectSupply(ctx, e.DB, d); err != nil {
		return Changes{}, fmt.Errorf("reading what keys a device has left: %w", err)
	}
	return c, nil
}

// messages are the first so many after since, and how far they go. What has arrived is
// deleted, but not looked for: it would be read first.
func (e *Encryption) messages(ctx context.Context, d Device, since, to stream.Pos) ([]Message, stream.Pos, error) {
	messages, err := selectMessages(ctx, e.DB, d, 0, to, MaxMessages)
	if err == nil && len(messages) > 0 && messages[0].pos <= since {
		// A power cut may bring them back, which does no harm: they come here again.
		if err = deleteMessages(ctx, e.DB, d, since); err == nil {
			messages, err = selectMessages(ctx, e.DB, d, since, to, MaxMessages)
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading messages to a device: %w", err)
	}
	if len(messages) < MaxMessages {
		return messages, to, nil
	}
	return messages, messages[MaxMessages-1].pos, nil
}
