package people

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/log"
)

// config is the CONFIG of the log: what is needed to verify its proofs.
type config struct {
	Origin string   `json:"origin"`
	VKeys  []string `json:"vkeys"`  // C2SP signed-note
	VRF    string   `json:"vrf_pk"` // 32 octets in unpadded base64
}

// describe makes the signers of the log and its first entry, which always is the same of the
// same keys.
func describe(origin string, o Options) ([]note.Signer, []byte, error) {
	signers, vkeys, err := signersOf(origin, o.Keys)
	if err != nil {
		return nil, nil, err
	}
	object, err := json.Marshal(config{Origin: origin, VKeys: vkeys, VRF: matrix.EncodeBase64(o.VRF.Public().Bytes())})
	if err != nil {
		return nil, nil, err
	}
	e, err := entry.NewConfig(object)
	if err != nil {
		return nil, nil, err
	}
	return signers, e.Append(nil), nil
}

// checkConfig holds the first entry against that of today's keys. A log that was rolled back
// shows none, and signs nothing.
func (p *People) checkConfig(ctx context.Context, config []byte) error {
	first, err := p.tiles.Entries(ctx, 0, 1)
	if errors.Is(err, log.ErrNotFound) || errors.Is(err, log.ErrRolledBack) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the CONFIG of the log of people's keys: %w", err)
	}
	if !bytes.Equal(first[0], config) {
		return ErrConfig
	}
	return nil
}
