package idclient

import (
	"encoding/base64"
	"io"
)

// stamp makes a signed call that is not idempotent one that counts once: the signature itself
// has neither clock nor nonce.
type stamp struct {
	TS    int64  `json:"im.signet.ts"` // milliseconds since 1970
	Nonce string `json:"im.signet.nonce"`
}

func (c *Client) stamp() stamp {
	nonce := make([]byte, 18)
	if _, err := io.ReadFull(c.Rand, nonce); err != nil {
		panic("no randomness: " + err.Error()) // crypto/rand does not fail
	}
	return stamp{TS: c.Now().UnixMilli(), Nonce: base64.RawURLEncoding.EncodeToString(nonce)}
}
