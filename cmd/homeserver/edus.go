package main

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
)

// edus takes what other servers say of devices.
type edus struct{ encryption *e2ee.Encryption }

func (e edus) HandleEDU(ctx context.Context, origin matrix.ServerName, kind string, content jsontext.Value) error {
	switch kind {
	case "m.direct_to_device":
		return e.encryption.ReceiveToDevice(ctx, origin, content)
	case "m.device_list_update", "m.signing_key_update":
		return e.encryption.ReceiveListUpdate(ctx, origin, content)
	}
	return nil
}
