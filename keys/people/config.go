package people

import (
	"context"
	"fmt"

	"signet/keys/proof"
)

// Trust is of the trust root of who verifies what is this log's; the server's name and its
// keys are for the caller to add.
func (p *People) Trust(ctx context.Context) (proof.Config, error) {
	configs, err := p.keys.Configs(ctx, p.tiles, p.state)
	if err != nil {
		return proof.Config{}, fmt.Errorf("reading by which keys the log of people's keys is signed: %w", err)
	}
	revoked, err := p.revokedKeys(ctx)
	if err != nil {
		return proof.Config{}, err
	}
	return proof.Config{Users: proof.NewLogConfig(configs), VRF: proof.Hash(p.VRF.Public().Bytes()), Revoked: revoked}, nil
}
