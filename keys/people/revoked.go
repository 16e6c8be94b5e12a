package people

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/keys/proof"
)

// settle is how long after its revocation a key may still be in a value that waits to be
// logged: whoever was about to sign with it has done so long before.
const settle = time.Minute

// revokedEvery is how long a replica may not know of a key that was revoked.
const revokedEvery = time.Second

// revocations is what a replica knows of revoked keys.
type revocations struct {
	mu    sync.Mutex // guards the rest
	asked time.Time
	keys  map[matrix.KeyID]proof.RevokedKey
}

// endRevoked writes down, of each key that was revoked a while ago, from which position on
// nothing is believed that it signed. All that the server signed by it stands before: nothing of
// then waits any more, but for what is set aside, for which nobody else's keys are to wait.
func (p *People) endRevoked(ctx context.Context) error {
	revoked, err := p.Signer.Revoked(ctx)
	if err != nil || len(revoked) == 0 {
		return err
	}
	ended, err := selectRevoked(ctx, p.DB)
	if err != nil {
		return err
	}
	for _, k := range revoked {
		until := k.Revoked.Add(settle)
		if _, has := ended[k.ID]; has || p.Now().Before(until) {
			continue
		}
		waits, err := anyPendingSince(ctx, p.DB, until.UnixMilli(), p.aside.tags())
		if err != nil || waits {
			return err
		}
		// The log of now, and after it was asked what waits: another replica may have logged that
		// since this one has followed.
		log, err := p.tiles.Status(ctx)
		if err != nil {
			return err
		}
		if err := insertRevoked(ctx, p.DB, k.ID, log.Size); err != nil {
			return err
		}
	}
	return nil
}

// revokedKeys are those whose end is known, as they were a moment ago. While one asks the database,
// others go on with what was known; only before the first answer all ask.
func (p *People) revokedKeys(ctx context.Context) (map[matrix.KeyID]proof.RevokedKey, error) {
	known, fresh := p.revoked.known(p.Now())
	if fresh {
		return known, nil
	}
	keys, err := p.readRevoked(ctx)
	if err != nil {
		p.revoked.askAnew()
		return nil, fmt.Errorf("reading which keys were revoked: %w", err)
	}
	p.revoked.learn(keys, p.Now())
	return keys, nil
}

// known is what was read last, and whether that will do. Whoever is told that it will not reads anew.
func (r *revocations) known(now time.Time) (keys map[matrix.KeyID]proof.RevokedKey, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.asked); r.keys != nil && age >= 0 && age < revokedEvery {
		return r.keys, true
	}
	r.asked = now
	return r.keys, false
}

// askAnew has the next one read, after one has failed.
func (r *revocations) askAnew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = time.Time{}
}

func (r *revocations) learn(keys map[matrix.KeyID]proof.RevokedKey, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.asked = keys, at
}

func (p *People) readRevoked(ctx context.Context) (map[matrix.KeyID]proof.RevokedKey, error) {
	keys := map[matrix.KeyID]proof.RevokedKey{}
	ended, err := selectRevoked(ctx, p.DB)
	if err != nil || len(ended) == 0 {
		return keys, err
	}
	revoked, err := p.Signer.Revoked(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range revoked {
		if position, has := ended[k.ID]; has {
			keys[k.ID] = proof.RevokedKey{Key: proof.Hash(k.Public), Before: position}
		}
	}
	return keys, nil
}

// signedByRevoked tells whether a value has the server's signature by one of some keys.
func (p *People) signedByRevoked(object []byte, revoked func(matrix.KeyID) bool) bool {
	var signed struct {
		Signatures map[string]map[matrix.KeyID]jsontext.Value `json:"signatures"`
	}
	if json.Unmarshal(object, &signed) != nil {
		return false
	}
	for id := range signed.Signatures[p.Name.String()] {
		if revoked(id) {
			return true
		}
	}
	return false
}

// placeOf is where a newest version stands, for a value that is not believed without: nil for
// every other, whose proof is a third shorter.
func (p *People) placeOf(ctx context.Context, v version, object []byte, m moment) (*proof.Place, error) {
	revoked, err := p.revokedKeys(ctx)
	if err != nil || len(revoked) == 0 || object == nil {
		return nil, err
	}
	if !p.signedByRevoked(object, func(id matrix.KeyID) bool { _, is := revoked[id]; return is }) {
		return nil, nil
	}
	included, err := p.tiles.ProveRecord(ctx, m.size, v.position)
	if err != nil {
		return nil, err
	}
	return proof.NewPlace(v.position, included), nil
}

// signedAnew is a value that has waited, with a signature of today if the key that signed it was
// revoked meanwhile. Nobody was promised its octets.
func (p *People) signedAnew(ctx context.Context, c change) (change, error) {
	revoked, err := p.Signer.Revoked(ctx)
	if err != nil || c.Auth == nil {
		return c, err
	}
	is := func(id matrix.KeyID) bool {
		return slices.ContainsFunc(revoked, func(k keyring.Key) bool { return k.ID == id })
	}
	if !p.signedByRevoked(c.json, is) {
		return c, nil
	}
	object, err := c.WithAuth(*c.Auth)
	if err != nil {
		return change{}, err
	}
	c.json, err = p.Signer.Sign(ctx, jsontext.Value(object))
	return c, err
}
